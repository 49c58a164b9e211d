"""Moves: a connector goes to another version, and back by itself when that is not healthy."""

import shutil

import pytest

from launcher.interface.faults import InvalidConnectorConfigError
from launcher.interface.motion import MoveState
from launcher.interface.views import State
from launcher.planning.preparation import worker_converters
from launcher.worker.standing import StandingWorker
from manager.errors import ProblemsError
from tests.launcher.pipelines import PLUGINS
from tests.worker.moving import broken_start, counted, moving, until_moved, until_proved
from tests.worker.standing import (
    Stand,
    counter,
    until_lines,
    until_state,
    until_task_version,
    writer,
)

RUNNING = State.RUNNING


def test_a_version_that_fails_in_start_gives_way_to_the_one_before(stand: Stand) -> None:
    stand.plugin("1.0")
    stand.plugin("2.0", **{"acme.py": broken_start("raise ValueError('no start today')")})
    returns(stand, "2.0", "no start today")


def test_a_version_that_hangs_in_start_is_given_up_at_its_deadline(stand: Stand) -> None:
    stand.plugin("1.0")
    stand.plugin("2.0", **{"acme.py": broken_start("time.sleep(3600)")})
    returns(stand, "2.0", "within 2 s", move__timeout__ms="2000")


def test_what_runs_may_take_longer_to_stop_than_a_move_may_to_start(stand: Stand) -> None:
    stubborn = PLUGINS.replace('how = self.props.get("fault")', 'how = "stubborn"')
    stand.plugin("1.0", **{"acme.py": stubborn})
    stand.plugin("2.0")

    async def body(worker: StandingWorker) -> None:
        await worker.create("numbers", moving("1.0"))
        await until_state(worker, "numbers", RUNNING, RUNNING)
        while await stand.end() < 20:
            await until_state(worker, "numbers", RUNNING, RUNNING)
        await worker.put_config("numbers", moving("2.0", move__timeout__ms="10000"))
        move = await until_moved(worker, "numbers", MoveState.DONE, MoveState.RETURNED)
        assert (move.state, move.reason) == (MoveState.DONE, None)
        assert {one.version for one in worker.status("numbers").tasks} == {"2.0"}

    stand.run(body, shutdown_timeout_s=12)
    numbers = counted(stand)
    assert numbers == list(range(len(numbers)))


def test_a_version_that_fails_at_its_first_poll_gives_way(stand: Stand) -> None:
    stand.plugin("1.0")
    broken = PLUGINS.replace(
        "    def poll(self):\n",
        "    def poll(self):\n        raise KeyError('no poll either')\n",
        1,
    )
    stand.plugin("2.0", **{"acme.py": broken})
    returns(stand, "2.0", "no poll either")


def test_a_move_that_is_given_up_says_which_tasks_it_waited_for_and_what_they_tried_again(
    stand: Stand,
) -> None:
    stand.plugin("1.0")
    broken = broken_start("if props['task'] == '1': time.sleep(3600)").replace(
        "    def poll(self):\n",
        "    def poll(self):\n        raise RetriableError('not yet, ' + self.props['secret'])\n",
        1,
    )
    stand.plugin("2.0", **{"acme.py": broken})

    async def body(worker: StandingWorker) -> None:
        two = {"tasks": "3", "tasks__max": "3", "secret": "hush"}
        await worker.create("numbers", moving("1.0", **two))
        await until_state(worker, "numbers", RUNNING, RUNNING, RUNNING, RUNNING)
        await worker.put_config("numbers", moving("2.0", move__timeout__ms="5000", **two))
        move = await until_moved(worker, "numbers", MoveState.RETURNED)
        said, _, hint = (move.reason or "").partition("; give it")
        assert said == (
            "it was not healthy within 5 s: tasks 0, 2 had not come through the first `poll`, "
            "tried again after venvoy_api.errors.RetriableError: not yet, [hidden]; "
            "task 1 had not returned from `start`"
        )
        assert hint

    stand.run(body)


