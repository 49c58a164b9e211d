"""X: what Java never needed: hosts that die, hang, swell, shout or leave children behind."""

import hashlib
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.hostile import (
    MEBIBYTE,
    Ground,
    highest_memory,
    hostile_ground,
    standing_in,
    until,
)
from tests.conftest import python_or_skip
from tests.worker.standalone import values_in


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory, host_tests_dir: Path) -> Iterator[Ground]:
    """One worker for all tests of this file: what one does to it, the others would see."""
    with hostile_ground(tmp_path_factory.mktemp("ground"), host_tests_dir / "store") as made:
        yield made


def lines_of(file: Path) -> list[dict[str, Any]]:
    """The lines that are whole: the last one may be on its way."""
    text = file.read_text() if file.exists() else ""
    return [json.loads(line) for line in text.split("\n")[:-1]]


DEATHS = {
    "SIGKILL": "died with SIGKILL",
    "SIGSEGV": "died with SIGSEGV",
    "SIGABRT": "died with SIGABRT",
    "MemoryError": "MemoryError",
    "exit": "7",
}


@pytest.mark.parametrize("how", DEATHS)
def test_X07_a_host_that_dies_is_one_failed_task(ground: Ground, tmp_path: Path, how: str) -> None:
    when = tmp_path / "when"
    name = f"dies-{how}"
    ground.create(name, ground.config("Hostile", how=how, when=str(when), topic=name), tasks=2)
    when.touch()
    ground.until_states(name, "RUNNING", "FAILED", "RUNNING")
    trace = ground.get(f"/connectors/{name}/tasks/0/status")["trace"]
    assert DEATHS[how] in trace
    ground.goes_on(name, task=1)
    ground.goes_on("quiet")
    assert ground.get("/health")["status"] == "healthy"
    when.unlink()
    ground.ask("POST", f"/connectors/{name}/tasks/0/restart")
    ground.until_states(name, "RUNNING", "RUNNING", "RUNNING")
    ground.goes_on(name)
    ground.ask("PUT", f"/connectors/{name}/stop")
    ground.until_states(name, "STOPPED")
    ends = [ground.position(name, task) for task in (0, 1)]
    ground.delete(name)
    stored = sorted(value["n"] for value in values_in(ground.directory / "worker.sqlite", name))
    assert stored == sorted([*range(ends[0]), *range(ends[1])])


def pids_of(file: Path, task: int) -> list[int]:
    """The processes that a task has had, by what it wrote."""
    rows = [line.split() for line in file.read_text().splitlines()]
    return [int(pid) for number, pid in rows if int(number) == task]


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("ending", ["restart", "stop", "delete"])
def test_X08_a_task_that_hangs_in_stop_is_killed(
    ground: Ground, tmp_path: Path, ending: str
) -> None:
    pids = tmp_path / "pids"
    name = f"hangs-{ending}"
    keys = {"how": "hang", "here": str(tmp_path), "pids": str(pids), "topic": name}
    ground.create(name, ground.config("Hostile", **keys), tasks=2)
    first = [pids_of(pids, 0)[0], pids_of(pids, 1)[0]]
    if ending == "restart":
        ground.ask("POST", f"/connectors/{name}/tasks/0/restart")
        until(lambda: len(pids_of(pids, 0)) == 2)
        ground.until_states(name, "RUNNING", "RUNNING", "RUNNING")
        assert not lives(first[0])
        assert lives(first[1])
    elif ending == "stop":
        ground.ask("PUT", f"/connectors/{name}/stop")
        ground.until_states(name, "STOPPED")
        until(lambda: not any(map(lives, first)))
        ground.ask("PUT", f"/connectors/{name}/resume")
        ground.until_states(name, "RUNNING", "RUNNING", "RUNNING")
    else:
        ground.delete(name)
        ground.create(name, ground.config("Hostile", topic=name))  # the name is free at once
        until(lambda: not any(map(lives, first)))
    assert (tmp_path / "hangs").exists()
    ground.goes_on(name)
    ground.goes_on("quiet")
    ground.delete(name)


def test_X09_a_record_of_tens_of_mebibytes_arrives_whole(ground: Ground, tmp_path: Path) -> None:
    size, out = 48 * MEBIBYTE, tmp_path / "out"
    keys = {"topic": "huge", "size": str(size), "count": "2"}
    ground.create("huge", ground.config("Hostile", **keys))
    ground.create("huge-kept", ground.config("Keeper", topics="huge", file=str(out)))
    until(lambda: len(lines_of(out)) == 2)
    found = [(line["n"], line["length"], line["sha256"]) for line in lines_of(out)]
    letters = ("b", "c")
    hashes = [hashlib.sha256(letter.encode() * size).hexdigest() for letter in letters]
    assert found == [(n, size, hashes[n]) for n in (0, 1)]
    ground.delete("huge", "huge-kept")


