"""Targets: the interpreters that a lock is for, by a short name and by PEP 508 markers.

A target is named `cp311-linux_x86_64-glibc`: the interpreter's ABI tag, its platform, its libc.
Markers tell targets apart inside a lock; they know nothing of the libc or of a build without the
GIL, which the tags of the wheels decide.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from packaging.markers import Marker
from packaging.version import Version

from manager.interpreters.interpreter import Interpreter

__all__ = ["Target", "environment_marker", "minor_of", "target_of", "telling_marker"]

MarkerName: TypeAlias = Literal[
    "python_version", "sys_platform", "platform_machine", "implementation_name"
]
_TELLING: tuple[MarkerName, ...] = (
    "python_version",
    "sys_platform",
    "platform_machine",
    "implementation_name",
)
"""The markers that make a difference between targets, the most telling first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One kind of interpreter; `markers` are the values of `_TELLING`, in its order."""

    markers: tuple[str, ...]
    name: str

    @property
    def minor(self) -> str:
        """Its Python's major and minor version, `3.11`."""
        return self.markers[0]

    def __lt__(self, other: "Target") -> bool:
        """Order by Python, 3.9 before 3.11, then by platform."""
        mine, theirs = Version(self.minor), Version(other.minor)
        return (mine, self.markers, self.name) < (theirs, other.markers, other.name)


def target_of(interpreter: Interpreter) -> Target:
    """Return the target that an interpreter is."""
    system = interpreter.platform.replace("-", "_").replace(".", "_")
    libc = f"-{_libc(interpreter)}" if interpreter.platform.startswith("linux") else ""
    return Target(
        markers=tuple(interpreter.markers[name] for name in _TELLING),
        name=f"{_abi(interpreter)}-{system}{libc}",
    )


def minor_of(name: str) -> str | None:
    """Return the Python that a target's name starts with, `3.11` of `cp311-…`, None if unclear."""
    found = re.match(r"(?:cp|pypy|pp)(\d)(\d+)", name)
    return None if found is None else f"{found[1]}.{found[2]}"


def environment_marker(target: Target) -> Marker:
    """Return the marker that holds for the target, for a lock's `environments`."""
    return _marker(target, range(len(_TELLING)))


def telling_marker(some: Sequence[Target], among: Sequence[Target]) -> Marker | None:
    """Return a marker that holds for `some` and for no other of `among`; None when it is all.

    Only what differs is named: `python_version == "3.9"`. Targets that no marker tells apart
    (glibc and musl, with and without the GIL) share what is said of either.
    """
    if {target.markers for target in some} == {target.markers for target in among}:
        return None
    differing = [
        index
        for index in range(len(_TELLING))
        if len({other.markers[index] for other in among}) > 1
    ]
    texts = dict.fromkeys(str(_marker(target, differing)) for target in sorted(some))
    alternatives = [f"({text})" if " and " in text and len(texts) > 1 else text for text in texts]
    return Marker(" or ".join(alternatives))


def _marker(target: Target, indexes: Sequence[int]) -> Marker:
    return Marker(
        " and ".join(f'{_TELLING[index]} == "{target.markers[index]}"' for index in indexes)
    )


def _abi(interpreter: Interpreter) -> str:
    """Return the ABI of the best tag (`cp311`, `cp313t`, `pypy310_pp73`)."""
    return interpreter.tags[0].split("-")[1]


def _libc(interpreter: Interpreter) -> str:
    return "glibc" if interpreter.libc.startswith("glibc") else "musl"
