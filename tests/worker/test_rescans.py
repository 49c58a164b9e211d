"""The plugin path read again while connectors run: found, made behind it, and nothing disturbed."""

import asyncio
import shutil

import pytest

from launcher.interface.faults import InvalidConnectorConfigError
from launcher.interface.motion import BuildState
from launcher.interface.views import State
from launcher.worker.standing import StandingWorker
from tests.launcher.pipelines import PLUGINS, values
from tests.wheel_maker import make_wheel
from tests.worker.locations import (
    assert_whole,
    is_built,
    start_pair,
    state_of,
    until_told,
    versions,
)
from tests.worker.standing import (
    ENTRY_POINTS,
    STEERED,
    Stand,
    counter,
    steered,
    until,
    until_state,
    until_task_version,
)

RUNNING = State.RUNNING


@pytest.mark.parametrize("is_watched", [True, False], ids=["watch", "request"])
def test_a_version_dropped_in_is_found_made_and_moved_to_while_a_neighbour_runs_on(
    stand: Stand, is_watched: bool
) -> None:
    stand.plugin("1.0")
    stand.is_watched = is_watched

    async def body(worker: StandingWorker) -> None:
        pid = await start_pair(stand, worker)
        before = pid.read_text()
        location = stand.plugin("2.0")
        if not is_watched:
            report = await worker.rescan()
            assert "acme_steered.Steered 2.0" in report.added
            assert (report.removed, report.broken, report.changed) == ((), (), ())
            assert report.locations == 2
        await until(lambda: versions(worker) == ["1.0", "2.0"])
        await until(lambda: is_built(worker, location))
        assert stand.heard.starts("walker") == 1
        await worker.put_config("walker", steered(connector__version="2.0", topic="walked"))
        await until_task_version(worker, "walker", "2.0")
        await until_state(worker, "walker", RUNNING, RUNNING)
        state = await until_told(worker, location, lambda one: one.used_by)
        assert state.used_by == ("walker",)
        assert state.environment == worker.status("walker").connector.environment
        assert pid.read_text() == before
        assert (stand.heard.starts("pinned"), stand.heard.starts("pinned-0")) == (1, 1)
        end = await stand.end("pinned")
        while await stand.end("pinned") <= end:
            await asyncio.sleep(0.02)

    stand.run(body)
    assert any("plugins added: " in text for text in stand.heard.texts())
    assert_whole(stand, "pinned", "walked")


def test_without_a_watch_nothing_is_read_until_it_is_asked_for(stand: Stand) -> None:
    stand.plugin("1.0")
    stand.is_watched = False

    async def body(worker: StandingWorker) -> None:
        location = stand.plugin("2.0")
        state = state_of(worker, stand.plugins / "acme-1.0")
        assert state is not None
        assert state_of(worker, location) is None
        reports = await asyncio.gather(*(worker.rescan() for _ in range(50)))
        assert len({id(report) for report in reports}) == 1
        assert state_of(worker, location) is not None
        report = await worker.rescan()
        assert (report.added, report.changed, report.locations) == ((), (), 2)

    stand.run(body)


def test_what_runs_from_a_location_that_is_taken_away_goes_on_and_restarts(stand: Stand) -> None:
    location = stand.plugin("1.0")
    stand.plugin("2.0")

    async def body(worker: StandingWorker) -> None:
        pid = await start_pair(stand, worker)
        before = pid.read_text()
        shutil.rmtree(location)
        state = await until_told(worker, location, lambda one: one.is_gone)
        assert state.used_by == ("pinned", "walker")
        assert "acme_steered.Steered 1.0" in state.plugins
        assert versions(worker) == ["2.0"]
        status = worker.status("pinned")
        assert (status.location_gone, status.type) == ((str(location),), "source")
        assert pid.read_text() == before
        await worker.restart_task("pinned", 0)
        await until(lambda: pid.read_text() not in {before, ""})
        await until_state(worker, "pinned", RUNNING, RUNNING)
        await worker.restart("pinned", include_tasks=True)
        await until(lambda: stand.heard.starts("pinned") == 2)
        await until(lambda: stand.heard.starts("pinned-0") == 3)
        await until_state(worker, "pinned", RUNNING, RUNNING)
        status = worker.status("pinned")
        assert (status.connector.version, status.tasks[0].version) == ("1.0", "1.0")
        with pytest.raises(InvalidConnectorConfigError, match="available versions"):
            await worker.create("third", steered(connector__version="1.0"))
        await worker.put_config("walker", steered(connector__version="2.0", topic="walked"))
        await until_task_version(worker, "walker", "2.0")
        await until_told(worker, location, lambda one: one.used_by == ("pinned",))
        await worker.delete("pinned")
        await until(lambda: state_of(worker, location) is None)
        stand.plugin("1.0")
        await until_told(worker, location, lambda one: not one.is_gone)

    stand.run(body)
    warned = [text for text in stand.heard.texts() if "no longer on the plugin path" in text]
    assert warned
    assert any("starts on what it ran with" in text for text in stand.heard.texts())
    assert_whole(stand, "pinned", "walked")


