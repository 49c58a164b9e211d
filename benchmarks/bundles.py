"""Bundles against pex and shiv, side by side in one run on the same requirements.

Run as `python -m benchmarks.bundles`, in an environment that has venvoy; it needs a package index
for the tools and the wheels, and says so when there is none. Every tool gets the same wheels from
the same directory, no index, an empty cache for a first start and its own for a warm one.

A program is a console script that imports `pydantic`; the baseline runs it from a virtualenv that
pip filled. All take turns, so that a busy moment of the machine is everybody's. Build times are
medians; of first starts the median and the least are told, of warm ones the least: what disturbs a
start only makes it longer.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.wheel_maker import make_wheel

REQUIREMENT = "pydantic==2.11.7"
PROGRAM = "acme-program"
BUILDS, FIRST_STARTS, WARM_STARTS = 3, 24, 40
REPOSITORY = Path(__file__).parent.parent
SOURCE = "import pydantic\n\n\ndef main():\n    print(pydantic.VERSION)\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One tool: how it builds to `file`, how what it built starts, and what its cache is."""

    name: str
    build: Callable[[Path], Sequence[str]] | None
    start: Callable[[Path], Sequence[str]]
    cache_variable: str = "XDG_CACHE_HOME"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Seconds and bytes of one contender."""

    name: str
    build_s: float | None
    size_bytes: int | None
    first_median_s: float | None
    first_least_s: float | None
    warm_s: float


def main() -> None:
    """Measure everything and print the table."""
    root = Path(tempfile.mkdtemp(prefix="venvoy-bundles-"))
    try:
        rows = measure(root)
    finally:
        subprocess.run(["chmod", "-R", "u+w", str(root)], check=False)
        shutil.rmtree(root, ignore_errors=True)
    print(table(rows))


def measure(root: Path) -> list[Row]:
    """Prepare wheels and tools, then measure each contender."""
    python = Path(getattr(sys, "_base_executable", sys.executable))
    location = root / "place" / "acme"
    make_wheel(
        location,
        "acme",
        "1.0",
        files={"acme.py": SOURCE},
        requires=[REQUIREMENT],
        entry_points={
            "console_scripts": {PROGRAM: "acme:main"},
            "venvoy.source": {"acme": "acme:Source"},
        },
    )
    run([sys.executable, "-m", "pip", "download", "-q", "-d", str(location), REQUIREMENT])
    tools = root / "tools"
    run([str(python), "-m", "venv", str(tools)])
    run([str(tools / "bin" / "python"), "-m", "pip", "install", "-q", "pex", "shiv"])
    bare = root / "bare"
    run([str(python), "-m", "venv", str(bare)])
    offline = ["--no-index", "--find-links", str(location)]
    run([str(bare / "bin" / "python"), "-m", "pip", "install", "-q", *offline, "acme"])
    environ = environment(root, python)
    # Not by PYTHONPATH: it would make every start of a pex one process longer.
    code = f"import sys; sys.path.insert(0, {str(REPOSITORY)!r})"
    venvoy = [sys.executable, "-c", f"{code}; from launcher.cli import main; main()"]
    run([*venvoy, "plugins", "lock", "--plugin-path", str(location.parent), "--offline"], environ)
    pex = [str(tools / "bin" / "pex"), "--no-pypi", "-f", str(location), "acme", "-c", PROGRAM]
    shiv = [str(tools / "bin" / "shiv"), "-q", "-c", PROGRAM, *offline, "acme"]

    def by_itself(file: Path) -> list[str]:
        return [str(file)]

    contenders = [
        Contender(
            name="bare virtualenv", build=None, start=lambda _: [str(bare / "bin" / PROGRAM)]
        ),
        Contender(
            name="venvoy bundle",
            build=lambda file: [*venvoy, "bundle", str(location), "-o", str(file), "--offline"],
            start=lambda file: [str(file), "exec", PROGRAM],
        ),
        Contender(
            name="venvoy bundle, by `python x.pyz`",
            build=lambda file: [*venvoy, "bundle", str(location), "-o", str(file), "--offline"],
            start=lambda file: [str(python), str(file), "exec", PROGRAM],
        ),
        Contender(
            name="pex",
            build=lambda file: [*pex, "-o", str(file)],
            start=by_itself,
            cache_variable="PEX_ROOT",
        ),
        Contender(
            name="pex --venv",
            build=lambda file: [*pex, "--venv", "-o", str(file)],
            start=by_itself,
            cache_variable="PEX_ROOT",
        ),
        Contender(
            name="pex --venv --sh-boot",
            build=lambda file: [*pex, "--venv", "--sh-boot", "-o", str(file)],
            start=by_itself,
            cache_variable="PEX_ROOT",
        ),
        Contender(
            name="shiv",
            build=lambda file: [*shiv, "-o", str(file)],
            start=by_itself,
            cache_variable="SHIV_ROOT",
        ),
    ]
    runs = [Run(each, root / f"c{number}", environ) for number, each in enumerate(contenders)]
    for number in range(FIRST_STARTS):
        for each in runs:
            each.start_first(number)
    for _ in range(WARM_STARTS):
        for each in runs:
            each.start_warm()
    return [each.row() for each in runs]


class Run:
    """One contender being measured: built, started for the first time, started warm."""

    def __init__(self, contender: Contender, directory: Path, environ: Mapping[str, str]) -> None:
        directory.mkdir()
        self.contender = contender
        self.file = directory / "program.pyz"
        self.builds: list[float] = []
        for _ in range(BUILDS if contender.build else 0):
            self.file.unlink(missing_ok=True)
            self.builds.append(
                timed(contender.build(self.file) if contender.build else (), environ)
            )
        self.cached = dict(environ)
        self.firsts: list[float] = []
        self.directory = directory
        self.warm: list[float] = []

    def start_first(self, number: int) -> None:
        """Start with an empty cache; nobody's earlier writes are still on their way to the disk."""
        cache = str(self.directory / f"cache-{number}")
        self.cached[self.contender.cache_variable] = cache
        os.sync()
        self.firsts.append(timed(self.contender.start(self.file), self.cached))

    def start_warm(self) -> None:
        """Start once more."""
        self.warm.append(timed(self.contender.start(self.file), self.cached))

    def row(self) -> Row:
        """Return what came out."""
        return Row(
            name=self.contender.name,
            build_s=statistics.median(self.builds) if self.builds else None,
            size_bytes=self.file.stat().st_size if self.builds else None,
            first_median_s=statistics.median(self.firsts) if self.builds else None,
            first_least_s=min(self.firsts) if self.builds else None,
            warm_s=min(self.warm),
        )


