"""Versions side by side, and workers one after the other on one storage file."""

import asyncio

from launcher.worker.standing import StandingWorker
from launcher.worker.views import State
from tests.launcher.pipelines import PLUGINS, lines_of, values
from tests.worker.standing import Stand, counter, steered, until, until_lines, until_state, writer

RUNNING, PAUSED, STOPPED = State.RUNNING, State.PAUSED, State.STOPPED


def test_mi01_two_sources_and_two_sinks_at_different_versions_at_once(stand: Stand) -> None:
    """MI01: the status shows the version of each, of its tasks and of everything it uses."""
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


def test_a_worker_on_the_same_file_brings_all_back_to_what_was_asked(stand: Stand) -> None:
    stand.plugin()
    out = stand.directory / "out.jsonl"

    async def make(worker: StandingWorker) -> None:
        await worker.create("numbers", steered())
        await worker.create("written", writer(out))
        for name in ("paused", "stopped"):
            await worker.create(name, steered(topic=name))
            await until_state(worker, name, RUNNING, RUNNING)
        await worker.pause("paused")
        await worker.stop("stopped")
        await until_state(worker, "paused", PAUSED, PAUSED)
        await until_state(worker, "stopped", STOPPED)
        await until(lambda: lines_of(out))

    async def look(worker: StandingWorker) -> None:
        assert worker.connectors() == ("numbers", "paused", "stopped", "written")
        assert worker.topics("numbers") == ("numbers",)
        clusters.append(worker.cluster_id)
        count = len(lines_of(out))
        await until_state(worker, "numbers", RUNNING, RUNNING)
        await until_state(worker, "written", RUNNING, RUNNING)
        await until_state(worker, "paused", PAUSED, PAUSED)
        await until_state(worker, "stopped", STOPPED)
        assert worker.status("paused").tasks[0].version == "1.0"
        await until(lambda: len(lines_of(out)) > count + 10)
        end = await stand.end("paused")
        await worker.resume("paused")
        await until_state(worker, "paused", RUNNING, RUNNING)
        while await stand.end("paused") <= end:
            await asyncio.sleep(0.02)
        await worker.pause("paused")
        await until_state(worker, "paused", PAUSED, PAUSED)

    clusters: list[str] = []
    stand.run(make)
    stand.run(look)
    stand.run(look)
    assert clusters[0] == clusters[1]
    assert len(clusters[0]) == 22
    for topic in ("numbers", "paused"):
        found = [one["n"] for one in values(stand.log_file, topic)]  # type: ignore[index]
        assert found == list(range(len(found)))
    written = [line[3]["n"] for line in lines_of(out)]  # type: ignore[index]
    assert sorted(set(written)) == list(range(max(written) + 1))
