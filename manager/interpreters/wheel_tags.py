"""Which wheel tags an interpreter takes, from what it said of itself and from its executable.

`packaging.tags.sys_tags` answers for the process that calls it only, and a release of `packaging`
runs on fewer Pythons than plugins may ask for; so the interpreter is asked for facts, and the tags
are made here. Sources: PEP 425, PEP 600 (manylinux), PEP 656 (musllinux).
"""

import contextlib
import re
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from packaging.tags import compatible_tags, cpython_tags, generic_tags

from manager.proc import (
    ProcessTimeoutError,
    UnstartableError,
    child_environment,
    inherited,
    run,
)

__all__ = ["libc_platforms", "linux_platforms", "wheel_tags"]

_LEGACY: Final = {(2, 17): "manylinux2014", (2, 12): "manylinux2010", (2, 5): "manylinux1"}
_OLDEST_GLIBC_MINOR: Final = {"x86_64": 5, "i686": 5}
_OTHERS_OLDEST_GLIBC_MINOR: Final = 17
# A Python of 32 bits on a kernel of 64 says the kernel's name.
_NARROW: Final = {"x86_64": "i686", "aarch64": "armv8l"}
_NARROW_POINTER_BYTES: Final = 4
_SHORT_NAMES: Final = {"cpython": "cp", "pypy": "pp", "ironpython": "ip", "jython": "jy"}

_ELF_LAYOUTS: Final = {  # class and byte order -> header, program header, places in the latter
    (1, 1): ("<HHIIIIIHHH", "<IIIIIIII", (1, 4)),
    (1, 2): (">HHIIIIIHHH", ">IIIIIIII", (1, 4)),
    (2, 1): ("<HHIQQQIHHH", "<IIQQQQQQ", (2, 5)),
    (2, 2): (">HHIQQQIHHH", ">IIQQQQQQ", (2, 5)),
}
_ELF_IDENT_BYTES: Final = 16
_PT_INTERP: Final = 3
_ARM_MASK: Final = 0xFF000400
_ARM_HARD_FLOAT: Final = 0x05000400  # EABI version 5, hard float: what armv7l wheels are made for
_MUSL_VERSION: Final = re.compile(r"musl.*\n.*Version (\d+)\.(\d+)")
_LOADER_TIMEOUT_S: Final = 20


class _Program(NamedTuple):
    """What the header of an ELF executable says; `loader` is "" for one without."""

    arm_hard_float: bool
    loader: str


def wheel_tags(facts: Mapping[str, object], executable: Path) -> tuple[str, ...]:
    """Return the tags of the wheels that an interpreter takes, best first.

    `facts` are what `interpreter_probe` says; the executable's header tells its C library.
    """
    implementation = str(facts["implementation"])
    version = tuple(int(part) for part in str(facts["version"]).split(".")[:2])
    digits = "".join(map(str, version))
    interpreter = f"{_SHORT_NAMES.get(implementation, implementation)}{digits}"
    taken = linux_platforms(facts, executable)
    if implementation == "cpython":
        threads = "t" if facts["free_threaded"] else ""
        abis = [f"cp{digits}{threads}"]
        if facts["debug"]:  # a debug build loads what was built for the other, too
            abis.insert(0, f"cp{digits}{threads}d")
        own = cpython_tags(version, abis, taken)
        rest = compatible_tags(version, interpreter, taken)
    else:
        own = generic_tags(interpreter, _generic_abis(str(facts["ext_suffix"])), taken)
        rest = compatible_tags(version, f"{interpreter[:2]}3", taken)
    return tuple(map(str, (*own, *rest)))


def linux_platforms(facts: Mapping[str, object], executable: Path) -> tuple[str, ...]:
    """Return the platform tags that an interpreter of this machine takes, best first."""
    platform = re.sub(r"[-. ]", "_", str(facts["platform"]))
    arch = platform.removeprefix("linux_")
    if arch == platform:
        return (platform,)
    if facts["pointer_bytes"] == _NARROW_POINTER_BYTES:
        arch = _NARROW.get(arch, arch)
    archs = ("armv8l", "armv7l") if arch == "armv8l" else (arch,)
    program = _program(executable)
    # What was built on this very machine is the closest (as in packaging 26.3).
    tags = [f"linux_{one}" for one in archs]
    glibc = re.match(r"glibc (\d+)\.(\d+)", str(facts["libc"]))
    soft_float = "armv7l" in archs and (program is None or not program.arm_hard_float)
    if glibc is not None and not soft_float:
        major, minor = int(glibc[1]), int(glibc[2])
        tags += [tag for one in archs for tag in libc_platforms("many", major, minor, one)]
    musl = None if program is None else _musl(program.loader)
    if musl is not None:
        tags += [tag for one in archs for tag in libc_platforms("musl", *musl, one)]
    return tuple(tags)


def libc_platforms(libc: str, major: int, newest: int, arch: str) -> tuple[str, ...]:
    """Return the manylinux (`libc` "many") or musllinux ("musl") tags up to a version's minor."""
    oldest = 0 if libc == "musl" else _OLDEST_GLIBC_MINOR.get(arch, _OTHERS_OLDEST_GLIBC_MINOR)
    tags: list[str] = []
    for minor in range(newest, oldest - 1, -1):
        tags.append(f"{libc}linux_{major}_{minor}_{arch}")
        if libc == "many" and (major, minor) in _LEGACY:
            tags.append(f"{_LEGACY[major, minor]}_{arch}")
    return tuple(tags)


def _generic_abis(ext_suffix: str) -> Sequence[str]:
    """Return the ABI that an extension's file name tells: `.pypy310-pp73-x86_64-linux-gnu.so`."""
    parts = ext_suffix.split(".")
    soabi = parts[1] if len(parts) > 2 else ""  # noqa: PLR2004  # "", the ABI, "so"
    kept = 3 if soabi.startswith("graalpy") else 2
    abi = "-".join(soabi.split("-")[:kept])
    return [re.sub(r"[-. ]", "_", abi)] if abi else []


def _program(executable: Path) -> _Program | None:
    """Return what an ELF file's header says, None for a file that is none."""
    with contextlib.suppress(OSError, struct.error, LookupError, OverflowError):
        with executable.open("rb") as stream:
            ident = stream.read(_ELF_IDENT_BYTES)
            if ident[:4] != b"\x7fELF":
                return None
            header, entry, places = _ELF_LAYOUTS[ident[4], ident[5]]
            fields = struct.unpack(header, stream.read(struct.calcsize(header)))
            start, flags, size, count = fields[4], fields[6], fields[8], fields[9]
            loader = ""
            for index in range(count):
                stream.seek(start + size * index)
                row = struct.unpack(entry, stream.read(struct.calcsize(entry)))
                if row[0] == _PT_INTERP:
                    stream.seek(row[places[0]])
                    loader = stream.read(row[places[1]]).strip(b"\0").decode("utf-8", "replace")
        return _Program(flags & _ARM_MASK == _ARM_HARD_FLOAT, loader)
    return None


def _musl(loader: str) -> tuple[int, int] | None:
    """Return the version of the musl that a program is linked to: its loader says it."""
    if "musl" not in loader:
        return None
    with contextlib.suppress(UnstartableError, ProcessTimeoutError):
        done = run(
            [loader],
            env=child_environment(inherited()),
            cwd=None,
            timeout_s=_LOADER_TIMEOUT_S,
        )
        found = _MUSL_VERSION.search(done.stderr)
        return None if found is None else (int(found[1]), int(found[2]))
    return None
