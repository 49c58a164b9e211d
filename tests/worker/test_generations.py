"""Generations: what a connector has run with, and the way back; and the three kinds of pin."""

import shutil

import pytest

from launcher.interface.faults import InvalidConnectorConfigError, NotFoundError
from launcher.interface.motion import Generation, MoveState
from launcher.interface.views import State
from launcher.worker.standing import StandingWorker
from tests.worker.moving import broken_start, counted, moving, until_moved, until_proved
from tests.worker.standing import Stand, until, until_state, until_task_version

RUNNING, STOPPED = State.RUNNING, State.STOPPED
DONE, RETURNED = MoveState.DONE, MoveState.RETURNED


def told(generations: tuple[Generation, ...]) -> list[tuple[int, str, str, bool, str]]:
    return [
        (one.number, one.versions[0].version, str(one.outcome), one.is_current, one.by)
        for one in generations
    ]


def test_every_config_that_is_applied_is_a_generation_and_any_can_be_gone_back_to(
    stand: Stand,
) -> None:
    for version in ("1.0", "2.0"):
        stand.plugin(version)

    async def body(worker: StandingWorker) -> None:
        await worker.create("numbers", moving("1.0", secret__password="hush"), by="anna")
        await until_state(worker, "numbers", RUNNING, RUNNING)
        await until_proved(worker, 1)
        await worker.put_config("numbers", moving("1.0", batch="7"), by="10.0.0.9")
        await until_proved(worker, 2)
        await worker.put_config("numbers", moving("2.0", batch="7"), by="anna")
        await until_moved(worker, "numbers", DONE)
        await worker.rollback("numbers", to=1)
        await until_task_version(worker, "numbers", "1.0")
        await until_moved(worker, "numbers", DONE)
        await worker.rollback("numbers", by="bert")
        await until_task_version(worker, "numbers", "2.0")
        await until_moved(worker, "numbers", DONE)
        generations = await worker.generations("numbers")
        assert told(generations) == [
            (5, "2.0", "DONE", True, "rollback by bert"),
            (4, "1.0", "DONE", False, "rollback"),
            (3, "2.0", "DONE", False, "anna"),
            (2, "1.0", "DONE", False, "10.0.0.9"),
            (1, "1.0", "DONE", False, "anna"),
        ]
        assert generations[-1].config["secret.password"] == "[hidden]"
        assert worker.config("numbers")["batch"] == "7"
        (location,) = {path for one in generations[:1] for path in one.plugin_digests}
        assert location == str(stand.plugins / "acme-2.0")
        environment = worker.status("numbers").connector.environment
        assert generations[0].environment_digests == {location: environment}
        with pytest.raises(NotFoundError, match="no generation 9"):
            await worker.rollback("numbers", to=9)

    async def look(worker: StandingWorker) -> None:
        await until_state(worker, "numbers", RUNNING, RUNNING)
        assert [one.number for one in await worker.generations("numbers")] == [5, 4, 3, 2, 1]
        await worker.delete("numbers")
        await worker.create("numbers", moving("1.0"))
        await until_state(worker, "numbers", RUNNING, RUNNING)
        assert [one.number for one in await worker.generations("numbers")] == [1]

    stand.run(body)
    stand.run(look)
    numbers = counted(stand)
    assert numbers == list(range(len(numbers)))


def test_a_generation_that_is_not_installed_any_more_is_refused(stand: Stand) -> None:
    old = stand.plugin("1.0")
    stand.plugin("2.0")

    async def begin(worker: StandingWorker) -> None:
        await worker.create("numbers", moving("1.0"))
        await until_state(worker, "numbers", RUNNING, RUNNING)
        await worker.put_config("numbers", moving("2.0"))
        await until_moved(worker, "numbers", DONE)

    async def body(worker: StandingWorker) -> None:
        await until_state(worker, "numbers", RUNNING, RUNNING)
        with pytest.raises(InvalidConnectorConfigError, match=r"available versions: \[2\.0\]"):
            await worker.rollback("numbers")
        move = await until_moved(worker, "numbers", RETURNED)
        assert (move.from_version, move.to_version) == ("2.0", "1.0")
        assert (move.reason or "").count("available versions") == 1  # under two keys, said once
        assert worker.config("numbers")["connector.version"] == "2.0"

    stand.run(begin)
    shutil.rmtree(old)
    stand.run(body)


