"""Config changes: which tasks restart, how many there are, what is stored of secrets."""

import sqlite3

import pytest

from launcher.interface.faults import InvalidConnectorConfigError, NotFoundError, RequestError
from launcher.interface.views import State
from launcher.worker.standing import StandingWorker
from tests.launcher.pipelines import lines_of, values
from tests.worker.standing import (
    Stand,
    counter,
    steered,
    until,
    until_lines,
    until_state,
    writer,
)

RUNNING, PAUSED, STOPPED, FAILED = State.RUNNING, State.PAUSED, State.STOPPED, State.FAILED


def test_a_changed_config_restarts_the_tasks_and_offsets_hold(stand: Stand) -> None:
    stand.plugin()

    async def body(worker: StandingWorker) -> None:
        info, is_new = await worker.put_config("numbers", counter())
        assert is_new
        await until(lambda: worker.counters() and worker.counters()[0].records_out == 50)
        info, is_new = await worker.put_config("numbers", counter(count="80"))
        assert (is_new, info.config["count"]) == (False, "80")
        await until(lambda: worker.counters() and worker.counters()[0].records_out == 30)
        assert worker.tasks("numbers")[0].config["count"] == "80"
        assert stand.heard.starts("numbers-0") == 2
        info = await worker.patch_config("numbers", {"count": "90", "batch": "7"})
        assert info.config == {**counter(), "name": "numbers", "count": "90", "batch": "7"}
        await until(lambda: worker.counters() and worker.counters()[0].records_out == 10)
        info = await worker.patch_config("numbers", {"batch": None})
        assert "batch" not in info.config
        with pytest.raises(NotFoundError, match="Connector nobody not found"):
            await worker.patch_config("nobody", {})

    stand.run(body)
    assert [one["n"] for one in values(stand.log_file)] == list(range(90))  # type: ignore[index]


def test_the_same_config_again_leaves_the_tasks_alone(stand: Stand) -> None:
    stand.plugin()

    async def body(worker: StandingWorker) -> None:
        await worker.put_config("numbers", steered())
        await until_state(worker, "numbers", RUNNING, RUNNING)
        await worker.put_config("numbers", steered())
        await until(lambda: stand.heard.starts("numbers") == 2)
        await until_state(worker, "numbers", RUNNING, RUNNING)
        assert stand.heard.starts("numbers-0") == 1

    stand.run(body)


def test_task_configs_asked_for_anew_make_more_and_fewer_tasks(stand: Stand) -> None:
    stand.plugin()
    tasks = stand.directory / "tasks"
    tasks.write_text("a b")

    async def body(worker: StandingWorker) -> None:
        await worker.create("numbers", steered(tasks_file=str(tasks), tasks__max="3"))
        await until_state(worker, "numbers", RUNNING, RUNNING, RUNNING)
        tasks.write_text("a b c")
        await until_state(worker, "numbers", RUNNING, RUNNING, RUNNING, RUNNING)
        assert [one.config["task"] for one in worker.tasks("numbers")] == ["a", "b", "c"]
        assert stand.heard.starts("numbers-0") == 2
        tasks.write_text("c")
        await until_state(worker, "numbers", RUNNING, RUNNING)
        assert [one.config["task"] for one in worker.tasks("numbers")] == ["c"]
        assert stand.heard.starts("numbers") == 1

    stand.run(body)


def test_too_many_tasks_fail_the_connector_unless_it_is_not_enforced(stand: Stand) -> None:
    stand.plugin()
    tasks = stand.directory / "tasks"
    tasks.write_text("a b")

    async def body(worker: StandingWorker) -> None:
        config = steered(tasks_file=str(tasks), tasks__max="1")
        await worker.create("numbers", config)
        await until_state(worker, "numbers", FAILED)
        trace = worker.status("numbers").connector.trace
        assert trace is not None
        assert "returned 2 task configs; tasks.max is 1" in trace
        await worker.put_config("numbers", {**config, "tasks.max.enforce": "false"})
        await until_state(worker, "numbers", RUNNING, RUNNING, RUNNING)

    stand.run(body)


def test_more_or_fewer_tasks_of_a_sink_go_on_where_the_others_were(stand: Stand) -> None:
    stand.plugin()
    out = stand.directory / "out.jsonl"

    async def body(worker: StandingWorker) -> None:
        await worker.create("numbers", counter())
        await worker.create("written", writer(out, tasks="1", tasks__max="3"))
        await until_lines(out, 50)
        for count, total in (("3", 80), ("2", 100)):
            await worker.put_config("written", writer(out, tasks=count, tasks__max="3"))
            await until_state(worker, "written", RUNNING, *[RUNNING] * int(count))
            await worker.put_config("numbers", counter(count=str(total)))
            await until_lines(out, total)

    stand.run(body)
    assert [line[3]["n"] for line in lines_of(out)] == list(range(100))  # type: ignore[index]