def test_other_files_of_the_same_version_are_told_until_a_restart_takes_them(stand: Stand) -> None:
    location = stand.plugin("1.0")

    async def body(worker: StandingWorker) -> None:
        pid = await start_pair(stand, worker)
        before, old = pid.read_text(), worker.status("pinned").connector.environment
        await until_told(worker, location, lambda one: one.used_by == ("pinned", "walker"))
        shutil.rmtree(location)
        stand.plugin("1.0", **{"more.py": "other = 1"})
        state = await until_told(worker, location, lambda one: one.used_as_it_was)
        assert (state.used_by, state.used_as_it_was) == ((), ("pinned", "walker"))
        assert state.environment not in {None, old}
        for name in ("pinned", "walker"):
            status = worker.status(name)
            assert (status.location_changed, status.location_gone) == ((str(location),), ())
            assert status.next_versions == ()
        await worker.rescan()
        await worker.restart("walker")
        state = await until_told(worker, location, lambda one: one.used_as_it_was == ("pinned",))
        await until_told(worker, location, lambda one: one.used_by == ("walker",))
        await until_state(worker, "walker", RUNNING, RUNNING)
        assert worker.status("walker").location_changed == ()
        assert worker.status("walker").connector.environment == state.environment
        assert worker.status("pinned").connector.environment == old
        assert pid.read_text() == before

    stand.run(body)
    told = [text for text in stand.heard.texts() if "its files have changed" in text]
    takes = "a restart of pinned, walker takes the new ones"
    assert told == [f"`{location}`: its files have changed: {takes}"]
    assert_whole(stand, "pinned", "walked")


def test_a_stopped_connector_resumes_on_what_it_ran_with(stand: Stand) -> None:
    location = stand.plugin("1.0")

    async def body(worker: StandingWorker) -> None:
        await worker.create("numbers", steered(connector__version="1.0"))
        await until_state(worker, "numbers", RUNNING, RUNNING)
        while await stand.end("numbers") < 10:
            await asyncio.sleep(0.02)
        await worker.stop("numbers")
        await until_state(worker, "numbers", State.STOPPED)
        shutil.rmtree(location)
        await worker.rescan()
        (partition,) = [one["partition"] for one in await worker.offsets("numbers")]
        moved = [{"partition": partition, "offset": {"next": 5}}]
        await worker.alter_offsets("numbers", moved)
        await worker.resume("numbers")
        await until_state(worker, "numbers", RUNNING, RUNNING)
        assert worker.status("numbers").location_gone == (str(location),)
        before = await stand.end("numbers")
        while await stand.end("numbers") <= before:
            await asyncio.sleep(0.02)

    stand.run(body)
    found = [one["n"] for one in values(stand.log_file, "numbers")]  # type: ignore[index]
    again = found.index(5, found.index(5) + 1)
    assert found == [*range(again), *range(5, 5 + len(found) - again)]


def test_a_broken_location_is_told_hinders_nobody_and_is_mended(stand: Stand) -> None:
    stand.plugin("1.0")

    async def body(worker: StandingWorker) -> None:
        broken = stand.plugins / "broken"
        broken.mkdir()
        (broken / "acme-9.0-py3-none-any.whl").write_bytes(b"no archive")
        good = stand.plugin("2.0")
        state = await until_told(worker, broken, lambda one: one.problem)
        assert state.plugins == ()
        await until(lambda: is_built(worker, good))
        wheel = stand.plugin("9.0") / "acme-9.0-py3-none-any.whl"
        shutil.copy(wheel, broken)
        shutil.rmtree(wheel.parent)
        await until(lambda: is_built(worker, broken))
        assert "9.0" in versions(worker)

    stand.run(body)
    assert any("locations mended: " in text for text in stand.heard.texts())


def test_a_plugin_that_does_not_import_is_told_before_anybody_moves_to_it(stand: Stand) -> None:
    stand.plugin("1.0")

    async def body(worker: StandingWorker) -> None:
        points = {"venvoy.source": {"counter": "acme:Counter"}}
        location = stand.plugins / "acme-2.0"
        source = "import nothing_like_it\n" + PLUGINS
        make_wheel(location, "acme", "2.0", files={"acme.py": source}, entry_points=points)
        state = await until_told(worker, location, lambda one: one.build is BuildState.FAILED)
        assert "nothing_like_it" in (state.problem or "")
        warned = [text for text in stand.heard.texts() if "nothing_like_it" in text]
        assert {text.count(str(location)) for text in warned} == {1}  # which one, said once
        shutil.rmtree(location)
        stand.plugin("2.0")
        await until(lambda: is_built(worker, location))

    stand.run(body)