def test_a_locked_version_stays_where_it_was_first_until_told(stand: Stand) -> None:
    stand.plugin("1.0")

    async def begin(worker: StandingWorker) -> None:
        await worker.create("numbers", moving("locked"))
        await until_state(worker, "numbers", RUNNING, RUNNING)
        assert worker.status("numbers").locked == {"connector.version": "1.0"}

    async def stay(worker: StandingWorker) -> None:
        await until_state(worker, "numbers", RUNNING, RUNNING)
        assert worker.status("numbers").connector.version == "1.0"
        assert worker.next_versions("numbers") == ()
        await worker.put_config("numbers", moving("locked", batch="3"))
        await until(lambda: stand.heard.starts("numbers-0") == 3)
        assert {one.version for one in worker.status("numbers").tasks} == {"1.0"}
        assert worker.config("numbers")["connector.version"] == "locked"
        await worker.put_config("numbers", moving("latest", batch="3"))
        await until_moved(worker, "numbers", DONE)
        await until_task_version(worker, "numbers", "2.0")
        assert worker.status("numbers").locked == {}
        await worker.put_config("numbers", moving("locked", batch="3"))
        await until(lambda: worker.status("numbers").locked == {"connector.version": "2.0"})
        await until_moved(worker, "numbers", DONE)

    stand.run(begin)
    stand.plugin("2.0")
    stand.run(stay)
    assert stand.stored("numbers").locked == {"connector.version": "2.0"}


def test_locking_keeps_what_has_run_whatever_is_newer(stand: Stand) -> None:
    """Also with both synonyms, after a stop, and in place of a move that fails."""
    old = stand.plugin("1.0")
    chain = {"transforms": "t", "transforms__t__type": "acme.Tag"}
    lock = {"transforms__t__plugin__version": "locked"}
    both = {"connector.version": "1.0", "connector.plugin.version": "1.0"}

    def runs(worker: StandingWorker) -> list[str]:
        status = worker.status("numbers")
        stages = (one.version for one in status.stages if one.role == "transformation")
        return [
            status.connector.version or "",
            *stages,
            *(str(one.version) for one in status.tasks),
        ]

    async def body(worker: StandingWorker) -> None:
        await worker.create("numbers", moving(None, **chain))
        await until_proved(worker, 1)
        stand.plugin("2.0")
        stand.plugin("3.0", **{"acme.py": broken_start("time.sleep(3600)")})
        await worker.rescan()
        asked = moving("locked", **chain, **lock)
        plan = await worker.plan("numbers", asked)
        assert [one for one in plan.stages if one.version_before != one.version_after] == []
        await worker.put_config("numbers", asked)
        move = await until_moved(worker, "numbers", DONE)
        assert (move.from_version, move.to_version) == ("1.0", "1.0")
        assert runs(worker) == ["1.0"] * 3
        assert worker.status("numbers").locked == {
            "connector.version": "1.0",
            "transforms.t.plugin.version": "1.0",
        }
        await worker.put_config("numbers", moving("latest", **chain))
        await until(lambda: "moves from 1.0 to 3.0" in stand.heard.texts())
        await worker.put_config("numbers", moving("locked", connector__plugin__version="locked"))
        await until_moved(worker, "numbers", DONE)
        assert runs(worker) == ["1.0"] * 2

    async def again(worker: StandingWorker) -> None:
        await until_state(worker, "numbers", RUNNING, RUNNING)
        assert runs(worker) == ["1.0"] * 2
        assert worker.next_versions("numbers") == ()
        await worker.stop("numbers")
        await until_state(worker, "numbers", STOPPED)
        await worker.put_config("numbers", moving("latest"))
        await worker.put_config("numbers", moving("locked"))
        await worker.resume("numbers")
        await until_state(worker, "numbers", RUNNING, RUNNING)
        assert runs(worker) == ["1.0"] * 2
        await worker.put_config("numbers", moving("2.0"))
        await until_moved(worker, "numbers", DONE)
        shutil.rmtree(old)
        await worker.put_config("numbers", moving("locked"))
        await until_moved(worker, "numbers", DONE)
        assert runs(worker) == ["2.0"] * 2
        await worker.create("others", moving("locked", topic="others"))
        await until(lambda: worker.status("others").locked == {"connector.version": "3.0"})

    stand.run(body)
    assert stand.stored("numbers").locked.items() <= both.items()
    stand.run(again)


