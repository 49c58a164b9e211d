"""Network sources: where a lock or pip's configuration would send us, told when that is forbidden.

Offline nobody follows them: pip runs with `--no-index` and without its configuration, and wheels
are looked up by their hash. They are read only so that the message can name them.
"""

import configparser
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from manager.locks.locks import LockedWheel

__all__ = ["NetworkSource", "in_lock", "in_pip_configuration"]

_KEYS = ("index-url", "extra-index-url", "find-links")
_SECTIONS = ("global", "install", "download", "wheel")


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSource:
    """A URL that needs a network, and the key in the file (or variable) that says it."""

    url: str
    key: str
    where: str

    def __str__(self) -> str:
        """Return how messages name it."""
        return f"`{self.url}` (`{self.key}` in {self.where})"


def in_lock(lock_file: Path, wheels: Iterable[LockedWheel]) -> Iterator[NetworkSource]:
    """Yield the URLs of these wheels that are not files."""
    for wheel in wheels:
        if wheel.url is not None and _needs_network(wheel.url):
            key = f"packages.{wheel.name}.wheels.url"
            yield NetworkSource(url=_public(wheel.url), key=key, where=f"`{lock_file}`")


def in_pip_configuration(environment: Mapping[str, str]) -> tuple[NetworkSource, ...]:
    """Return every URL that needs a network in pip's variables and files, in pip's order."""
    found: list[NetworkSource] = []
    for file in _files(environment):
        parser = configparser.RawConfigParser()
        try:
            parser.read_string(file.read_text("utf-8", "replace"))
        except (OSError, configparser.Error):
            continue
        for section in _SECTIONS:
            for key in _KEYS if parser.has_section(section) else ():
                value = parser.get(section, key, fallback="")
                found += _sources(value, f"{section}.{key}", f"`{file}`")
    for key in _KEYS:
        variable = f"PIP_{key.upper().replace('-', '_')}"
        found += _sources(environment.get(variable, ""), variable, "the environment")
    return tuple(found)


def _sources(value: str, key: str, where: str) -> Iterator[NetworkSource]:
    for word in value.split():
        if _needs_network(word):
            yield NetworkSource(url=_public(word), key=key, where=where)


def _needs_network(url: str) -> bool:
    scheme, separator, _ = url.partition("://")
    return bool(separator) and scheme.lower() != "file"


def _public(url: str) -> str:
    """Leave out who logs in: messages end up in logs."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _files(environment: Mapping[str, str]) -> Sequence[Path]:
    """Return pip's configuration files, the weakest first, whether or not they exist."""
    only = environment.get("PIP_CONFIG_FILE")
    home = Path(environment.get("HOME") or "/nonexistent")
    user = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    site = (environment.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":")
    files = [Path(each) / "pip" / "pip.conf" for each in site if each]
    files += [Path("/etc/pip.conf"), home / ".pip" / "pip.conf", user / "pip" / "pip.conf"]
    if only == "/dev/null":
        return ()
    return [*files, Path(only)] if only else files
