"""MI: MultiVersionIntegrationTest. Versions side by side in one standing worker."""

from launcher.worker.standing import StandingWorker
from launcher.worker.views import State
from tests.launcher.pipelines import PLUGINS, lines_of
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


def test_MI02_a_connector_walks_through_versions_and_back_with_other_task_counts(
    stand: Stand,
) -> None:
    """Upgrade and downgrade by config alone; the status shows what runs at each step."""
    for version in ("1.0", "1.5", "2.0"):
        stand.plugin(version)
    tasks = stand.directory / "tasks"

    async def body(worker: StandingWorker) -> None:
        words = ["a"]
        for step, version in enumerate(("1.0", "1.5", "2.0", "1.5", "1.0"), start=1):
            tasks.write_text(" ".join(words))
            config = steered(
                connector__version=version, tasks__max="9", tasks_file=str(tasks), pause_s="0.05"
            )
            await worker.put_config("numbers", config)
            await until_task_version(worker, "numbers", version)
            await until_state(worker, "numbers", RUNNING, *(RUNNING for _ in words))
            assert worker.status("numbers").connector.version == version
            assert {one.version for one in worker.status("numbers").tasks} == {version}
            assert stand.heard.starts("numbers-0") == step
            if step == 3:
                words += ["b"]

    stand.run(body)