def test_what_ran_and_is_not_installed_any_more_is_not_locked_on_something_else(
    stand: Stand,
) -> None:
    old = stand.plugin("1.0")

    async def body(worker: StandingWorker) -> None:
        await worker.create("numbers", moving(None))
        await until_proved(worker, 1)
        stand.plugin("2.0")
        shutil.rmtree(old)
        await worker.rescan()
        with pytest.raises(InvalidConnectorConfigError, match=r"range \[1\.0\], available"):
            await worker.put_config("numbers", moving("locked"))
        assert {one.version for one in worker.status("numbers").tasks} == {"1.0"}
        (problem,) = (await worker.plan("numbers", moving("locked"))).problems
        assert "available versions: [2.0]" in problem

    stand.run(body)


def test_what_a_restart_would_move_is_told_before_and_its_generation_is_exact(
    stand: Stand,
) -> None:
    stand.plugin("1.0")

    async def body(worker: StandingWorker) -> None:
        await worker.create("numbers", moving(None))
        await until_state(worker, "numbers", RUNNING, RUNNING)
        assert worker.next_versions("numbers") == ()
        stand.plugin("2.0")
        await worker.rescan()
        (next_one,) = worker.status("numbers").next_versions
        assert (next_one.role, next_one.version) == ("connector", "2.0")
        assert worker.status("numbers").connector.version == "1.0"
        assert any("will move to 2.0 at next start" in text for text in stand.heard.texts())
        await worker.restart("numbers", include_tasks=True)
        await until_task_version(worker, "numbers", "2.0")
        assert worker.next_versions("numbers") == ()
        await until_state(worker, "numbers", RUNNING, RUNNING)
        await worker.rollback("numbers", to=1)
        await until_task_version(worker, "numbers", "1.0")
        assert worker.config("numbers")["connector.version"] == "1.0"
        await until_moved(worker, "numbers", DONE)
        generations = await worker.generations("numbers")
        assert [one.by for one in generations] == ["rollback", "worker", "worker"]

    stand.run(body)
    numbers = counted(stand)
    assert numbers == list(range(len(numbers)))


def test_a_move_of_a_connector_that_is_stopped_is_a_plain_change(stand: Stand) -> None:
    for version in ("1.0", "2.0"):
        stand.plugin(version)

    async def body(worker: StandingWorker) -> None:
        await worker.create("numbers", moving("1.0"))
        await until_state(worker, "numbers", RUNNING, RUNNING)
        await worker.stop("numbers")
        await until_state(worker, "numbers", STOPPED)
        await worker.put_config("numbers", moving("2.0"))
        assert worker.last_move("numbers") is None
        await worker.resume("numbers")
        await until_task_version(worker, "numbers", "2.0")
        await until_state(worker, "numbers", RUNNING, RUNNING)
        assert worker.last_move("numbers") is None

    stand.run(body)


def test_a_restart_that_comes_to_a_broken_newer_version_goes_back_by_itself(stand: Stand) -> None:
    """Also when it is the worker that was started again, and the newest version has come since."""
    stand.plugin("1.0")

    async def begin(worker: StandingWorker) -> None:
        await worker.create("numbers", moving(None))
        await until_state(worker, "numbers", RUNNING, RUNNING)
        await until_proved(worker, 1)
        stand.plugin("2.0", **{"acme.py": broken_start("raise ValueError('not this one')")})
        await worker.rescan()
        await worker.restart("numbers")
        move = await until_moved(worker, "numbers", RETURNED)
        assert (move.from_version, move.to_version) == ("1.0", "2.0")
        await until_task_version(worker, "numbers", "1.0")
        await until_state(worker, "numbers", RUNNING, RUNNING)

    async def again(worker: StandingWorker) -> None:
        await until_state(worker, "numbers", RUNNING, RUNNING)
        await until_task_version(worker, "numbers", "1.0")
        move = await until_moved(worker, "numbers", RETURNED)
        assert "not this one" in (move.reason or "")
        assert "connector.version" not in worker.config("numbers")
        (newer,) = worker.next_versions("numbers")
        assert newer.version == "2.0"
        generations = told(await worker.generations("numbers"))
        assert [(number, version, current) for number, version, _, current, _ in generations] == [
            (3, "2.0", False),
            (2, "2.0", False),
            (1, "1.0", True),
        ]

    stand.run(begin)
    stand.run(again)
    numbers = counted(stand)
    assert numbers == list(range(len(numbers)))
