"""Bytecode for whole trees, compiled once by the interpreter that will read it.

Files of several trees share a process, and processes run side by side over the cores; a tree is
handed back as soon as its last file is done, so that it can be published while others compile.
"""

import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from manager import bytecode_worker
from manager.errors import InternalError
from manager.interpreter import Interpreter
from manager.proc import child_environment, inherited, run

__all__ = ["Tree", "compile_trees"]

_BATCH_BYTES = 2_000_000
"""Source of about one second: enough to pay for a process, small enough to share the cores."""

_TIMEOUT_S = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A tree to compile where it stands, as though it stood at `final` already."""

    staged: Path
    final: Path


def compile_trees(
    trees: Sequence[Tree], interpreter: Interpreter
) -> Iterator[tuple[Tree, tuple[str, ...]]]:
    """Yield each tree when its bytecode is written, with the files (relative) that do not compile.

    Raises `InternalError` when a compiler ends without an answer.
    """
    left: dict[Tree, int] = dict.fromkeys(trees, 0)
    failed: dict[Tree, list[str]] = {tree: [] for tree in trees}
    batches = _batches(trees)
    for batch in batches:
        for tree in {tree for tree, _ in batch}:
            left[tree] += 1
    for tree in [tree for tree in trees if not left[tree]]:
        yield tree, ()
    with ThreadPoolExecutor(max_workers=len(os.sched_getaffinity(0))) as pool:
        running: dict[Future[list[str]], list[tuple[Tree, str]]] = {
            pool.submit(_compile, batch, interpreter): batch for batch in batches
        }
        for done in as_completed(running):
            bad = set(done.result())
            for tree, file in running[done]:
                if f"{tree.staged}/{file}" in bad:
                    failed[tree].append(file)
            for tree in dict.fromkeys(tree for tree, _ in running[done]):
                left[tree] -= 1
                if not left[tree]:
                    yield tree, tuple(sorted(failed[tree]))


def _batches(trees: Sequence[Tree]) -> list[list[tuple[Tree, str]]]:
    batches: list[list[tuple[Tree, str]]] = []
    size = _BATCH_BYTES
    for tree in trees:
        for file, size_bytes in _sources(tree.staged):
            if size >= _BATCH_BYTES:
                batches.append([])
                size = 0
            batches[-1].append((tree, file))
            size += size_bytes + 2000
    return batches


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
