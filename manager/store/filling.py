"""Wheels into the store: checked, unpacked, compiled and published, each once.

The wheels that this process can lock are built together, so that their bytecode is compiled over
all cores; those that another process is building are waited for afterwards, with no lock held.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from manager.digests import file_sha256
from manager.errors import InternalError, VenvoyError
from manager.fs import publish, remove, staging, walk
from manager.interpreters.interpreter import Interpreter
from manager.store.bytecode import Tree, compile_trees
from manager.store.elf import search_paths
from manager.store.framework import is_framework
from manager.store.layout import Layout, StoredWheel
from manager.store.receipts import WHEEL_RECEIPT, WheelReceipt, dump_wheel_receipt
from manager.store.scripts import asks_for_python
from manager.store.unpacking import BIN, DATA, INCLUDE, SITE, unpack
from manager.store.wheels import ValidWheel, validate

__all__ = ["HashMismatchError", "WheelSource", "add_wheels"]


class HashMismatchError(VenvoyError):
    """A file is not the wheel that the lock names."""

    code = "hash-mismatch"

    def __init__(self, *, wheel: Path, expected: str, found: str) -> None:
        super().__init__(wheel)
        self.wheel = wheel
        self.expected = expected
        self.found = found

    @property
    def message(self) -> str:
        """The file and both hashes."""
        return f"`{self.wheel}` has sha256 {self.found}, not {self.expected} as locked"

    @property
    def hint(self) -> str:
        """How to mend either side."""
        return "put the locked wheel back, or run `venvoy plugins lock` if the change is meant"


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelSource:
    """A wheel that is wanted: where it lies, and the hash (hex) that it must have."""

    file: Path
    sha256: str


def add_wheels(
    layout: Layout,
    files: Sequence[tuple[Path, str]],
    interpreter: Interpreter,
    *,
    progress: Callable[[str], None] | None = None,
) -> tuple[StoredWheel, ...]:
    """Return the wheels, in the order given, unpacked for that interpreter; missing ones enter.

    `files` are (wheel file, sha256 in hex); a file is read only if the store lacks it. `progress`
    is told what is being done, in this thread. Raises `CorruptWheelError`,
    `RecordMismatchError`, `HashMismatchError`; whatever was good until then has been published.
    """
    tag = interpreter.bytecode_tag
    wanted = {sha256: WheelSource(file=file, sha256=sha256) for file, sha256 in files}
    missing = [one for one in wanted.values() if layout.find_wheel(one.sha256, tag) is None]
    if missing:
        layout.prepare()
        for elsewhere in _add_free(layout, missing, interpreter, progress or _silent):
            with layout.lock("wheel", _lock_name(elsewhere, tag)):
                pass  # whoever built it has ended, well or badly
            _add_free(layout, [elsewhere], interpreter, progress or _silent, wait=True)
    found = [layout.find_wheel(sha256, tag) for _, sha256 in files]
    if None in found:
        raise InternalError(what="a wheel is not in the store after it was added")
    return tuple(wheel for wheel in found if wheel is not None)


def _silent(_: str) -> None:
    """Tell nobody."""


def _lock_name(source: WheelSource, tag: str) -> str:
    return hashlib.sha256(f"{source.sha256}/{tag}".encode()).hexdigest()


def _add_free(
    layout: Layout,
    sources: Sequence[WheelSource],
    interpreter: Interpreter,
    progress: Callable[[str], None],
    *,
    wait: bool = False,
) -> list[WheelSource]:
    """Build those whose lock is free; return the others."""
    tag = interpreter.bytecode_tag
    taken: list[WheelSource] = []
    ours: list[WheelSource] = []
    with contextlib.ExitStack() as stack:
        for source in sources:
            lock = layout.lock("wheel", _lock_name(source, tag), wait=wait)
            if not stack.enter_context(lock):
                taken.append(source)
            elif layout.find_wheel(source.sha256, tag) is None:  # looked at again, under the lock
                ours.append(source)
        if ours:
            _build(layout, ours, interpreter, progress)
    return taken


def _build(
    layout: Layout,
    sources: Sequence[WheelSource],
    interpreter: Interpreter,
    progress: Callable[[str], None],
) -> None:
    problems: list[VenvoyError] = []
    unpacked: dict[Tree, tuple[WheelSource, ValidWheel]] = {}

    def trees(room: Path) -> Iterator[Tree]:
        """Unpack one wheel after the other, the largest first, and hand its code on."""
        ordered = sorted(sources, key=lambda source: -_size_bytes(source.file))
        for index, source in enumerate(ordered):
            try:
                wheel = _unpack(source, room / str(index))
            except VenvoyError as error:
                problems.append(error)
                continue
            final = layout.wheel_dir(source.sha256, interpreter.bytecode_tag)
            tree = Tree(staged=room / str(index) / SITE, final=final / SITE)
            unpacked[tree] = source, wheel
            yield tree

    progress(f"unpacking {len(sources)} wheel{'' if len(sources) == 1 else 's'}")
    with staging(layout.root) as room:
        for tree, failed in compile_trees(trees(room), interpreter):
            source, wheel = unpacked[tree]
            place, final = tree.staged.parent, tree.final.parent
            receipt = _receipt(wheel, source, place, interpreter, failed)
            if os.path.lexists(final):  # damaged: its receipt was missing or unreadable
                remove(final, store_root=layout.root)
            publish(place, final, last=(WHEEL_RECEIPT, dump_wheel_receipt(receipt)))
    if problems:
        raise problems[0]


def _size_bytes(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:  # told when it is unpacked
        return 0


def _unpack(source: WheelSource, place: Path) -> ValidWheel:
    try:
        found = file_sha256(source.file)
    except OSError as error:
        reason = error.strerror or str(error)
        raise HashMismatchError(wheel=source.file, expected=source.sha256, found=reason) from error
    if found != source.sha256:
        raise HashMismatchError(wheel=source.file, expected=source.sha256, found=found)
    wheel = validate(source.file)
    (place / SITE).mkdir(parents=True)
    unpack(wheel, place)
    return wheel


def _receipt(
    wheel: ValidWheel,
    source: WheelSource,
    place: Path,
    interpreter: Interpreter,
    uncompiled: tuple[str, ...],
) -> WheelReceipt:
    tops = tuple(entry.name for entry in sorted(os.scandir(place / SITE), key=lambda e: e.name))
    bin_dir = place / BIN
    programs = sorted(bin_dir.iterdir()) if bin_dir.is_dir() else []
    return WheelReceipt(
        name=wheel.name,
        version=str(wheel.version),
        sha256=source.sha256,
        tags=wheel.tags,
        bytecode_tag=interpreter.bytecode_tag,
        tops=tops,
        real_directories=_real_directories(place / SITE),
        framework=tuple(top for top in tops if is_framework(top)),
        scripts=wheel.scripts,
        programs=tuple(file.name for file in programs),
        rewritten=tuple(file.name for file in programs if asks_for_python(file)),
        has_data=(place / DATA).is_dir(),
        has_headers=(place / INCLUDE).is_dir(),
        uncompiled=uncompiled,
    )


def _real_directories(site: Path) -> tuple[str, ...]:
    """Return the directories that must be real in an environment, parents first.

    The loader takes `$ORIGIN/..` through a linked directory to the directory in the store, so a
    path that stays inside the wheel works either way, and one that leaves it (nvidia's libraries,
    which torch looks for in site-packages) works only if every directory on the way is real. A
    library may load one that looks outside, so then all directories with libraries are real.
    """
    libraries = [
        os.path.relpath(entry.path, site)
        for entry in walk(site)
        if ".so" in entry.name and entry.is_file(follow_symlinks=False)
    ]
    if not any(_looks_outside(site, library) for library in libraries):
        return ()
    real: set[str] = set()
    for library in libraries:
        parent = library
        while parent := parent.rpartition("/")[0]:
            real.add(parent)
    return tuple(sorted(real))


def _looks_outside(site: Path, library: str) -> bool:
    parent = library.rpartition("/")[0]
    for path in search_paths(site / library):
        rest = path.replace("${ORIGIN}", "$ORIGIN")
        if not rest.startswith("$ORIGIN"):
            continue
        target = os.path.normpath(f"{parent}/{rest.removeprefix('$ORIGIN').lstrip('/')}")
        if target.startswith("..") or not (site / target).is_dir():
            return True
    return False
