"""Moments as text and back, by the patterns of Java's SimpleDateFormat, in UTC and in English.

| letters | mean |
|---|---|
| `yyyy` `y` `yy` | year; of two digits: the one within 80 years before and 20 years after now |
| `M` `MM`, `MMM`, `MMMM` | month as number, `Jan`, `January` |
| `d` `dd` | day of the month |
| `E`, `EEEE` | `Mon`, `Monday` |
| `H` `HH`, `h` `hh` with `a` | hour 0 to 23, hour 1 to 12 with `AM` or `PM` |
| `m` `mm`, `s` `ss`, `S` `SS` `SSS` | minute, second, millisecond (a number, not a fraction) |
| `z`, `Z`, `X` `XX` `XXX` | `UTC`, `+0000`, `Z`; when reading also other offsets from UTC |
| `'T'`, `''` | text as it is, a quote |

Every other letter is refused by name. As in Java, reading begins at the start of the text and
leaves what follows the pattern alone, takes numbers of any length unless another field follows at
once, and puts 1970-01-01 00:00 in place of what the pattern does not have. Unlike Java it refuses
days and hours that do not exist, where Java counts on: 31 June is not 1 July here.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Callable, NamedTuple

from venvoy_api.errors import ConfigError
from venvoy_api.logical import Timestamp

__all__ = ["DateFormat", "date_format"]

_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_CENTURY_BEFORE_YEARS = 80
_DAY_MS = 86_400_000
_DIGITS_MAX = 9
_TOKEN = re.compile(
    r"(?P<quote>'')|'(?P<quoted>(?:[^']|'')*)'|(?P<open>')"
    r"|(?P<letter>[A-Za-z])(?P=letter)*|(?P<literal>[^A-Za-z']+)"
)
_GENERAL_ZONE = r"GMT[+-]\d{1,2}:\d\d|GMT|UTC|[+-]\d{4}"
_ISO_ZONES = (r"Z|[+-]\d\d", r"Z|[+-]\d{4}", r"Z|[+-]\d\d:\d\d")
_OFFSET = re.compile(r"([+-])(\d{1,2}?):?(\d\d)?$")
_REFUSED = {
    "Y": "the year of a week; a calendar year is yyyy",
    "D": "the day in the year; a day of the month is dd",
    "L": "a month that stands alone; use MM",
    "k": "the hour 1 to 24; use HH",
    "K": "the hour 0 to 11; use hh with a",
    "G": "the era; leave it out",
    "F": "the week's place in the month",
    "u": "the day of the week as a number; its name is EEE",
    "w": "the week of the year",
    "W": "the week of the month",
}


class _Field(NamedTuple):
    """One run of letters: how it is written, read, and into which part of a moment."""

    part: str
    template: str
    value: Callable[[datetime], object]
    regex: str
    read: Callable[[str], int]
    unit_ms: int


class _PatternError(Exception):
    """Why a pattern is refused."""


class DateFormat:
    """A pattern, compiled; `date_format` makes one of a configuration value."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        pieces = _pieces(pattern)
        fields = [piece for piece in pieces if isinstance(piece, _Field)]
        self._values = [field.value for field in fields]
        self._reads = [(field.part, field.read) for field in fields]
        self._template = "".join(
            piece.template if isinstance(piece, _Field) else piece.replace("%", "%%")
            for piece in pieces
        )
        self._regex = re.compile(
            "".join(
                f"[ \t]*({piece.regex})" if isinstance(piece, _Field) else re.escape(piece)
                for piece in pieces
            ),
            re.ASCII,
        )
        self.unit_ms = min((field.unit_ms for field in fields), default=_DAY_MS)
        """Moments in the same unit, so many milliseconds since 1970, have the same text."""

    def format(self, milliseconds: int) -> str:
        """Return the text of a moment since 1970 UTC; raises DataError for years beyond 9999."""
        moment = Timestamp.to_logical(Timestamp.SCHEMA, milliseconds)
        return self._template % tuple([value(moment) for value in self._values])

    def parse(self, text: str) -> int:
        """Return the milliseconds since 1970 UTC; raises ValueError for text of another form."""
        match = self._regex.match(text)
        try:
            if match is not None:
                return self._moment(match)
        except ValueError:  # there is no such day or hour
            pass
        raise ValueError(f"{text!r} is not of the form {self.pattern!r}")

    def _moment(self, match: re.Match[str]) -> int:
        found = {part: read(item) for (part, read), item in zip(self._reads, match.groups())}
        hour = found.get("hour", 0)
        if "hour" not in found and "hour of half" in found:
            hour = _hour(found["hour of half"], found.get("half", 0))
        moment = datetime(
            found.get("year", 1970),
            found.get("month", 1),
            found.get("day", 1),
            hour,
            found.get("minute", 0),
            found.get("second", 0),
            found.get("millisecond", 0) * 1000,
            timezone.utc,
        )
        if found.get("weekday", moment.weekday()) != moment.weekday():
            raise ValueError(match[0])
        return Timestamp.from_logical(Timestamp.SCHEMA, moment) - found.get("offset", 0)


def date_format(name: str, pattern: object) -> DateFormat:
    """Return the compiled pattern of the key `name`; raises ConfigError."""
    try:
        return DateFormat(str(pattern))
    except _PatternError as error:
        raise ConfigError(
            name, pattern, f"must be a pattern of SimpleDateFormat that has one meaning: {error}"
        ) from error


