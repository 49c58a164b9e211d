"""Errors of single records in a standing worker: states, traces, dead letters, counters."""

import asyncio
from typing import Any

import pytest

from launcher.interface.views import State
from launcher.worker.standing import StandingWorker
from tests.launcher.pipelines import PLUGINS, lines_of, values
from tests.worker.standing import Stand, counter, until, until_lines, until_state, writer

RUNNING, PAUSED, FAILED = State.RUNNING, State.PAUSED, State.FAILED

HALVED = {
    "transforms": "halve",
    "transforms.halve.type": "acme.Tag",
    "transforms.halve.drop": "0",  # divides by it
    "transforms.halve.predicate": "even",
    "predicates": "even",
    "predicates.even.type": "acme.Even",
}
"""A chain that fails on every even number."""

TOLERANT = {
    "errors.tolerance": "all",
    "errors.deadletterqueue.topic.name": "letters",
    "errors.deadletterqueue.context.headers.enable": "true",
}


def test_a_sink_goes_on_behind_its_errors_and_dead_letters_are_a_topic_like_any_other(
    stand: Stand,
) -> None:
    stand.plugin()
    out, letters = stand.directory / "out.jsonl", stand.directory / "letters.jsonl"

    async def body(worker: StandingWorker) -> None:
        await worker.create("letters", writer(letters, topics="letters"))
        await worker.create("written", {**writer(out), **HALVED, **TOLERANT})
        await worker.create("numbers", counter())
        await until_lines(out, 25)
        await until_lines(letters, 25)
        await until_state(worker, "written", RUNNING, RUNNING)
        await until(lambda: _errors(worker).get("total-records-skipped") == 25)
        told = _errors(worker)
        assert told.pop("last-error-timestamp") > 0
        assert told == {
            "total-record-failures": 25,
            "total-record-errors": 25,
            "total-records-skipped": 25,
            "total-retries": 0,
            "total-errors-logged": 0,
            "deadletterqueue-produce-requests": 25,
            "deadletterqueue-produce-failures": 0,
        }

    stand.run(body)
    lines: list[Any] = lines_of(letters)
    assert [line[3]["n"] for line in lines] == list(range(0, 50, 2))
    headers = dict(lines[1][5])
    assert headers["__connect.errors.exception.class.name"] == "ZeroDivisionError"
    assert headers["__connect.errors.offset"] == 2
    written: list[Any] = lines_of(out)
    assert [line[3]["n"] for line in written] == list(range(1, 50, 2))


def _errors(worker: StandingWorker) -> dict[str, int]:
    """What the task of the sink has told of its errors."""
    (found,) = [dict(one.errors) for one in worker.counters() if one.connector == "written"]
    return found


def test_a_task_without_tolerance_tells_the_cause_and_a_tolerant_config_heals_it(
    stand: Stand,
) -> None:
    stand.plugin()

    async def body(worker: StandingWorker) -> None:
        await worker.create("numbers", {**counter(), **HALVED})
        await until_state(worker, "numbers", RUNNING, FAILED)
        trace = worker.task_status("numbers", 0).trace or ""
        assert "ZeroDivisionError" in trace
        assert trace.rstrip().endswith("ConnectError: Tolerance exceeded in error handler")
        assert await stand.end() == 0
        await worker.put_config("numbers", {**counter(), **HALVED, "errors.tolerance": "all"})
        await until_state(worker, "numbers", RUNNING, RUNNING)
        while await stand.end() < 25:
            await asyncio.sleep(0.02)

    stand.run(body)
    found: list[Any] = values(stand.log_file)
    assert [one["n"] for one in found] == list(range(1, 50, 2))
    assert {one["tag"] for one in found if "tag" in one} == set()


def test_dead_letters_and_logged_errors_keep_the_secrets_of_the_config(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIN", "the-secret-pin")
    stand.properties |= {
        "config.providers": "env",
        "config.providers.env.class": "EnvVarConfigProvider",
    }
    telling = PLUGINS.replace(
        "        value = dict(record.value)\n        drop",
        '        raise ValueError("wrong: " + self.configs["pin"] + chr(0xd800))\n        drop',
    )
    assert telling != PLUGINS
    stand.plugin(**{"acme.py": telling})
    letters = stand.directory / "letters.jsonl"
    config = {
        **writer(stand.directory / "out"),
        **TOLERANT,
        "errors.log.enable": "true",
        "transforms": "tell",
        "transforms.tell.type": "acme.Tag",
        "transforms.tell.pin": "${env:PIN}",
    }

    async def body(worker: StandingWorker) -> None:
        await worker.create("letters", writer(letters, topics="letters"))
        await worker.create("written", config)
        await worker.create("numbers", counter(count="2"))
        await until_lines(letters, 2)

    stand.run(body)
    lines: list[Any] = lines_of(letters)
    headers = dict(lines[0][5])
    assert headers["__connect.errors.exception.message"] == "wrong: [hidden]\\ud800"
    assert "wrong: [hidden]" in headers["__connect.errors.exception.stacktrace"]
    told = [text for text in stand.heard.texts() if "Error encountered" in text]
    assert len(told) == 2
    assert not [text for text in [letters.read_text(), *told] if "the-secret-pin" in text]