def test_X09_a_slow_stage_holds_a_fast_source_and_memory_is_bounded(
    ground: Ground, tmp_path: Path
) -> None:
    """192 MiB wait at two gates: before a transformation in another host, then before a sink."""
    records, bound = 192, 128 * MEBIBYTE
    gate, second_gate = tmp_path / "gate", tmp_path / "second-gate"
    polled, pids, out = tmp_path / "polled", tmp_path / "pids", tmp_path / "out"
    worker = ground.process
    assert worker is not None
    before = highest_memory(worker.pid)
    keys = {"topic": "flow", "size": str(MEBIBYTE), "count": str(records), "pids": str(pids)}
    apart = {
        "transforms": "slow",
        "transforms.slow.type": "hostile.Slow",
        "transforms.slow.plugin.version": f"2.{sys.version_info[1]}",
        "transforms.slow.gate": str(gate),
    }
    source = ground.config("Hostile", polled=str(polled), **keys) | apart
    ground.create("flow", source)
    ground.create(
        "flow-kept",
        ground.config("Keeper", topics="flow", file=str(out), gate=str(second_gate)),
    )
    until(polled.exists)
    standstill(polled)
    assert len(polled.read_text().splitlines()) < records
    gate.touch()
    until(lambda: ground.position("flow") == records)  # all is stored, nothing is put
    assert not out.exists()
    (host,) = pids_of(pids, 0)
    sizes = {"source": highest_memory(host), "worker": highest_memory(worker.pid) - before}
    second_gate.touch()
    until(lambda: len(lines_of(out)) == records)
    assert [line["n"] for line in lines_of(out)] == list(range(records))
    sizes["sink"] = highest_memory(lines_of(out)[0]["pid"])
    assert all(size < bound for size in sizes.values()), sizes
    ground.goes_on("quiet")
    ground.delete("flow", "flow-kept")


def standstill(file: Path) -> None:
    """Wait until a file has not grown in 40 looks: whoever writes to it is held."""
    seen: list[int] = []

    def unchanged() -> bool:
        seen.append(file.stat().st_size)
        return len(seen) > 40 and len(set(seen[-40:])) == 1

    until(unchanged)


def test_X10_what_a_plugin_writes_anywhere_goes_to_the_log(ground: Ground, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ground.create("noise", ground.config("Hostile", how="noise", topic="noise"))
    ground.create("noise-kept", ground.config("Keeper", topics="noise", file=str(out)))
    until(lambda: len(lines_of(out)) > 20)
    assert [line["n"] for line in lines_of(out)][:20] == list(range(20))
    assert ground.states("noise") == ["RUNNING", "RUNNING"]
    for told in ("a print", "bytes", "a line of C", "a line of a child", "to stderr"):
        ground.until(lambda told=told: any(  # type: ignore[misc]  # a lambda with a default
            "[noise-0]" in line and told in line for line in ground.said.splitlines()
        ))  # fmt: skip
    ground.delete("noise", "noise-kept")


def test_X11_what_a_plugin_started_ends_with_its_task(ground: Ground, tmp_path: Path) -> None:
    """At a stop, a restart, a death, a delete; at a pause the connector's only: the task stays."""
    here, pids = tmp_path / "here", tmp_path / "pids"
    here.mkdir()
    keys = {"how": "children", "here": str(here), "topic": "children", "pids": str(pids)}

    def born() -> list[int]:
        # The task's host and nine of its kin: a shell with two children, multiprocessing's
        # tracker and process, a session, one without our variables, a daemon; and the
        # connector's host with a session of its own.
        # Two looks, as one that forks on its way to another session may stand in for a late one.
        looks: list[list[int]] = [[]]

        def are_all_there() -> bool:
            looks.append(sorted(standing_in(here)))
            return len(looks[-1]) == 11 and looks[-1] == looks[-2]

        until((here / "born").exists)
        until(are_all_there)
        (here / "born").unlink()
        return looks[-1]

    ground.create("children", ground.config("Hostile", **keys))
    first = born()
    ground.ask("PUT", "/connectors/children/pause")
    ground.until_states("children", "PAUSED", "PAUSED")
    until(lambda: len(standing_in(here)) == len(first) - 2)
    assert set(standing_in(here)) < set(first)
    ground.ask("PUT", "/connectors/children/resume")
    ground.until_states("children", "RUNNING", "RUNNING")
    ground.ask("PUT", "/connectors/children/stop")
    ground.until_states("children", "STOPPED")
    until(lambda: not standing_in(here))
    ground.ask("PUT", "/connectors/children/resume")
    second = born()
    ground.ask("POST", "/connectors/children/restart?includeTasks=true&onlyFailed=false")
    until(lambda: not set(second) & set(standing_in(here)))
    born()
    ground.until_states("children", "RUNNING", "RUNNING")
    os.kill(pids_of(pids, 0)[-1], signal.SIGKILL)
    ground.until_states("children", "RUNNING", "FAILED")
    until(lambda: len(standing_in(here)) == 2)  # of the connector, which runs
    ground.delete("children")
    until(lambda: not standing_in(here))
    ground.goes_on("quiet")


@pytest.mark.parametrize(("source", "sink"), [("3.9", "3.13"), ("3.13", "3.9")])
def test_X17_hosts_run_other_pythons_than_the_worker(
    ground: Ground, tmp_path: Path, source: str, sink: str
) -> None:
    for version in (source, sink):
        python_or_skip(version)
    name, out = f"pythons-{source}", tmp_path / "out"
    versions = [f"2.{version[2:]}" for version in (source, sink)]
    config = ground.config("Hostile", topic=name)
    ground.create(name, config | {"connector.version": versions[0]})
    kept = ground.config("Keeper", topics=name, file=str(out))
    ground.create(f"{name}-kept", kept | {"connector.version": versions[1]})
    until(lambda: len(lines_of(out)) > 20)
    found = {(line["python"], line["sink"]) for line in lines_of(out)}
    assert found == {(source, sink)}
    assert [line["n"] for line in lines_of(out)][:20] == list(range(20))
    told = [ground.status(one)["connector"] for one in (name, f"{name}-kept")]
    assert [one["version"] for one in told] == versions  # type: ignore[index]  # JSON
    ground.delete(name, f"{name}-kept")
