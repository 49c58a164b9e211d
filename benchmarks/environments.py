"""How long an environment takes when its wheels are at hand: venvoy's store against uv's cache.

Run from the repository's root, by a Python that has venvoy's `test` extra (uv among it)::

    python -m benchmarks.environments [--turns 15] [--wheelhouse DIR] [--work DIR]

The plugin set is pandas, boto3, SQLAlchemy, pydantic and requests with all they need: about 20
wheels and 6,000 files, downloaded once into the wheelhouse. uv's cache and our store are warmed;
then the contenders take turns, so that a busy machine is unfair to all of them alike:

- venvoy: `plan_environment` + `make_environment` in this process, the environment removed between
  turns; everything is flushed to disk, as it always is;
- venvoy, new process: the same from a freshly started Python, imports and all;
- uv: `uv venv` and `uv pip install --offline --no-index --find-links`, default link mode.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from manager.digests import file_sha256
from manager.fs import remove
from manager.interpreters.search import Interpreter, probe
from manager.proc import inherited, run
from manager.store.environments import Environment, make_environment, plan_environment
from manager.store.layout import StoredWheel
from manager.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

REQUIREMENTS = ("pandas", "boto3", "SQLAlchemy", "pydantic", "requests")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What every turn shares."""

    store: Store
    interpreter: Interpreter
    wheels: tuple[StoredWheel, ...]
    wheelhouse: Path
    requirements_file: Path
    work_dir: Path
    uv: Path


def main() -> None:
    """Prepare, take turns, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--turns", type=int, default=15)
    parser.add_argument("--wheelhouse", type=Path, help="kept between runs (default: a new one)")
    parser.add_argument("--work", type=Path, help="where to measure (default: a new directory)")
    options = parser.parse_args()
    if options.work:
        options.work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.work) as directory:
        measure(
            Path(directory), options.wheelhouse or Path(directory) / "wheelhouse", options.turns
        )


def measure(work_dir: Path, wheelhouse: Path, turns: int) -> None:
    """Run the whole benchmark in `work_dir`."""
    setting, fill_s, uv_fill_s = prepare(work_dir, wheelhouse)
    contenders: dict[str, Callable[[Setting, int], float]] = {
        "venvoy, from stored wheels": by_venvoy,
        "venvoy, in a new process": by_new_process,
        "uv venv + uv pip install": by_uv,
    }
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(turns + 1):
        for name, contender in contenders.items():
            elapsed = contender(setting, turn)
            if turn:  # the first turn warms up all of them
                times[name].append(elapsed)
    report(setting, times, fill_s, uv_fill_s)


def prepare(work_dir: Path, wheelhouse: Path) -> tuple[Setting, float, float]:
    """Download the wheels, fill the store and uv's cache; return how long the fillings took."""
    if not list(wheelhouse.glob("*.whl")):
        call(sys.executable, "-m", "pip", "download", "-q", "-d", wheelhouse, *REQUIREMENTS)
    uv = Path(sys.executable).with_name("uv")
    store = Store(work_dir / "store")
    interpreter = probe(Path(sys.executable), cache_dir=store.interpreters_dir)
    files = [(file, file_sha256(file)) for file in sorted(wheelhouse.glob("*.whl"))]
    before = time.perf_counter()
    wheels = store.add_wheels(files, interpreter)
    fill_s = time.perf_counter() - before
    requirements_file = work_dir / "requirements.txt"
    lines = [f"{wheel.receipt.name}=={wheel.receipt.version}\n" for wheel in wheels]
    requirements_file.write_text("".join(lines))
    setting = Setting(
        store=store,
        interpreter=interpreter,
        wheels=wheels,
        wheelhouse=wheelhouse,
        requirements_file=requirements_file,
        work_dir=work_dir,
        uv=uv,
    )
    uv_fill_s = by_uv(setting, -1, "--compile-bytecode")
    return setting, fill_s, uv_fill_s


def by_venvoy(setting: Setting, turn: int) -> float:
    """Make the environment in this process."""
    del turn
    plan = plan_environment(setting.wheels, setting.interpreter)
    forget(setting)
    before = time.perf_counter()
    plan = plan_environment(setting.wheels, setting.interpreter)
    environment = make_environment(setting.store, plan)
    elapsed = time.perf_counter() - before
    assert environment.path.is_dir()
    return elapsed