def environment(root: Path, python: Path) -> dict[str, str]:
    """Return what every measured process gets: this Python first on PATH, a home of its own."""
    (root / "home").mkdir()
    kept = {name: text for name, text in os.environ.items() if name.startswith("LC_")}
    return kept | {
        "PATH": f"{python.parent}:{os.environ['PATH']}",
        "HOME": str(root / "home"),
        "XDG_DATA_HOME": str(root / "data"),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }


def run(command: Sequence[str], environ: Mapping[str, str] | None = None) -> None:
    """Run a step of the preparation."""
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


def timed(command: Sequence[str], environ: Mapping[str, str]) -> float:
    """Return how long a process takes from its start to its end."""
    began = time.perf_counter()
    run(command, environ)
    return time.perf_counter() - began


def table(rows: Sequence[Row]) -> str:
    """Return the table, in Markdown."""
    baseline = rows[0].warm_s
    lines = [
        "| | build | size | first start, median | least | warm start | over a bare script |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        size = "" if row.size_bytes is None else f"{row.size_bytes / 1e6:.2f} MB"
        over = f"{(row.warm_s - baseline) * 1000:+.1f} ms"
        warm = f"{row.warm_s * 1000:.1f} ms"
        first = [milliseconds(row.first_median_s), milliseconds(row.first_least_s)]
        cells = [row.name, seconds(row.build_s), size, *first, warm, over]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def seconds(value: float | None) -> str:
    """Return a time for the table."""
    return "" if value is None else f"{value:.2f} s"


def milliseconds(value: float | None) -> str:
    """Return a short time for the table."""
    return "" if value is None else f"{value * 1000:.0f} ms"


if __name__ == "__main__":
    main()
