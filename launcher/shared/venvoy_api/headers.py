"""The headers of a record: an ordered list of names with values, where names may repeat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from venvoy_api.schema import Schema

__all__ = ["Header", "Headers"]


class Header:
    """One header: a key, a value and the value's schema (None when it has none). Immutable."""

    __slots__ = ("key", "schema", "value")

    key: str
    schema: Schema | None
    value: Any

    def __init__(self, key: str, schema: Schema | None, value: object) -> None:
        self.key = key
        self.schema = schema
        self.value = value

    def with_key(self, key: str) -> Header:
        """Return the same value under another key."""
        return Header(key, self.schema, self.value)

    def __eq__(self, other: object) -> bool:
        """Equal key, schema and value."""
        if not isinstance(other, Header):
            return NotImplemented
        return self.key == other.key and self.value == other.value and self.schema == other.schema

    def __hash__(self) -> int:
        """Hash of the key and the schema: values need not be hashable."""
        return hash((self.key, self.schema))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as a call."""
        return Header, (self.key, self.schema, self.value)

    def __repr__(self) -> str:
        """Key and value."""
        return f"Header({self.key!r}, {self.value!r})"


class Headers:
    """An ordered list of headers; the same key may occur several times, the last one counts.

    A record owns its headers: a transformation may change them in place on the record that it
    returns. Iteration goes through `Header`s in order.
    """

    __slots__ = ("_headers",)

    def __init__(self, headers: Iterable[Header] = ()) -> None:
        self._headers: list[Header] = list(headers)

    def add(self, key: str, value: object, schema: Schema | None = None) -> Headers:
        """Append a header and return these headers; raises DataError if the schema disagrees."""
        if schema is not None:
            schema.validate(value, key)
        self._headers.append(Header(key, schema, value))
        return self

    def append(self, header: Header) -> Headers:
        """Append a header that exists and return these headers."""
        self._headers.append(header)
        return self

    def last(self, key: str) -> Header | None:
        """Return the last header of that key, or None."""
        for header in reversed(self._headers):
            if header.key == key:
                return header
        return None

    def all(self, key: str) -> tuple[Header, ...]:
        """Return the headers of that key, in order."""
        return tuple(header for header in self._headers if header.key == key)

    def remove(self, key: str) -> Headers:
        """Remove every header of that key and return these headers."""
        self._headers = [header for header in self._headers if header.key != key]
        return self

    def retain_latest(self, key: str | None = None) -> Headers:
        """Keep only the last header of that key (None: of every key); return these headers."""
        seen: set[str] = set()
        kept: list[Header] = []
        for header in reversed(self._headers):
            if key is None or header.key == key:
                if header.key in seen:
                    continue
                seen.add(header.key)
            kept.append(header)
        self._headers = kept[::-1]
        return self

    def apply(self, change: Callable[[Header], Header | None], key: str | None = None) -> Headers:
        """Replace each header (of that key) by what `change` returns; None removes it."""
        changed: list[Header] = []
        for header in self._headers:
            kept = change(header) if key is None or header.key == key else header
            if kept is not None:
                changed.append(kept)
        self._headers = changed
        return self

    def clear(self) -> Headers:
        """Remove every header and return these headers."""
        self._headers = []
        return self

    def duplicate(self) -> Headers:
        """Return a copy that can be changed on its own."""
        copy = Headers.__new__(Headers)
        copy._headers = self._headers.copy()  # noqa: SLF001  # its own class
        return copy

    def __iter__(self) -> Iterator[Header]:
        """Go through the headers in order."""
        return iter(self._headers)

    def __len__(self) -> int:
        """Return how many headers there are."""
        return len(self._headers)

    def __contains__(self, key: object) -> bool:
        """Whether there is a header of that key."""
        return any(header.key == key for header in self._headers)

    def __eq__(self, other: object) -> bool:
        """Equal headers in equal order."""
        if not isinstance(other, Headers):
            return NotImplemented
        return self._headers == other._headers

    __hash__ = None  # type: ignore[assignment]  # headers can change, so they are no key

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as a call with the list of headers."""
        return Headers, (self._headers,)

    def __repr__(self) -> str:
        """Show every header."""
        return f"Headers({self._headers!r})"