def _pieces(pattern: str) -> list[_Field | str]:
    """Return the fields of a pattern and the text between them."""
    tokens = list(_TOKEN.finditer(pattern))
    pieces: list[_Field | str] = []
    for token, after in zip(tokens, [*tokens[1:], None]):
        if token["open"]:
            raise _PatternError("Unterminated quote")
        if token["letter"]:
            abuts = after is not None and after["letter"] is not None
            pieces.append(_field(token["letter"], len(token[0]), abuts=abuts))
        elif token["quote"]:
            pieces.append("'")
        elif token["literal"]:
            pieces.append(token["literal"])
        else:
            pieces.append((token["quoted"] or "").replace("''", "'"))
    return pieces


def _field(letter: str, count: int, *, abuts: bool) -> _Field:
    short = count < 4  # noqa: PLR2004  # four letters and more are the whole name
    if letter == "M" and count > 2:  # noqa: PLR2004  # one or two are the number
        return _name("month", _MONTHS, lambda moment: moment.month, 1, short=short)
    if letter == "E":
        return _name("weekday", _DAYS, lambda moment: moment.weekday() + 1, 0, short=short)
    if letter == "a":
        return _Field("half", "%s", _half, "(?i:AM|PM)", _read_half, 43_200_000)
    if letter in _NUMBERS:
        return _number(letter, count, abuts=abuts)
    return _offset(letter, count)


def _number(letter: str, count: int, *, abuts: bool) -> _Field:
    part, value, unit_ms = _NUMBERS[letter]
    if letter == "S" and count > 3:  # noqa: PLR2004  # Java reads .123456 as 123456 ms
        raise _PatternError("`S` is a number of milliseconds: SSS at most")
    if count > _DIGITS_MAX:
        raise _PatternError(f"`{letter}` stands there {count} times")
    digits = rf"\d{{{count}}}" if abuts else rf"\d{{1,{_DIGITS_MAX}}}"
    if letter == "y":
        return _year(count, digits)
    return _Field(part, f"%0{count}d", value, digits, int, unit_ms)


def _offset(letter: str, count: int) -> _Field:
    if letter in "zZ":
        text = "UTC" if letter == "z" else "+0000"
        return _Field("offset", "%s", lambda _: text, _GENERAL_ZONE, _read_offset, _DAY_MS)
    if letter == "X" and count <= len(_ISO_ZONES):
        regex = _ISO_ZONES[count - 1]
        return _Field("offset", "%s", lambda _: "Z", regex, _read_offset, _DAY_MS)
    if letter in _REFUSED:
        raise _PatternError(f"`{letter}` is {_REFUSED[letter]}")
    raise _PatternError(f"Illegal pattern character '{letter}'")


_NUMBERS: dict[str, tuple[str, Callable[[datetime], int], int]] = {
    "y": ("year", lambda moment: moment.year, _DAY_MS),
    "M": ("month", lambda moment: moment.month, _DAY_MS),
    "d": ("day", lambda moment: moment.day, _DAY_MS),
    "H": ("hour", lambda moment: moment.hour, 3_600_000),
    "h": ("hour of half", lambda moment: moment.hour % 12 or 12, 3_600_000),
    "m": ("minute", lambda moment: moment.minute, 60_000),
    "s": ("second", lambda moment: moment.second, 1000),
    "S": ("millisecond", lambda moment: moment.microsecond // 1000, 1),
}


def _year(count: int, digits: str) -> _Field:
    if count == 2:  # noqa: PLR2004  # yy
        return _Field("year", "%02d", lambda moment: moment.year % 100, digits, _read_year, _DAY_MS)
    read = _read_year if count == 1 else int
    return _Field("year", f"%0{count}d", lambda moment: moment.year, digits, read, _DAY_MS)


def _read_year(text: str) -> int:
    """Return the year; one of two digits is in the hundred years that began 80 years ago."""
    if len(text) != 2:  # noqa: PLR2004
        return int(text)
    start = (datetime.now(timezone.utc) - timedelta(days=365.25 * _CENTURY_BEFORE_YEARS)).year
    year = start // 100 * 100 + int(text)
    return year if year >= start else year + 100


def _name(
    part: str, names: list[str], number: Callable[[datetime], int], first: int, *, short: bool
) -> _Field:
    shown = [name[:3] for name in names] if short else names
    numbers = {name.lower(): place for place, name in enumerate(names, first)}
    numbers.update({name[:3].lower(): place for place, name in enumerate(names, first)})
    regex = f"(?i:{'|'.join([*names, *(name[:3] for name in names)])})"
    return _Field(
        part,
        "%s",
        lambda moment: shown[number(moment) - 1],
        regex,
        lambda text: numbers[text.lower()],
        _DAY_MS,
    )


def _half(moment: datetime) -> str:
    return "AM" if moment.hour < 12 else "PM"  # noqa: PLR2004  # noon


def _read_half(text: str) -> int:
    return int(text.upper() == "PM")


def _hour(of_half: int, half: int) -> int:
    """Return the hour of the day; raises ValueError unless the hour of the half is 1 to 12."""
    if not 1 <= of_half <= 12:  # noqa: PLR2004
        raise ValueError(of_half)
    return of_half % 12 + 12 * half


def _read_offset(text: str) -> int:
    """Return the milliseconds by which that zone is ahead of UTC."""
    match = _OFFSET.search(text)
    if match is None:
        return 0
    sign, hours, minutes = match.groups()
    offset = (int(hours) * 60 + int(minutes or 0)) * 60_000
    return -offset if sign == "-" else offset
