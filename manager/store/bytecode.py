"""Bytecode for whole trees, compiled once by the interpreter that will read it.

Files of several trees share a process, and processes run side by side over the cores; a tree is
handed back as soon as its last file is done, so that it can be published while others compile.
"""

import json
import os
from collections.abc import Iterable, Iterator
from concurrent import futures
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from manager.errors import InternalError
from manager.interpreters.interpreter import Interpreter
from manager.proc import child_environment, inherited, run
from manager.store import bytecode_worker

__all__ = ["Tree", "compile_trees"]

_BATCH_BYTES = 2_000_000
"""Source of about one second: enough to pay for a process, small enough to share the cores."""

_FILE_BYTES = 2_000
"""What a file costs beside its content, as though it were so much longer."""

_TIMEOUT_S = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A tree to compile where it stands, as though it stood at `final` already."""

    staged: Path
    final: Path


def compile_trees(
    trees: Iterable[Tree], interpreter: Interpreter
) -> Iterator[tuple[Tree, tuple[str, ...]]]:
    """Yield each tree when its bytecode is written, with the files (relative) that do not compile.

    `trees` is read as it comes: while the next one is being unpacked, the last ones compile.
    Raises `InternalError` when a compiler ends without an answer.
    """
    with ThreadPoolExecutor(max_workers=len(os.sched_getaffinity(0))) as pool:
        work = _Work(pool=pool, interpreter=interpreter)
        for tree in trees:
            work.add(tree)
            yield from work.finished(wait=False)
        work.submit()
        yield from work.finished(wait=True)


@dataclass(slots=True, kw_only=True)
class _Work:
    """Batches of files on their way through the compilers; used by one thread."""

    pool: ThreadPoolExecutor
    interpreter: Interpreter
    _batch: list[tuple[Tree, str]] = field(default_factory=list)
    _batch_bytes: int = 0
    _running: dict[Future[list[str]], list[tuple[Tree, str]]] = field(default_factory=dict)
    _left: dict[Tree, int] = field(default_factory=dict)
    _failed: dict[Tree, list[str]] = field(default_factory=dict)

    def add(self, tree: Tree) -> None:
        """Take a tree's files into batches, and start those that are full."""
        self._left[tree] = 0
        self._failed[tree] = []
        for file, size_bytes in _sources(tree.staged):
            self._batch.append((tree, file))
            self._batch_bytes += size_bytes + _FILE_BYTES
            self._left[tree] += 1
            if self._batch_bytes >= _BATCH_BYTES:
                self.submit()

    def submit(self) -> None:
        """Start the batch as it is."""
        if self._batch:
            future = self.pool.submit(_compile, self._batch, self.interpreter)
            self._running[future] = self._batch
        self._batch, self._batch_bytes = [], 0

    def finished(self, *, wait: bool) -> Iterator[tuple[Tree, tuple[str, ...]]]:
        """Yield the trees that are done; all of them if `wait`."""
        yield from self._complete()
        while self._running:
            timeout_s = None if wait else 0
            done, _ = futures.wait(self._running, timeout_s, futures.FIRST_COMPLETED)
            if not done:
                return
            for future in done:
                self._take(self._running.pop(future), set(future.result()))
            yield from self._complete()

    def _take(self, batch: list[tuple[Tree, str]], bad: set[str]) -> None:
        for tree, file in batch:
            self._left[tree] -= 1
            if f"{tree.staged}/{file}" in bad:
                self._failed[tree].append(file)

    def _complete(self) -> Iterator[tuple[Tree, tuple[str, ...]]]:
        for tree in [tree for tree, left in self._left.items() if not left]:
            del self._left[tree]
            yield tree, tuple(sorted(self._failed.pop(tree)))


def _sources(directory: Path) -> Iterator[tuple[str, int]]:
    """Yield (relative path, size) of each Python source, in order."""
    for parent, directories, files in os.walk(directory):
        directories.sort()
        for name in sorted(files):
            if name.endswith(".py"):
                file = Path(parent) / name
                yield str(file.relative_to(directory)), file.stat().st_size


def _compile(batch: list[tuple[Tree, str]], interpreter: Interpreter) -> list[str]:
    jobs = [[f"{tree.staged}/{file}", f"{tree.final}/{file}"] for tree, file in batch]
    done = run(
        [interpreter.executable, "-I", "-S", "-B", "-W", "ignore", str(bytecode_worker.__file__)],
        env=child_environment(inherited()),
        cwd=None,
        timeout_s=_TIMEOUT_S,
        input=json.dumps(jobs),
    )
    try:
        answer = json.loads(done.stdout)
    except ValueError as error:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise InternalError(what=f"{interpreter} did not compile: {last}") from error
    return [str(file) for file in answer]