def by_new_process(setting: Setting, turn: int) -> float:
    """Make the environment in a process that must first find everything."""
    del turn
    forget(setting)
    before = time.perf_counter()
    wheels = [wheel.receipt.sha256 for wheel in setting.wheels]
    call(sys.executable, "-m", "benchmarks.environment_process", setting.store.root, *wheels)
    return time.perf_counter() - before


def by_uv(setting: Setting, turn: int, *more: str) -> float:
    """Make the environment with uv, as a user would, from its warm cache."""
    target = setting.work_dir / f"uv-{turn}"
    cache = setting.work_dir / "uv-cache"
    before = time.perf_counter()
    python = setting.interpreter.executable
    call(setting.uv, "venv", "-q", "--cache-dir", cache, "--python", python, target)
    call(
        *(setting.uv, "pip", "install", "-q", "--offline", "--no-index", "--cache-dir", cache),
        *("--python", target / "bin/python", "--find-links", setting.wheelhouse, *more),
        *("-r", setting.requirements_file),
    )
    elapsed = time.perf_counter() - before
    if turn > 0:
        call("rm", "-rf", target)
    return elapsed


def forget(setting: Setting) -> None:
    """Remove the environment of the last turn."""
    plan = plan_environment(setting.wheels, setting.interpreter)
    path = setting.store.environment_dir(plan.digest)
    if path.is_dir():
        remove(path, store_root=setting.store.root)


def call(*argv: object) -> None:
    """Run a command to its good end, with this process's environment."""
    done = run([str(each) for each in argv], env=inherited(), cwd=Path.cwd(), timeout_s=None)
    if done.returncode:
        raise SystemExit(f"{done.argv} failed:\n{done.stderr}")


def report(
    setting: Setting, times: dict[str, list[float]], fill_s: float, uv_fill_s: float
) -> None:
    """Print what was measured."""
    files = sum(len(zipfile.ZipFile(file).infolist()) for file in setting.wheelhouse.glob("*.whl"))
    print(f"{len(setting.wheels)} wheels, {files} files, {setting.interpreter}")
    print(f"{os.cpu_count()} cores, {len(next(iter(times.values())))} turns each, alternating\n")
    slowest = statistics.median(times["uv venv + uv pip install"])
    print(f"{'':32}{'median':>10}{'min':>10}{'of uv':>10}")
    for name, each in times.items():
        median = statistics.median(each)
        print(
            f"{name:32}{median * 1000:>7.1f} ms{min(each) * 1000:>7.1f} ms"
            f"{'1/' + format(slowest / median, '.1f'):>10}"
        )
    print(
        f"\nfirst time, with bytecode: venvoy {fill_s:.1f} s,"
        f" uv --compile-bytecode {uv_fill_s:.1f} s"
    )
    first = make_environment(setting.store, plan_environment(setting.wheels, setting.interpreter))
    before = disk_bytes(setting.store.root)
    second = make_environment(
        setting.store, plan_environment(setting.wheels[1:], setting.interpreter)
    )
    after = disk_bytes(setting.store.root)
    print(
        f"on disk: wheels {disk_bytes(setting.store.wheels_dir) / 2**20:.0f} MiB once;"
        f" a second environment {(after - before) / 1024:.0f} KiB:"
        f" {census(second)} (the first: {census(first)})"
    )


def disk_bytes(directory: Path) -> int:
    """Return the space that a tree takes, each file once, as `du` counts it."""
    seen: set[int] = set()
    total = 0
    for parent, directories, files in os.walk(directory):
        for name in (*directories, *files):
            status = (Path(parent) / name).lstat()
            if status.st_ino not in seen:
                seen.add(status.st_ino)
                total += status.st_blocks * 512
    return total


def census(environment: Environment) -> str:
    """Return what an environment consists of."""
    entries = list(environment.path.rglob("*"))
    links = [entry for entry in entries if entry.is_symlink()]
    directories = [entry for entry in entries if entry.is_dir() and not entry.is_symlink()]
    files = len(entries) - len(links) - len(directories)
    return f"{len(links)} links, {len(directories)} directories, {files} small files"


if __name__ == "__main__":
    main()
