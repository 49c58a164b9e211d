"""`venvoy demo`: two versions of a source and of a sink at once, on a real table."""

import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from launcher import render
from launcher.commands.listing import SHORT_DIGEST
from launcher.commands.run_command import run_prepared
from launcher.commands.run_output import RunOutput
from launcher.configs.providers import Providers
from launcher.configs.worker_file import read_worker_config
from launcher.planning.preparation import Preparation, plan_connectors, prepare, worker_converters
from launcher.planning.workplace import Workplace, open_workplace
from launcher.settings import sample_plugins_dir
from launcher.tasks.runtime import Event
from manager.store.environments import Environment

__all__ = ["run_demo"]

CONNECTORS = (
    "airports-v1",
    "airports-v2",
    "airports-sql-v1",
    "airports-sql-v2",
    "contacts",
    "contacts-sql",
)
# The libraries of which the samples need versions that exclude each other, or that no other has.
CONTENDED = ("pydantic", "sqlalchemy", "phonenumbers")
AIRPORT = "EDDF"
AIRPORT_COLUMNS = ("name", "latitude_deg", "elevation_ft", "local_code")
FEW_CONTACTS = 3


def run_demo(keep: Path | None) -> int:
    """Copy the samples, sync them, run them all at once, and show what differs.

    Everything but the environments goes to a scratch directory, or to `keep`, which stays.
    Returns 1 when a connector failed, 130 when it was interrupted.
    """
    with _directory(keep) as directory:
        samples = directory / "sample_plugins"
        if not samples.exists():
            shutil.copytree(sample_plugins_dir(), samples, ignore=_not_needed)
        return _run(directory, samples)


@contextmanager
def _directory(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="venvoy-demo-") as scratch:
            yield Path(scratch)
        return
    keep.mkdir(parents=True, exist_ok=True)
    yield keep.absolute()


def _not_needed(_: str, names: Sequence[str]) -> set[str]:
    return {name for name in names if name == "__pycache__" or name.endswith(".pyc")}


def _run(directory: Path, samples: Path) -> int:
    configs = samples / "configs"
    worker = read_worker_config(configs / "worker.properties", working_dir=directory)
    render.note("Syncing two versions of a CSV source, two of a SQL sink, and a transformation …")
    with render.progress() as progress:
        workplace = open_workplace(str(samples), progress=progress)
        converters = worker_converters(worker.properties, where=str(worker.file))
        files = [configs / f"{name}.properties" for name in CONNECTORS]
        preparation = prepare(
            workplace, plan_connectors(workplace, converters, Providers({}), files)
        )
    _show_environments(workplace, preparation)
    render.line()
    output = _TimedOutput()
    report = run_prepared(worker, workplace, preparation, output=output, working_dir=directory)
    render.run_report(report, title="What ran")
    for failure in report.failures:
        render.failure(failure)
    if report.failures or report.interrupted:
        return report.exit_code
    render.line()
    _show_difference(directory)
    render.line()
    _show_phones(directory, samples)
    render.line()
    _show_overlap(output, preparation)
    return 0


class _TimedOutput(RunOutput):
    """Notes when each task ran, to show that versions ran side by side."""

    def __init__(self) -> None:
        self.spans: dict[str, list[float]] = {}

    def event(self, event: Event) -> None:
        """Note the moment of a change of state; tell only what is not routine."""
        if event.kind == "state" and event.level == "INFO":
            self.spans.setdefault(event.subject, []).append(time.monotonic())
        else:
            super().event(event)


def _contended(environment: Environment) -> str:
    """The libraries in an environment that cannot be shared with the others."""
    wheels = {name: version for name, version, _ in environment.receipt.wheels}
    return ", ".join(f"{name} {wheels[name]}" for name in CONTENDED if name in wheels)


def _show_environments(workplace: Workplace, preparation: Preparation) -> None:
    rows = []
    for content in workplace.catalog.locations:
        environment = preparation.environments.get(content.location.path)
        if environment is None:
            continue
        rows.append(
            (
                content.location.name,
                ", ".join(str(distribution) for distribution in content.distributions),
                environment.digest[:SHORT_DIGEST],
                _contended(environment),
            )
        )
    columns = ("location", "plugin", "environment", "needs")
    render.table(columns, rows, title="One environment for each location")


def _show_difference(directory: Path) -> None:
    """One airport as each version of the source gave it and each version of the sink kept it."""
    rows = [
        (column, *(f"{value!r} ({kind})" for value, kind in found))
        for column, *found in zip(
            AIRPORT_COLUMNS,
            _airport(directory / "airports_v1.db"),
            _airport(directory / "airports_v2.db"),
            strict=True,
        )
    ]
    columns = ("column", "csv 1.4.0 -> sql 1.2.0", "csv 2.1.0 -> sql 2.0.3")
    render.table(columns, rows, title=f"The same airport, {AIRPORT}, after each version")


def _airport(database: Path) -> Sequence[tuple[object, str]]:
    selected = ", ".join(f"{column}, typeof({column})" for column in AIRPORT_COLUMNS)
    query = f"SELECT {selected} FROM airports WHERE ident = ?"  # noqa: S608 - our own columns
    with closing(sqlite3.connect(database)) as connection:
        row: Sequence[object] = connection.execute(query, (AIRPORT,)).fetchone()
    return [(value, str(kind)) for value, kind in zip(row[::2], row[1::2], strict=True)]


def _show_phones(directory: Path, samples: Path) -> None:
    """A few numbers before and after a transformation that runs in an environment of its own."""
    typed = (samples / "data" / "contacts.csv").read_text(encoding="utf-8").splitlines()
    before = [line.split(",") for line in typed[1 : FEW_CONTACTS + 1]]
    with closing(sqlite3.connect(directory / "contacts.db")) as connection:
        after: Mapping[int, str] = dict(connection.execute("SELECT id, phone FROM contacts"))
    rows = [(name, country, phone, after[int(key)]) for key, name, country, phone, _ in before]
    columns = ("name", "country", "as typed", "as stored")
    render.table(columns, rows, title="Telephone numbers through a third environment")


def _show_overlap(output: _TimedOutput, preparation: Preparation) -> None:
    """For how long the two versions of the source ran at the same time, as measured."""
    first, second = (output.spans[f"{name}-0"] for name in CONNECTORS[:2])
    seconds = min(first[-1], second[-1]) - max(first[0], second[0])
    names = [
        f"{plan.name} ({_contended(preparation.environments[plan.segments[0].location.path])})"
        for plan in preparation.plans[:2]
    ]
    render.line(f"{names[0]} and {names[1]} ran at the same time for {max(seconds, 0):.2f} s.")
