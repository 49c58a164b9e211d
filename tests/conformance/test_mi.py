"""MI: MultiVersionIntegrationTest. Versions side by side in one standing worker."""

import asyncio
import contextlib
import json
import shutil
from collections import Counter

import pytest

from launcher.interface.motion import MoveState
from launcher.interface.views import State
from launcher.storage.sqlite_log import SqliteLog
from launcher.worker.standing import StandingWorker
from tests.launcher.pipelines import PLUGINS, lines_of, values
from tests.worker.moving import until_moved
from tests.worker.standing import (
    Stand,
    counter,
    steered,
    until_lines,
    until_state,
    until_task_version,
    writer,
)

RUNNING = State.RUNNING


def test_MI01_two_sources_and_two_sinks_at_different_versions_at_once(stand: Stand) -> None:
    """The status shows the version of each, of its tasks and of everything it uses."""
    for version in ("1.0", "2.0", "3.0", "4.0"):
        marked = PLUGINS.replace('value={"n": n}', f'value={{"n": n, "by": "{version}"}}')
        stand.plugin(version, **{"acme.py": marked})
    outs = {version: stand.directory / f"out-{version}" for version in ("3.0", "4.0")}
    transform = {
        "transforms": "t",
        "transforms.t.type": "acme.Tag",
        "transforms.t.plugin.version": "2.0",
        "transforms.t.predicate": "p",
        "predicates": "p",
        "predicates.p.type": "acme.Even",
        "predicates.p.plugin.version": "2.0",
    }

    async def body(worker: StandingWorker) -> None:
        for version in ("1.0", "2.0"):
            topic = f"topic-{version}"
            await worker.create(
                f"source-{version}",
                {**counter(topic=topic, connector__version=version), **transform},
            )
        for version, out in outs.items():
            config = writer(out, topics="topic-1.0,topic-2.0", connector__plugin__version=version)
            await worker.create(f"sink-{version}", config)
        for version, out in outs.items():
            await until_lines(out, 100)
            await until_state(worker, f"sink-{version}", RUNNING, RUNNING)
        for name in worker.connectors():
            version = name.rpartition("-")[2]
            status = worker.status(name)
            assert status.connector.version == version
            assert [one.version for one in status.tasks] == [version]
            assert status.type == name.partition("-")[0]
        stages = worker.status("source-1.0").stages
        assert [(one.role, one.alias, one.class_name, one.version) for one in stages][:2] == [
            ("transformation", "t", "acme.Tag", "2.0"),
            ("predicate", "p", "acme.Even", "2.0"),
        ]
        environments = {worker.status(name).connector.environment for name in worker.connectors()}
        assert len(environments) == 4

    stand.run(body)
    for out in outs.values():
        for topic in ("topic-1.0", "topic-2.0"):
            found = [line[3] for line in lines_of(out) if line[0] == topic]  # type: ignore[index]
            assert [one["n"] for one in found] == list(range(50))
            assert {one["by"] for one in found} == {topic.rpartition("-")[2]}
            assert [one["n"] for one in found if "tag" in one] == list(range(0, 50, 2))


VERSIONS = ("1.0", "1.5", "2.0", "2.1.0")
WALK = (*VERSIONS, *VERSIONS[-2::-1])
COUNTS = (1, 3, 2, 4, 1, 2, 3)


