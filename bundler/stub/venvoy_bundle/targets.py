"""Which target of a bundle an interpreter is; names are those of `manager.locks.targets`."""

from __future__ import annotations

import os
import re
import sys
import sysconfig

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["BadTargetError", "find_python", "own_target"]

_START_S = 20
_NAME = re.compile(r"cp3(?P<minor>\d+)(?P<threads>t?)-(?P<platform>\w+?)(?:-(?P<libc>\w+))?")
_WHEEL = re.compile(r"(?P<libc>many|musl)linux_(?P<major>\d+)_(?P<minor>\d+)_(?P<arch>\w+)")


class BadTargetError(OSError):
    """No target of the bundle is a Python of this machine."""


def own_target(manifest: dict[str, Any]) -> dict[str, Any] | None:
    """Return the target of the running Python, None if the bundle has none."""
    found: list[dict[str, Any]] = [one for one in manifest["targets"] if _is_own(one["name"])]
    return found[0] if found else None


def find_python(manifest: dict[str, Any]) -> str | None:
    """Return a Python on PATH that one of the targets may be and that starts, the newest first."""
    minors = {int(match["minor"]) for match in map(_match, manifest["targets"]) if match}
    for minor in sorted(minors - {sys.version_info[1]}, reverse=True):
        for directory in os.environ.get("PATH", os.defpath).split(os.pathsep):
            python = os.path.join(directory, f"python3.{minor}")
            if os.path.isabs(python) and os.access(python, os.X_OK) and _is_python(python, minor):
                return python
    return None


def _is_python(python: str, minor: int) -> bool:
    """Whether it starts and is what its name says: a shim may stand for one that is not there."""
    import subprocess

    command = [python, "-I", "-S", "-c", "import sys; print(sys.version_info[1])"]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_START_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and done.stdout.strip() == str(minor).encode()


def _match(target: dict[str, Any]) -> re.Match[str] | None:
    return _NAME.fullmatch(target["name"])


def _is_own(name: str) -> bool:
    match = _NAME.fullmatch(name)
    if match is None or sys.implementation.name != "cpython":
        return False
    threads = "t" if "t" in sys.abiflags else ""
    if (int(match["minor"]), match["threads"]) != (sys.version_info[1], threads):
        return False
    here = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    glibc = _glibc()
    if match["platform"] == here:
        return match["libc"] is None or match["libc"] == ("glibc" if glibc else "musl")
    wheel = _WHEEL.fullmatch(match["platform"])
    if wheel is None or f"linux_{wheel['arch']}" != here:
        return False
    if wheel["libc"] == "musl":
        return not glibc
    return glibc >= (int(wheel["major"]), int(wheel["minor"]))


def _glibc() -> tuple[int, ...]:
    try:
        text = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, OSError, ValueError):
        return ()
    return tuple(map(int, re.findall(r"\d+", text)[:2]))