def test_a_location_copied_file_by_file_is_ready_when_the_last_is_there(stand: Stand) -> None:
    stand.plugin("1.0")
    aside = stand.directory / "aside"
    wheel = make_wheel(
        aside,
        "acme",
        "2.0",
        files={"acme.py": "import helper\n" + PLUGINS, "acme_steered.py": STEERED},
        requires=["helper"],
        entry_points=ENTRY_POINTS,
    )
    helper = make_wheel(aside, "helper", "1.0", files={"helper.py": ""})

    async def body(worker: StandingWorker) -> None:
        location = stand.plugins / "acme-2.0"
        location.mkdir()
        data = wheel.read_bytes()
        with (location / wheel.name).open("wb") as target:
            target.write(data[: len(data) // 2])
            target.flush()
            half = await until_told(worker, location, lambda one: one.problem)
            assert half.plugins == ()
            target.write(data[len(data) // 2 :])
        alone = await until_told(worker, location, lambda one: one.build is BuildState.FAILED)
        assert "helper" in (alone.problem or "")
        shutil.copy(helper, location)
        await until(lambda: is_built(worker, location))
        await worker.create("numbers", counter(connector__version="2.0"))
        await until_task_version(worker, "numbers", "2.0")

    stand.run(body)


def test_a_location_replaced_in_place_is_run_at_the_next_start_only(stand: Stand) -> None:
    location = stand.plugin("1.0")

    async def body(worker: StandingWorker) -> None:
        pid = await start_pair(stand, worker)
        before, old = pid.read_text(), worker.status("pinned").connector.environment
        changed = STEERED.replace('"it does not start: "', '"now it does not start: "')
        files = {"acme.py": PLUGINS, "acme_steered.py": changed}
        aside = stand.directory / "aside"
        wheel = make_wheel(aside, "acme", "1.0", files=files, entry_points=ENTRY_POINTS)
        wheel.replace(location / wheel.name)  # half a wheel would be broken, and mended then
        await until_told(
            worker,
            location,
            lambda one: one.build is BuildState.READY and one.environment != old,
        )
        assert worker.status("pinned").connector.environment == old
        await worker.restart("walker", include_tasks=True)
        await until(lambda: worker.status("walker").connector.environment != old)
        await until_state(worker, "walker", RUNNING, RUNNING)
        assert pid.read_text() == before
        assert stand.heard.starts("pinned-0") == 1

    stand.run(body)
    assert any(f"locations changed: {location}" in text for text in stand.heard.texts())
    assert_whole(stand, "walked")


def test_a_start_reads_a_location_again_that_is_no_longer_as_it_was_read(stand: Stand) -> None:
    location = stand.plugin("1.0")
    stand.is_watched = False

    async def body(worker: StandingWorker) -> None:
        await worker.create("numbers", steered())
        await until_state(worker, "numbers", RUNNING, RUNNING)
        for wheel in location.glob("*.whl"):
            wheel.unlink()
        stand.plugin("1.1").rename(location / "wheels")
        await worker.restart("numbers", include_tasks=True)
        await until_task_version(worker, "numbers", "1.1")
        await until_state(worker, "numbers", RUNNING, RUNNING)
        assert versions(worker) == ["1.1"]

    stand.run(body)
    assert_whole(stand, "numbers")


def test_a_place_that_does_not_exist_yet_is_watched_too(stand: Stand) -> None:
    stand.plugins = stand.directory / "later" / "plugins"

    async def body(worker: StandingWorker) -> None:
        await until_told(worker, stand.plugins, lambda one: one.problem)
        location = stand.plugin("1.0")
        await until(lambda: is_built(worker, location))
        assert state_of(worker, stand.plugins) is None
        shutil.rmtree(stand.plugins)
        await until_told(worker, stand.plugins, lambda one: one.problem)
        stand.plugin("1.0")
        await until(lambda: is_built(worker, location))

    stand.run(body)


def test_what_a_link_leads_to_is_watched_too(stand: Stand) -> None:
    stand.plugins = stand.directory / "current"
    releases = [stand.directory / "releases" / name for name in ("first", "second")]
    for release in releases:
        release.mkdir(parents=True)
    stand.plugins.symlink_to(releases[0])
    elsewhere = stand.directory / "elsewhere" / "acme"

    async def body(worker: StandingWorker) -> None:
        elsewhere.mkdir(parents=True)
        (elsewhere / "acme-1.0-py3-none-any.whl").touch()
        (stand.plugins / "linked").symlink_to(elsewhere)
        await until_told(worker, stand.plugins / "linked", lambda one: one.problem)
        files = {"acme.py": PLUGINS, "acme_steered.py": STEERED}
        make_wheel(elsewhere, "acme", "1.0", files=files, entry_points=ENTRY_POINTS)
        await until(lambda: is_built(worker, stand.plugins / "linked"))
        other = stand.directory / "other"
        other.symlink_to(releases[1])
        other.replace(stand.plugins)
        await until(lambda: worker.locations() == ())
        location = stand.plugin("2.0")
        await until(lambda: is_built(worker, location))
        assert versions(worker) == ["2.0"]

    stand.run(body)