def test_a_crash_in_the_first_poll_is_told_by_the_plugins_own_frames(stand: Stand) -> None:
    stand.plugin("1.0")
    broken = PLUGINS.replace(
        "    def poll(self):\n",
        "    def poll(self):\n        import ctypes; ctypes.string_at(0)\n",
        1,
    )
    stand.plugin("2.0", **{"acme.py": broken})

    async def body(worker: StandingWorker) -> None:
        await worker.create("numbers", moving("1.0"))
        await until_state(worker, "numbers", RUNNING, RUNNING)
        await worker.put_config("numbers", moving("2.0"))
        move = await until_moved(worker, "numbers", MoveState.RETURNED)
        reason = move.reason or ""
        assert "died with SIGSEGV; its last words on stderr were: Fatal Python error" in reason
        assert reason.endswith(" in poll")
        assert "venvoy_host" not in reason
        (generation, _) = await worker.generations("numbers")
        assert generation.reason == reason

    stand.run(body)


def test_a_sink_that_keeps_trying_its_first_put_says_so(stand: Stand) -> None:
    stand.plugin("1.0")
    busy = PLUGINS.replace(
        "    def put(self, records):\n",
        "    def put(self, records):\n        raise RetriableError('busy')\n",
    )
    stand.plugin("2.0", **{"acme.py": busy})
    out = stand.directory / "out.jsonl"

    async def body(worker: StandingWorker) -> None:
        await worker.create("written", writer(out, connector__version="1.0"))
        await until_state(worker, "written", RUNNING, RUNNING)
        versions = {"connector__version": "2.0", "move__timeout__ms": "3000"}
        await worker.put_config("written", writer(out, **versions))
        move = await until_moved(worker, "written", MoveState.RETURNED)
        assert "task 0 had not come through the first `put`, tried again" in (move.reason or "")
        assert "RetriableError: busy" in (move.reason or "")

    stand.run(body)


def test_a_version_whose_connector_hangs_gives_way(stand: Stand) -> None:
    stand.plugin("1.0")
    broken = PLUGINS.replace("        self.props = dict(props)\n", "        time.sleep(3600)\n", 1)
    stand.plugin("2.0", **{"acme.py": broken})
    returns(stand, "2.0", "`start` had not returned", move__timeout__ms="2000")


def test_a_version_whose_transformation_fails_gives_way(stand: Stand) -> None:
    """What stands behind the first poll must work, too."""
    stand.plugin("1.0")
    broken = PLUGINS.replace(
        "class Tag(Transformation):\n",
        "class Tag(Transformation):\n    def apply(self, record): raise ValueError('no tag')\n",
    ).replace("    def apply(self, record):\n", "    def _apply(self, record):\n", 1)
    stand.plugin("2.0", **{"acme.py": broken})
    chain = {"transforms": "t", "transforms__t__type": "acme.Tag"}
    at = {"transforms__t__plugin__version": "1.0"}
    other = {"transforms__t__plugin__version": "2.0"}

    async def body(worker: StandingWorker) -> None:
        await worker.create("numbers", moving("1.0", **chain, **at))
        await until_state(worker, "numbers", RUNNING, RUNNING)
        await worker.put_config("numbers", moving("1.0", **chain, **other))
        await until_moved(worker, "numbers", MoveState.RETURNED)
        move = worker.last_move("numbers")
        assert move is not None
        assert (move.from_version, move.to_version) == ("t 1.0", "t 2.0")
        assert "no tag" in (move.reason or "")
        await until_state(worker, "numbers", RUNNING, RUNNING)
        stages = worker.status("numbers").stages
        assert [one.version for one in stages if one.role == "transformation"] == ["1.0"]
        absent = {"transforms__t__plugin__version": "9"}
        with pytest.raises(InvalidConnectorConfigError):
            await worker.put_config("numbers", moving("1.0", **chain, **absent))
        move = worker.last_move("numbers")
        assert move is not None
        assert (move.from_version, move.to_version) == ("t 1.0", "t 9")

    stand.run(body)
    numbers = counted(stand)
    assert numbers == list(range(len(numbers)))


@pytest.mark.parametrize("how", ["imports", "verifies"])
def test_a_version_that_does_not_import_is_refused_and_nothing_stops(
    stand: Stand, how: str
) -> None:
    stand.plugin("1.0")
    broken = {
        "imports": "raise RuntimeError('not importable')\n" + PLUGINS,
        "verifies": PLUGINS.replace(
            "class Counter(SourceConnector)", "class Other(SourceConnector)"
        ),
    }
    stand.plugin("2.0", **{"acme.py": broken[how]})

    async def body(worker: StandingWorker) -> None:
        await worker.create("numbers", moving("1.0"))
        await until_state(worker, "numbers", RUNNING, RUNNING)
        with pytest.raises(InvalidConnectorConfigError):
            await worker.put_config("numbers", moving("2.0"))
        move = worker.status("numbers").last_move
        assert move is not None
        assert move.state is MoveState.RETURNED
        assert move.to_generation == move.from_generation == 1
        assert move.to_version == "2.0"
        assert move.reason
        assert worker.config("numbers")["connector.version"] == "1.0"
        assert stand.heard.starts("numbers-0") == 1

    stand.run(body)


