"""Foreign targets: interpreters that are not on this machine, to lock and vendor for.

A target is named by the start of a wheel's tag and a platform, `cp311-manylinux_2_28_x86_64`:
the newest platform tag that it takes, so every older one, too. pip is told them one by one.
"""

import re
from dataclasses import dataclass
from typing import Final

from packaging.tags import compatible_tags, cpython_tags, mac_platforms

from manager.errors import VenvoyError
from manager.interpreters.interpreter import Interpreter
from manager.interpreters.wheel_tags import libc_platforms
from manager.locks.targets import Target

__all__ = ["ForeignTarget", "UnknownTargetError", "is_foreign", "parse_target", "pip_options"]

_NAME: Final = re.compile(r"cp(?P<major>3)(?P<minor>\d+)(?P<threads>t?)-(?P<platform>\w+)\Z")
# The architectures that wheels on PyPI are for: a misspelt one would lock without a word.
_LINUX: Final = re.compile(
    r"(?P<libc>many|musl)linux_(?P<major>\d+)_(?P<minor>\d+)_"
    r"(?P<arch>x86_64|i686|aarch64|armv7l|ppc64le|ppc64|s390x|riscv64|loongarch64)\Z"
)
_MAC: Final = re.compile(
    r"macosx_(?P<major>\d+)_(?P<minor>\d+)_(?P<arch>arm64|x86_64|universal2)\Z"
)
_WINDOWS: Final = {"win_amd64": "AMD64", "win32": "x86", "win_arm64": "ARM64"}
_SYSTEMS: Final = {
    "linux": ("posix", "Linux"),
    "darwin": ("posix", "Darwin"),
    "win32": ("nt", "Windows"),
}


class UnknownTargetError(VenvoyError):
    """The text that should name a target means nothing."""

    code = "unknown-target"

    def __init__(self, *, target: str) -> None:
        super().__init__(target)
        self.target = target

    @property
    def message(self) -> str:
        """The text."""
        return f"`{self.target}` names no target"

    @property
    def hint(self) -> str:
        """What would be one."""
        return (
            "write `python3.12` for an interpreter of this machine, or a Python with a platform:"
            " `cp311-manylinux_2_28_x86_64`, `cp312-musllinux_1_2_aarch64`,"
            " `cp313-macosx_11_0_arm64`, `cp311-win_amd64`"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignTarget:
    """A CPython elsewhere: `minor` is `3.11`, `platforms` all the tags it takes, best first."""

    minor: str
    abi: str
    platforms: tuple[str, ...]
    sys_platform: str
    machine: str

    @property
    def name(self) -> str:
        """Its name, which `parse_target` reads."""
        return f"{self.abi}-{self.platforms[0]}"

    @property
    def target(self) -> Target:
        """The target as a lock tells it from others."""
        return Target(
            markers=(self.minor, self.sys_platform, self.machine, "cpython"), name=self.name
        )

    @property
    def tags(self) -> tuple[str, ...]:
        """The wheel tags that fit, best first."""
        major, minor = map(int, self.minor.split("."))
        own = cpython_tags((major, minor), [self.abi], self.platforms)
        rest = compatible_tags((major, minor), f"cp{major}{minor}", self.platforms)
        return tuple(map(str, (*own, *rest)))

    @property
    def pip_options(self) -> list[str]:
        """The options that make pip choose for it."""
        return pip_options(minor=self.minor, abi=self.abi, platforms=self.platforms)

    def inexact(self, interpreter: Interpreter) -> str | None:
        """Return which markers pip evaluates wrongly when that interpreter stands in for it."""
        stood_in = interpreter.markers
        os_name, system = _SYSTEMS[self.sys_platform]
        wanted = {
            "python_version": self.minor,
            "sys_platform": self.sys_platform,
            "platform_machine": self.machine,
            "os_name": os_name,
            "platform_system": system,
        }
        wrong = [f"{name} ({stood_in[name]})" for name in wanted if stood_in[name] != wanted[name]]
        if not wrong:
            return None
        return f"{self.name}: markers are those of {interpreter}: {', '.join(wrong)}"


def parse_target(text: str) -> ForeignTarget:
    """Read a target's name; raises `UnknownTargetError`."""
    found = _NAME.match(text.strip())
    if found is None:
        raise UnknownTargetError(target=text)
    platform = found["platform"]
    known = _linux(platform) or _mac(platform)
    if platform in _WINDOWS:
        known = ((platform,), "win32", _WINDOWS[platform])
    if known is None:
        raise UnknownTargetError(target=text)
    platforms, system, machine = known
    return ForeignTarget(
        minor=f"{found['major']}.{found['minor']}",
        abi=f"cp{found['major']}{found['minor']}{found['threads']}",
        platforms=platforms,
        sys_platform=system,
        machine=machine,
    )


def is_foreign(name: str) -> bool:
    """Whether that is the name of a foreign target, not of an interpreter of this machine."""
    try:
        parse_target(name)
    except UnknownTargetError:
        return False
    return True


def pip_options(*, minor: str | None, abi: str | None, platforms: tuple[str, ...]) -> list[str]:
    """Return the options that make pip choose or fetch wheels for another Python or platform."""
    options = ["--only-binary=:all:"]
    if minor is not None:
        options += [f"--python-version={minor}", "--implementation=cp"]
    if abi is not None:
        options.append(f"--abi={abi}")
    return [*options, *(f"--platform={platform}" for platform in platforms)]


def _linux(platform: str) -> tuple[tuple[str, ...], str, str] | None:
    found = _LINUX.match(platform)
    if found is None:
        return None
    arch = found["arch"]
    platforms = libc_platforms(found["libc"], int(found["major"]), int(found["minor"]), arch)
    return (*platforms, f"linux_{arch}"), "linux", arch


def _mac(platform: str) -> tuple[tuple[str, ...], str, str] | None:
    found = _MAC.match(platform)
    if found is None:
        return None
    version = (int(found["major"]), int(found["minor"]))
    arch = found["arch"]
    return tuple(mac_platforms(version, arch)), "darwin", arch
