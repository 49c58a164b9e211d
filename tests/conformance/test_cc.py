"""CC: CachedConnectorsTest. Hosts are kept, what went wrong is not."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from launcher.interface.faults import RequestTimedOutError
from tests.conformance.validating import CLASSES, VERSIONS, Room, faults, room
from tests.isolation.workspaces import write_lock
from tests.wheel_maker import make_wheel

HELD = 'def VALUE(): return "held"\n'
NEEDS = """
import held
from venvoy_api import *

class Needing(SinkConnector):
    def start(self, props): pass
    def stop(self): pass
    def task_class(self): return None
    def task_configs(self, max_tasks): return []
    def config(self): return ConfigDef().define("k", ConfigType.STRING, held.VALUE())
"""


def sources(version: str) -> dict[str, str]:
    return {"name": "n", "connector.class": CLASSES["source"], "connector.version": version}


def test_CC01_a_host_is_kept_for_each_environment(validating: Room) -> None:
    validator = validating.make()
    before = len(validating.hosts)
    for _ in range(2):
        for version in VERSIONS:
            assert not faults(validating.validate_with(validator, sources(version)))
    pids = {host.pid for host in validating.hosts[before:]}
    assert len(pids) == len(validating.hosts) - before == len(VERSIONS)


def test_CC01_a_host_that_nobody_asks_any_more_ends(validating: Room) -> None:
    validator = validating.make(idle_s=0.01)
    validating.validate_with(validator, sources("1.1.0"))
    host = validating.hosts[-1]

    async def ended() -> int:
        return await asyncio.wait_for(asyncio.shield(host.ended), timeout=60)

    assert validating.runner.run(ended()) != 0


def test_CC02_a_failure_is_not_kept_and_a_mended_location_is_taken_as_it_is_now(
    host_tests_dir: Path, tmp_path: Path
) -> None:
    plugins = tmp_path / "plugins"
    points = {"venvoy.sink": {"needing": "needing:Needing"}}
    location = plugins / "needing"
    make_wheel(location, "needing", "1.0", files={"needing.py": NEEDS}, requires=["held"],
               entry_points=points)  # fmt: skip
    held = make_wheel(location / "wheels", "held", "1.0", files={"held.py": HELD})
    write_lock(location)
    away = held.rename(tmp_path / held.name)
    config = {"name": "n", "connector.class": "needing.Needing", "topics": "t"}
    with room(tmp_path, host_tests_dir / "store") as made:
        first = faults(made.validate(config))
        assert list(first) == ["connector.class"]
        (text,) = first["connector.class"]
        assert text.startswith("Failed to load class needing.Needing: ")
        assert "held" in text
        assert faults(made.validate(config)) == first
        away.rename(held)
        assert not faults(made.validate(config))


def test_CC02_a_host_that_could_not_load_a_plugin_is_not_asked_again(validating: Room) -> None:
    validator = validating.make()
    before = len(validating.hosts)
    config = {"name": "n", "connector.class": "faulty.ExitingSource", "required": "r"}
    bodies = [validating.validate_with(validator, config).as_json() for _ in range(2)]
    assert bodies[0] == bodies[1]
    assert len(validating.hosts) == before + 2
    good = {**config, "connector.class": "faulty.SampleSource"}
    assert not faults(validating.validate_with(validator, good))


def test_CC02_a_kept_host_that_died_of_something_else_is_replaced(validating: Room) -> None:
    validator = validating.make()

    async def kill_between() -> list[int]:
        config = sources("1.1.0")
        first = await validator.validate(config)
        os.kill(validating.hosts[-1].pid, signal.SIGKILL)
        second = await validator.validate(config)  # before the worker can know of the death
        return [first.error_count, second.error_count]

    before = len(validating.hosts)
    assert validating.runner.run(kill_between()) == [0, 0]
    assert len(validating.hosts) == before + 2


def test_CC03_a_version_that_is_not_there_does_not_harm_the_others(validating: Room) -> None:
    assert "connector.class" in faults(validating.validate(sources("9.9")))
    for version in VERSIONS:
        assert not faults(validating.validate(sources(version)))
    assert "connector.class" in faults(validating.validate(sources("9.9")))


@pytest.mark.parametrize(
    "config",
    [
        sources("9.9"),
        {"name": "n", "connector.class": "faulty.AbstractSource"},
        {"name": "n", "connector.class": "faulty.RaisingSource"},
        {"name": "n", "connector.class": "faulty.ExitingSource"},
    ],
)
def test_CC04_the_same_config_twice_gives_the_same_body(
    validating: Room, config: dict[str, str]
) -> None:
    first, second = (validating.validate(config).as_json() for _ in range(2))
    assert first == second
    assert first["error_count"] != 0


def test_a_plugin_that_hangs_is_given_up_and_holds_up_nobody(validating: Room) -> None:
    validator = validating.make(timeout_s=8)
    before = len(validating.hosts)
    hanging = {"name": "n", "connector.class": "faulty.HangingSource", "required": "r"}
    good = {**hanging, "connector.class": "faulty.SampleSource"}

    async def both() -> tuple[object, object]:
        hung = asyncio.create_task(validator.validate(hanging))
        fine = await validator.validate(good)
        assert not hung.done()
        (result,) = await asyncio.gather(hung, return_exceptions=True)
        endings = [host.ended for host in validating.hosts[before:]]
        await asyncio.wait(endings, return_when=asyncio.FIRST_COMPLETED)
        return fine, result

    _, result = validating.runner.run(both())
    assert isinstance(result, RequestTimedOutError)
    assert result.status == 500
    assert result.message.startswith("Request timed out. The worker is currently performing ")
    assert ", which began at 20" in result.message