def test_a_sink_moves_when_there_is_nothing_to_put_and_back_when_put_fails(stand: Stand) -> None:
    stand.plugin("1.0")
    stand.plugin("2.0")
    broken = PLUGINS.replace(
        "    def put(self, records):\n",
        "    def put(self, records):\n        raise ValueError('no put')\n",
    )
    stand.plugin("3.0", **{"acme.py": broken})
    out = stand.directory / "out.jsonl"

    async def body(worker: StandingWorker) -> None:
        await worker.create("written", writer(out, connector__version="1.0"))
        await until_state(worker, "written", RUNNING, RUNNING)
        await worker.put_config("written", writer(out, connector__version="2.0"))
        await until_moved(worker, "written", MoveState.DONE)
        await worker.create("numbers", counter(connector__version="1.0"))
        await until_lines(out, 50)
        await worker.put_config("written", writer(out, connector__version="3.0"))
        await until_moved(worker, "written", MoveState.RETURNED)
        assert "no put" in str(worker.last_move("written"))
        await until_task_version(worker, "written", "2.0")
        await worker.create("more", counter(connector__version="1.0"))
        await until_lines(out, 100)

    stand.run(body, flush_interval_s=10.0)


def test_a_move_that_is_wanted_in_between_starts_from_what_has_proved_healthy(
    stand: Stand,
) -> None:
    stand.plugin("1.0")
    stand.plugin("2.0", **{"acme.py": broken_start("time.sleep(3600)")})
    stand.plugin("3.0", **{"acme.py": broken_start("raise ValueError('nor this')")})
    stand.plugin("4.0")

    async def body(worker: StandingWorker) -> None:
        await worker.create("numbers", moving("1.0"))
        await until_proved(worker, 1)
        await worker.put_config("numbers", moving("2.0"))
        await until_moved(worker, "numbers", MoveState.STARTING)
        await worker.put_config("numbers", moving("3.0"))
        await until_moved(worker, "numbers", MoveState.RETURNED)
        move = worker.last_move("numbers")
        assert move is not None
        assert (move.from_version, move.to_version) == ("1.0", "3.0")
        await worker.put_config("numbers", moving("4.0"))
        await until_moved(worker, "numbers", MoveState.DONE)
        await until_task_version(worker, "numbers", "4.0")
        shown = await worker.generations("numbers")
        assert [(one.versions[0].version, one.outcome) for one in shown] == [
            ("4.0", MoveState.DONE),
            ("3.0", MoveState.RETURNED),
            ("2.0", MoveState.RETURNED),
            ("1.0", MoveState.DONE),
        ]

    stand.run(body)
    numbers = counted(stand)
    assert numbers == list(range(len(numbers)))


def test_a_move_goes_back_to_a_version_whose_location_is_gone(stand: Stand) -> None:
    location = stand.plugin("1.0")
    stand.plugin("2.0", **{"acme.py": broken_start("raise ValueError('no start today')")})

    async def body(worker: StandingWorker) -> None:
        await worker.create("numbers", moving("1.0"))
        await until_state(worker, "numbers", RUNNING, RUNNING)
        shutil.rmtree(location)
        await worker.rescan()
        await worker.put_config("numbers", moving("2.0"))
        await until_moved(worker, "numbers", MoveState.RETURNED)
        await until_task_version(worker, "numbers", "1.0")
        await until_state(worker, "numbers", RUNNING, RUNNING)
        end = await stand.end()
        while await stand.end() < end + 30:
            await until_state(worker, "numbers", RUNNING, RUNNING)

    stand.run(body)
    numbers = counted(stand)
    assert numbers == list(range(len(numbers)))


