"""A location: one immediate child of a place on the plugin path, and what stands beside it.

::

    PLACE/acme/                 project: pyproject.toml, pylock.toml, its wheelhouse wheels/
    PLACE/acme/                 wheels: *.whl at the top or in wheels/, pylock.toml, venvoy.toml
    PLACE/acme-1.0-….whl        wheel: its lock is pylock.acme-1-0-….toml beside it
    PLACE/acme.pyz              bundle: everything inside it
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal

from packaging.version import Version

from manager.errors import VenvoyError

__all__ = ["Location", "Problem", "Shape"]


class Shape(StrEnum):
    """What a location looks like, which says where its wheel comes from (design 3)."""

    PROJECT = "project"
    WHEELS = "wheels"
    WHEEL = "wheel"
    BUNDLE = "bundle"
    WORKER = "worker"
    """No location on a plugin path: the worker's own environment, when the path is empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """One location.

    `path` is absolute and as the user named it: a link is kept, not resolved. `place_index`
    counts the places of the plugin path from 0. `builtin` marks the API's own plugins, whose
    `place_index` means nothing.
    """

    path: Path
    shape: Shape
    place: Path
    place_index: int
    builtin: bool = False

    @property
    def name(self) -> str:
        """The last part of the path, which decides ties within a place."""
        return self.path.name

    @property
    def is_file(self) -> bool:
        """Whether the location is one file, so that its lock and settings stand beside it."""
        return self.shape in {Shape.WHEEL, Shape.BUNDLE}

    @property
    def lock_file(self) -> Path:
        """Where the lock is, whether or not it exists; PEP 751 allows no dot in its middle."""
        return self._beside("pylock")

    @property
    def settings_file(self) -> Path:
        """Where `[tool.venvoy]` of the location stands, whether or not it exists."""
        if self.shape is Shape.PROJECT:
            return self.path / "pyproject.toml"
        return self._beside("venvoy")

    @property
    def wheelhouse_dirs(self) -> tuple[Path, ...]:
        """The existing directories in which wheels of this location may lie, nearest first."""
        if self.is_file:
            return (self.path.parent,)
        below = self.path / "wheels"
        top = (self.path,) if self.shape is Shape.WHEELS else ()
        return (*top, *((below,) if below.is_dir() else ()))

    def wheel_files(self) -> tuple[Path, ...]:
        """Return the wheels that the location holds, sorted by name, whatever the disk's order.

        A project's are its wheelhouse; its own wheel is built and not among them.
        """
        if self.shape is Shape.WHEEL:
            return (self.path,)
        if self.shape in {Shape.BUNDLE, Shape.WORKER}:
            return ()
        found = [file for directory in self.wheelhouse_dirs for file in directory.glob("*.whl")]
        return tuple(sorted(found, key=lambda file: (file.name, str(file))))

    def _beside(self, stem: str) -> Path:
        if self.is_file:
            return self.path.parent / f"{stem}.{self.path.stem.replace('.', '-')}.toml"
        return self.path / f"{stem}.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A fault of one place, location or wheel; it never stops its neighbours.

    An error means that something cannot be used, a warning that something may surprise. `spoils`
    names the distributions that cannot be used, as far as they are known, with their versions.
    """

    path: Path
    error: VenvoyError
    severity: Literal["error", "warning"]
    spoils: tuple[tuple[str, Version], ...] = ()

    @property
    def text(self) -> str:
        """What is wrong, with the path once: most messages have it already."""
        message = self.error.message
        return message if str(self.path) in message else f"`{self.path}`: {message}"