def test_an_invalid_config_leaves_no_trace(stand: Stand) -> None:
    stand.plugin()

    async def body(worker: StandingWorker) -> None:
        with pytest.raises(InvalidConnectorConfigError, match="1 error"):
            await worker.create("numbers", counter(count="many"))
        with pytest.raises(InvalidConnectorConfigError):
            await worker.put_config("numbers", counter(connector__version="9.9"))
        with pytest.raises(RequestError, match="Failed to find any class that implements Conn"):
            await worker.create("numbers", {"connector.class": "NoSuchConnector"})
        assert worker.connectors() == ()
        await worker.create("numbers", counter())
        with pytest.raises(InvalidConnectorConfigError):
            await worker.put_config("numbers", counter(count="many"))
        assert worker.config("numbers")["count"] == "50"
        await until_state(worker, "numbers", RUNNING, RUNNING)

    stand.run(body)
    stand.run(_has_only_numbers)


async def _has_only_numbers(worker: StandingWorker) -> None:
    assert worker.connectors() == ("numbers",)


def test_what_providers_give_is_never_stored_nor_told(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand.plugin()
    monkeypatch.setenv("ACME_PASSWORD", "correct-horse-battery")
    stand.properties |= {
        "config.providers": "env",
        "config.providers.env.class": "EnvVarConfigProvider",
    }
    fault, pid = stand.directory / "fault", stand.directory / "pid"

    async def body(worker: StandingWorker) -> None:
        config = steered(
            password="${env:ACME_PASSWORD}",
            url="acme://me:${env:ACME_PASSWORD}@host",
            fault_file=str(fault),
            pid_file=str(pid),
        )
        await worker.create("numbers", config)
        await until_state(worker, "numbers", RUNNING, RUNNING)
        environment = worker.tasks("numbers")[0].config
        assert environment["password"] == "${env:ACME_PASSWORD}"
        assert environment["url"] == "acme://me:${env:ACME_PASSWORD}@host"
        assert worker.config("numbers")["password"] == "${env:ACME_PASSWORD}"
        fault.touch()
        await until_state(worker, "numbers", RUNNING, FAILED)
        trace = worker.task_status("numbers", 0).trace
        assert trace is not None
        assert "the task broke with [hidden]" in trace

    stand.run(body)
    assert not [text for text in stand.heard.texts() if "correct-horse" in text]
    with sqlite3.connect(stand.log_file) as connection:
        assert "correct-horse" not in "\n".join(connection.iterdump())
    connection.close()


def test_passwords_are_hidden_also_after_a_restart_and_come_back_unharmed(stand: Stand) -> None:
    stand.plugin()
    pins = {"one": "first-secret-pin", "two": "second-secret-pin"}

    def config(pin: str, **more: str) -> dict[str, str]:
        return steered(connector__class="acme_steered.Guarded", pin=pin, **more)

    async def make(worker: StandingWorker) -> None:
        for name, pin in pins.items():
            made = await worker.create(name, config(pin, topic=name))
            assert made.config["pin"] == "[hidden]"
        await look(worker)
        shown = dict(worker.config("one"))
        await worker.put_config("one", {**shown, "batch": "3"})
        await until(lambda: worker.tasks("one")[0].config.get("batch") == "3")

    async def look(worker: StandingWorker) -> None:
        for name in pins:
            await until_state(worker, name, RUNNING, RUNNING)
            assert worker.config(name)["pin"] == "[hidden]"
            assert worker.info(name).config["pin"] == "[hidden]"
            assert worker.tasks(name)[0].config["pin"] == "[hidden]"
        texts = stand.heard.texts()
        for who in ("the connector prints", "the task prints", "the task logs"):
            assert {text for text in texts if text.startswith(who)} == {f"{who} [hidden]"}

    stand.run(make)
    stand.run(look)
    assert stand.stored("one").config["pin"] == "first-secret-pin"
    assert not [text for text in stand.heard.texts() if "secret-pin" in text]


def test_a_sink_reads_the_topics_that_its_pattern_finds_also_later(stand: Stand) -> None:
    stand.plugin()
    out = stand.directory / "out.jsonl"

    async def body(worker: StandingWorker) -> None:
        await worker.create("written", writer(out, topics__regex="numbers-.*"))
        await until_state(worker, "written", RUNNING, RUNNING)
        for name in ("numbers-a", "numbers-b", "others"):
            await worker.create(name, counter(topic=name))
        await until_lines(out, 100)
        await until(lambda: worker.topics("others") == ("others",))
        assert worker.topics("written") == ("numbers-a", "numbers-b")
        assert worker.topics("numbers-a") == ("numbers-a",)
        await worker.reset_topics("written")
        assert worker.topics("written") == ()
        await worker.put_config("numbers-a", counter(topic="numbers-a", count="51"))
        await until_lines(out, 101)
        assert worker.topics("written") == ("numbers-a",)

    stand.run(body)
    found = {line[0] for line in lines_of(out)}  # type: ignore[index]
    assert found == {"numbers-a", "numbers-b"}