@pytest.mark.parametrize("held", ["stopped", "paused"])
def test_a_stop_holds_a_move_up_until_the_connector_is_resumed_and_a_pause_does_not(
    stand: Stand, held: str
) -> None:
    stand.plugin("1.0")
    late = "while not pathlib.Path(props['end_file']).exists(): time.sleep(0.02)"
    fault = "raise ValueError('no start at last')"
    stand.plugin("2.0", **{"acme.py": broken_start(f"{late}\n        {fault}")})
    end = stand.directory / "end"
    # What is paused comes to its deadline; what is stopped fails when it is told to.
    slow = {"move__timeout__ms": "10000"} if held == "paused" else {}

    async def body(worker: StandingWorker) -> None:
        await worker.create("numbers", moving("1.0", end_file=str(end)))
        await until_state(worker, "numbers", RUNNING, RUNNING)
        await worker.put_config("numbers", moving("2.0", end_file=str(end), **slow))
        await until_moved(worker, "numbers", MoveState.STARTING)
        await until_task_version(worker, "numbers", "2.0")
        if held == "stopped":
            await worker.stop("numbers")
            await until_state(worker, "numbers", State.STOPPED)
            assert worker.config("numbers")["connector.version"] == "2.0"
            await until_moved(worker, "numbers", MoveState.STARTING)
            await worker.resume("numbers")
            end.touch()
        else:
            await worker.pause("numbers")  # its tasks do not return from `start` all the same
        move = await until_moved(worker, "numbers", MoveState.RETURNED)
        reason = "no start at last" if held == "stopped" else "within 10 s"
        assert reason in (move.reason or "")
        await worker.resume("numbers")
        await until_task_version(worker, "numbers", "1.0")
        await until_state(worker, "numbers", RUNNING, RUNNING)

    stand.run(body)
    numbers = counted(stand)
    assert numbers == list(range(len(numbers)))


def test_a_move_of_a_connector_that_is_paused_meanwhile_asks_for_its_start_only(
    stand: Stand,
) -> None:
    stand.plugin("1.0")
    slow = "while not pathlib.Path(props['go_file']).exists(): time.sleep(0.02)"
    stand.plugin("2.0", **{"acme.py": broken_start(slow)})
    go = stand.directory / "go"

    async def body(worker: StandingWorker) -> None:
        await worker.create("numbers", moving("1.0", go_file=str(go)))
        await until_state(worker, "numbers", RUNNING, RUNNING)
        await worker.put_config("numbers", moving("2.0", go_file=str(go)))
        await until_moved(worker, "numbers", MoveState.STARTING)
        await until_task_version(worker, "numbers", "2.0")
        await worker.pause("numbers")
        go.touch()
        await until_moved(worker, "numbers", MoveState.DONE)
        await until_state(worker, "numbers", State.PAUSED, State.PAUSED)
        await worker.resume("numbers")
        await until_state(worker, "numbers", RUNNING, RUNNING)

    stand.run(body)


def returns(stand: Stand, version: str, reason: str, **keys: str) -> None:
    """Move a source from 1.0 to a broken version; see it back, with every number in its place."""

    async def body(worker: StandingWorker) -> None:
        await worker.create("numbers", moving("1.0"))
        await until_state(worker, "numbers", RUNNING, RUNNING)
        await worker.put_config("numbers", moving(version, **keys))
        await until_moved(worker, "numbers", MoveState.RETURNED)
        assert reason in str(worker.last_move("numbers"))
        await until_task_version(worker, "numbers", "1.0")
        await until_state(worker, "numbers", RUNNING, RUNNING)
        end = await stand.end()
        while await stand.end() < end + 30:
            await until_state(worker, "numbers", RUNNING, RUNNING)
        generations = await worker.generations("numbers")
        assert [(one.outcome, one.is_current) for one in generations] == [
            (MoveState.RETURNED, False),
            (MoveState.DONE, True),
        ]
        assert reason in (generations[0].reason or "")

    stand.run(body)
    numbers = counted(stand)
    assert numbers == list(range(len(numbers)))


@pytest.mark.parametrize("text", ["soon", "0", "-1", "1.5"])
def test_a_time_for_a_move_that_is_none_is_refused(stand: Stand, text: str) -> None:
    stand.plugin("1.0")

    async def body(worker: StandingWorker) -> None:
        with pytest.raises(InvalidConnectorConfigError, match=r"`move\.timeout\.ms` is"):
            await worker.create("numbers", moving("1.0", move__timeout__ms=text))

    stand.run(body)


def test_only_a_connector_can_lock_a_version() -> None:
    pairs = {"value.converter": "JsonConverter", "value.converter.plugin.version": "locked"}
    with pytest.raises(ProblemsError, match="only a connector's config can say"):
        worker_converters(pairs, where="worker.properties")