@pytest.mark.parametrize("counted_by", ["config", "connector"])
def test_MI02_a_connector_walks_through_versions_and_back_with_other_task_counts(
    stand: Stand, counted_by: str
) -> None:
    """Upgrade and downgrade by config alone; the status shows what runs at each step.

    Another connector stays pinned and never stops. Where the connector itself changes its tasks,
    each step touches versions only, and so is a move.
    """
    for version in VERSIONS:
        stand.plugin(version)

    async def body(worker: StandingWorker) -> None:
        await worker.create("pinned", endless("1.5", topic="pinned"))
        await until_state(worker, "pinned", RUNNING, RUNNING)
        for step, (version, count) in enumerate(zip(WALK, COUNTS, strict=True), start=1):
            await worker.put_config("numbers", walking(stand, counted_by, version, count))
            await until_walked(worker, version, count)
            if counted_by == "config":  # else the one that gives way may still take more tasks
                assert stand.heard.starts("numbers-0") == step
            has_moved = worker.last_move("numbers") is not None
            assert has_moved == (counted_by == "connector" and step > 1)
            assert {one.version for one in worker.status("pinned").tasks} == {"1.5"}
        assert stand.heard.starts("pinned-0") == stand.heard.starts("pinned") == 1
        generations = await worker.generations("numbers")
        assert [one.versions[0].version for one in generations] == [*reversed(WALK)]
        assert {one.outcome for one in generations} == {MoveState.DONE}

    stand.run(body)
    assert_counted_once(stand, "numbers")
    assert_counted_once(stand, "pinned")


def test_MI02_the_same_with_each_version_dropped_in_and_taken_away_while_the_worker_runs(
    stand: Stand,
) -> None:
    """Only what runs, and what is about to, is on the plugin path."""
    stand.plugin("1.6", name="acme_pinned")

    async def body(worker: StandingWorker) -> None:
        await worker.create("pinned", endless("1.6", topic="pinned"))
        await until_state(worker, "pinned", RUNNING, RUNNING)
        left = None
        for version, count in zip(WALK, COUNTS, strict=True):
            location = stand.plugin(version)
            await worker.rescan()
            await worker.put_config("numbers", walking(stand, "connector", version, count))
            await until_walked(worker, version, count)
            if left is not None:
                shutil.rmtree(left)
                await worker.rescan()
            left = location
            assert worker.status("numbers").connector.version == version
        assert stand.heard.starts("pinned-0") == stand.heard.starts("pinned") == 1

    stand.run(body)
    assert_counted_once(stand, "numbers")
    assert_counted_once(stand, "pinned")


def endless(version: str, **keys: str) -> dict[str, str]:
    """A source that counts on and on, at a version."""
    count = "1000000000"
    return counter(count=count, pause_s="0.02", connector__version=version, **keys)


def walking(stand: Stand, counted_by: str, version: str, count: int) -> dict[str, str]:
    """A config at that version with so many tasks, by its own words or by the connector's."""
    if counted_by == "config":
        return endless(version, tasks=str(count), tasks__max=str(count))
    file = stand.directory / "tasks"
    file.write_text(" ".join(map(str, range(count))))
    return steered(connector__version=version, tasks__max="9", tasks_file=str(file), pause_s="0.02")


async def until_walked(worker: StandingWorker, version: str, count: int) -> None:
    """Wait until the connector and so many tasks run at that version, and have proved healthy."""
    await until_task_version(worker, "numbers", version)
    await until_state(worker, "numbers", RUNNING, *(RUNNING for _ in range(count)))
    assert worker.status("numbers").connector.version == version
    assert {one.version for one in worker.status("numbers").tasks} == {version}
    while (await worker.generations("numbers"))[0].outcome is not MoveState.DONE:
        await until_state(worker, "numbers", RUNNING, *(RUNNING for _ in range(count)))
        await asyncio.sleep(0.02)
    if worker.last_move("numbers") is not None:
        await until_moved(worker, "numbers", MoveState.DONE)


def assert_counted_once(stand: Stand, name: str) -> None:
    """Every number of every task is in the log once, up to the task's stored offset."""

    async def read() -> list[int]:
        with contextlib.closing(SqliteLog(stand.log_file)) as log:
            offsets = await log.source_offsets(name)
        return [json.loads(offset)["next"] for _, offset in offsets]

    ends = asyncio.run(read())
    numbers = [one["n"] for one in values(stand.log_file, name)]  # type: ignore[index]
    assert Counter(numbers) == Counter(n for end in ends for n in range(end))
    assert all(ends)
