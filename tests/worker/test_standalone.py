"""`venvoy standalone` as its operator meets it: files, signals, faults, the log."""

import json
import platform
import resource
import signal
import socket
import sqlite3
from collections.abc import Iterator

import pytest

from tests.wheel_maker import make_wheel
from tests.worker.standalone import Standalone, values_in, write_properties
from tests.worker.standing import Stand, counter, steered, writer

WORKER = {
    "listeners": "http://127.0.0.1:0",
    "key.converter": "StringConverter",
    "value.converter": "JsonConverter",
    "value.converter.schemas.enable": "false",
    "offset.flush.interval.ms": "100",
}


@pytest.fixture
def standalone(stand: Stand) -> Iterator[Standalone]:
    """A worker's file for the stand's plugins; whatever runs at the end of the test is killed."""
    stand.plugin()
    pairs = {**WORKER, "plugin.path": stand.plugins}
    one = Standalone(
        stand.directory, write_properties(stand.directory / "worker.properties", pairs)
    )
    yield one
    if one.process is not None:
        one.process.kill()
        one.process.wait()
    one.until_nothing_is_left()


def add_keys(standalone: Standalone, **keys: str) -> None:
    with standalone.worker_file.open("a") as file:
        file.writelines(f"{key.replace('_', '.')}={value}\n" for key, value in keys.items())


def test_a_worker_may_open_as_many_files_as_its_hard_limit_lets_it(standalone: Standalone) -> None:
    standalone.start(shell="ulimit -S -n 256; ulimit -H -n 3000")
    assert standalone.process is not None
    assert resource.prlimit(standalone.process.pid, resource.RLIMIT_NOFILE) == (3000, 3000)
    assert standalone.end() == 0


def test_connectors_of_files_run_and_are_taken_up_again_without_the_files(
    standalone: Standalone,
) -> None:
    directory = standalone.directory
    out = directory / "out.jsonl"
    source = write_properties(directory / "numbers.properties", {"name": "numbers", **counter()})
    sink = directory / "written.json"
    sink.write_text(json.dumps({"name": "written", **writer(out)}))
    asleep = directory / "asleep.json"
    asleep.write_text(
        json.dumps({"name": "asleep", "config": counter(), "initial_state": "STOPPED"})
    )
    standalone.start(source, sink, asleep)
    standalone.until_states("numbers", "RUNNING", "RUNNING")
    standalone.until_states("written", "RUNNING", "RUNNING")
    standalone.until_states("asleep", "STOPPED")
    standalone.until(lambda: out.exists() and len(out.read_text().splitlines()) == 50)
    standalone.ask("PUT", "/connectors/written/pause")
    standalone.until_states("written", "PAUSED", "PAUSED")
    assert standalone.end() == 0
    assert "stopped (venvoy)" in standalone.said
    standalone.until_nothing_is_left()
    standalone.start()
    standalone.until_states("numbers", "RUNNING", "RUNNING")
    standalone.until_states("written", "PAUSED", "PAUSED")
    standalone.until_states("asleep", "STOPPED")
    standalone.until(lambda: "taken up from" in standalone.said)
    assert standalone.end(signal.SIGINT) == 0
    assert [one["n"] for one in values_in(directory / "worker.sqlite", "numbers")] == list(
        range(50)
    )
    assert len(out.read_text().splitlines()) == 50


def test_a_file_changes_a_connector_and_leaves_its_state(standalone: Standalone) -> None:
    directory = standalone.directory
    file = directory / "numbers.properties"
    write_properties(file, {"name": "numbers", **counter(count="10")})
    standalone.start(file)
    standalone.until_states("numbers", "RUNNING", "RUNNING")
    standalone.until(lambda: len(values_in(directory / "worker.sqlite", "numbers")) == 10)
    standalone.end()
    standalone.start(file)
    standalone.until_states("numbers", "RUNNING", "RUNNING")
    assert "[numbers] changed" not in standalone.said
    standalone.end()
    write_properties(file, {"name": "numbers", **counter(count="30")})
    standalone.start(file)
    standalone.until(lambda: "[numbers] changed as" in standalone.said)
    standalone.until(lambda: len(values_in(directory / "worker.sqlite", "numbers")) == 30)
    assert standalone.get("/connectors/numbers")["config"]["count"] == "30"


def test_a_bad_file_is_told_and_the_others_run(standalone: Standalone) -> None:
    directory = standalone.directory
    good = write_properties(directory / "good.properties", {"name": "good", **counter()})
    bad = {
        "nameless.properties": "connector.class=acme.Counter\n",
        "broken.json": "{",
        "moody.json": '{"name": "moody", "config": {}, "initial_state": "ASLEEP"}',
        "two.json": '{"name": "one", "config": {"name": "two"}}',
        "unknown.properties": "name=unknown\nconnector.class=acme.Nobody\n",
        "countless.properties": "name=countless\nconnector.class=acme.Counter\n",
        "twin.properties": "name=good\n",
    }
    for name, text in bad.items():
        (directory / name).write_text(text)
    standalone.start(good, directory / "nowhere.properties", *(directory / name for name in bad))
    standalone.until_states("good", "RUNNING", "RUNNING")
    for words in (
        "nowhere.properties` cannot be read: no such file",
        "nameless.properties` cannot be read: it has no `name`",
        "broken.json` cannot be read: Expecting property name",
        "`initial_state`: `ASLEEP` is none of RUNNING, PAUSED, STOPPED",
        "`name` is `one`, and in `config` it is `two`",
        "acme.Nobody",
        "countless.properties` is not taken:",
        'Missing required configuration "count" which has no default value',
        f"`{directory}/twin.properties` is passed over",
    ):
        standalone.until(lambda words=words: words in standalone.said)  # type: ignore[misc]
    assert standalone.get("/connectors") == ["good"]


def test_a_second_signal_ends_it_at_once_and_leaves_no_process(standalone: Standalone) -> None:
    add_keys(standalone, task_shutdown_graceful_timeout_ms="600000")
    polled = standalone.directory / "polled"
    stubborn = counter(fault="stubborn", polling_file=str(polled), fault_at="1")
    file = write_properties(standalone.directory / "s.properties", {"name": "s", **stubborn})
    standalone.start(file)
    standalone.until(polled.exists)
    assert standalone.process is not None
    standalone.process.send_signal(signal.SIGTERM)
    standalone.until(lambda: "SIGTERM: stopping" in standalone.said)
    assert standalone.end() == 130
    assert "SIGTERM again: ended at once" in standalone.said
    standalone.until_nothing_is_left()


def test_faults_of_the_worker_s_file_are_told_at_once(standalone: Standalone) -> None:
    add_keys(
        standalone,
        listeners="http://:0",
        config_providers="vault",
        rest_max_body_bytes="many",
        key_converter_plugin_version="[1",
        foo="1",
    )
    standalone.launch()
    assert standalone.wait() == 1
    assert "error: 5 problems in the worker config" in standalone.said
    assert "`config.providers.vault.class` is missing" in standalone.said
    assert "`key.converter.plugin.version`" in standalone.said
    assert "names `http://:0`, which other machines can reach without a password" in standalone.said
    assert "`rest.max.body.bytes` is `many`, not a number of bytes" in standalone.said


def test_a_port_in_use_and_a_storage_file_in_use_are_told(standalone: Standalone) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        add_keys(standalone, listeners=f"http://127.0.0.1:{port}")
        standalone.launch()
        assert standalone.wait() == 1
        assert f"http://127.0.0.1:{port}" in standalone.said
        assert "error: " in standalone.said
    add_keys(standalone, listeners="http://127.0.0.1:0")
    standalone.start()
    second = Standalone(standalone.directory, standalone.worker_file)
    second._stderr = standalone.directory / "second.txt"
    second.launch()
    assert second.wait() == 1
    assert "worker.sqlite` cannot be used: another worker uses it" in second.said
    missing = Standalone(standalone.directory, standalone.directory / "nowhere.properties")
    missing._stderr = standalone.directory / "third.txt"
    missing.launch()
    assert missing.wait() == 1
    assert "nowhere.properties` cannot be read: no such file or directory" in missing.said


def test_a_file_of_users_that_names_none_is_told_before_anything_starts(
    standalone: Standalone,
) -> None:
    users = standalone.directory / "users"
    users.write_text("only-a-name\n")
    add_keys(standalone, rest_basic_auth_file=str(users))
    standalone.launch()
    assert standalone.wait() == 1
    assert f"`{users}`" in standalone.said
    assert not (standalone.directory / "worker.sqlite").exists()
    users.write_text("operator: word\n")
    standalone.launch()
    standalone.until(lambda: "the REST API is at" in standalone.said)
    assert standalone.end() == 0


@pytest.mark.parametrize(
    ("keys", "host"),
    [
        ({"listeners": "http://localhost:0"}, "localhost"),
        ({"listeners": "http://:0", "rest_insecure_allow": "true"}, platform.node()),
        ({"rest_advertised_host_name": "me", "rest_advertised_port": "1"}, "me"),
    ],
)
def test_the_worker_is_known_by_what_others_reach_it_by(
    standalone: Standalone, keys: dict[str, str], host: str
) -> None:
    add_keys(standalone, **keys)
    file = write_properties(standalone.directory / "n.properties", {"name": "n", **counter()})
    standalone.start(file)
    standalone.until_states("n", "RUNNING", "RUNNING")
    status = standalone.get("/connectors/n/status")
    port = "1" if host == "me" else standalone.url.rpartition(":")[2]
    assert status["connector"]["worker_id"] == f"{host}:{port}"
    assert status["tasks"][0]["worker_id"] == f"{host}:{port}"


def test_a_worker_without_a_stderr_runs_all_the_same(standalone: Standalone) -> None:
    out = standalone.directory / "out.jsonl"
    source = {"name": "numbers", **counter(count="10")}
    files = [
        write_properties(standalone.directory / "n.properties", source),
        write_properties(standalone.directory / "w.properties", {"name": "w", **writer(out)}),
    ]
    standalone.launch(*files, shell="exec 2>&-")
    standalone.until(lambda: out.exists() and len(out.read_text().splitlines()) == 10)
    assert standalone.end() == 0


def test_what_is_unknown_or_broken_is_warned_of_and_hinders_nothing(
    standalone: Standalone, stand: Stand
) -> None:
    add_keys(standalone, listners="x", foo="1", group_id="g")
    add_keys(standalone, key_converter="io.confluent.connect.avro.JsonConverter")
    (stand.plugins / "broken.whl").write_text("no archive")
    standalone.start()
    said = standalone.said
    assert "unknown key `listners`; did you mean `listeners`? (venvoy)" in said
    assert "nobody reads `foo` (venvoy)" in said
    assert "passed over, as Kafka Connect's worker alone reads it: `group.id` (venvoy)" in said
    assert "WARN " in said
    assert "broken.whl" in said
    assert "`key.converter`: no converter is called `io.confluent.connect.avro.JsonC" in said
    assert any(one["class"] == "acme.Counter" for one in standalone.get("/connector-plugins"))


def test_converters_that_no_plugin_is_called_like_end_the_start_with_what_there_is(
    standalone: Standalone,
) -> None:
    add_keys(standalone, key_converter="Nope", header_converter="SimpleHeadrConverter")
    standalone.launch()
    assert standalone.wait() == 1
    where = f"{standalone.worker_file}"
    assert f"error: 2 problems in the worker config `{where}`" in standalone.said
    nope = "names nothing that is there: no converter is called `Nope`"
    assert f"{where}: `key.converter` {nope}" in standalone.said
    assert "JsonConverter" in standalone.said
    assert "did you mean `SimpleHeaderConverter`" in standalone.said
    assert "the REST API is at" not in standalone.said
    add_keys(standalone, key_converter="StringConverter", header_converter="SimpleHeaderConverter")
    add_keys(standalone, key_converter_plugin_version="99.9")
    standalone.start()
    assert "`key.converter`: no installed version" in standalone.said


def test_an_empty_plugin_path_is_a_worker_without_isolation(standalone: Standalone) -> None:
    add_keys(standalone, plugin_path="")
    standalone.start()
    assert standalone.get("/connectors") == []
    assert standalone.end() == 0


def test_a_level_that_is_set_reaches_hosts_that_run_and_those_that_start(
    standalone: Standalone, stand: Stand
) -> None:
    make_wheel(
        stand.plugins / "chatty",
        "acme-chatty",
        "1.0",
        files={"acme_chatty.py": CHATTY},
        entry_points={"venvoy.source": {"chatty": "acme_chatty:Chatty"}},
    )
    standalone.start()
    standalone.ask("PUT", "/connectors/a/config", {"connector.class": "acme_chatty.Chatty"})
    standalone.until(lambda: "INFO [a-0] aloud (acme_chatty.deep)" in standalone.said)
    assert "whispered" not in standalone.said
    changed = standalone.ask("PUT", "/admin/loggers/acme_chatty", {"level": "DEBUG"})
    assert changed == ["acme_chatty", "acme_chatty.deep"]
    standalone.until(lambda: "DEBUG [a-0] whispered (acme_chatty.deep)" in standalone.said)
    standalone.ask("PUT", "/connectors/b/config", {"connector.class": "acme_chatty.Chatty"})
    standalone.until(lambda: "DEBUG [b-0] whispered (acme_chatty.deep)" in standalone.said)
    standalone.ask("PUT", "/admin/loggers/root", {"level": "OFF"})
    assert standalone.get("/admin/loggers/acme_chatty.deep")["level"] == "OFF"


CHATTY = """
import logging, time
from venvoy_api import *

log = logging.getLogger("acme_chatty.deep")

class Chatty(SourceConnector):
    def start(self, props): pass
    def stop(self): pass
    def task_class(self): return ChattyTask
    def task_configs(self, max_tasks): return [{}]
    def config(self): return ConfigDef()

class ChattyTask(SourceTask):
    def start(self, props): pass
    def poll(self):
        time.sleep(0.05)
        log.info("aloud")
        log.debug("whispered")
    def stop(self): pass
"""


def test_values_from_providers_are_used_and_not_told(standalone: Standalone) -> None:
    secrets = standalone.directory / "secrets.properties"
    secrets.write_text("word=hunter22\n")
    add_keys(
        standalone,
        config_providers="file",
        value_converter_word=f"${{file:{secrets}:word}}",
    )
    (standalone.directory / "fault").touch()
    broken = steered(fault_file=str(standalone.directory / "fault"), password="hunter22")
    file = write_properties(standalone.directory / "p.properties", {"name": "p", **broken})
    standalone.start(file)
    standalone.until_states("p", "RUNNING", "FAILED")
    standalone.until(lambda: "the task broke with [hidden]" in standalone.said)
    assert "hunter22" not in standalone.said


def test_a_disk_that_is_full_fails_tasks_with_a_trace_and_nothing_is_lost(
    standalone: Standalone,
) -> None:
    directory = standalone.directory
    few = {"name": "few", **counter(count="10", topic="few", endless="true")}
    many = counter(count="1000000000", batch="500", pause_s="0.05", topic="many")
    file = write_properties(directory / "few.properties", few)
    standalone.start(file, shell="ulimit -f 1024")
    standalone.until(lambda: len(values_in(directory / "worker.sqlite", "few")) == 10)
    standalone.ask("PUT", "/connectors/many/config", many)
    standalone.until_states("many", "RUNNING", "FAILED")
    (task,) = standalone.get("/connectors/many/status")["tasks"]
    assert "worker.sqlite` cannot be used: " in task["trace"]
    assert standalone.states("few") == ["RUNNING", "RUNNING"]
    assert standalone.end() == 0
    stored = len(values_in(directory / "worker.sqlite", "many"))
    assert stored > 0
    standalone.start()
    standalone.until_states("many", "RUNNING", "RUNNING")
    standalone.until(lambda: len(values_in(directory / "worker.sqlite", "many")) > stored)
    standalone.end()
    numbers = [one["n"] for one in values_in(directory / "worker.sqlite", "many")]
    assert numbers == list(range(len(numbers)))


def test_the_storage_file_holds_all_and_is_the_operator_s_alone(standalone: Standalone) -> None:
    add_keys(standalone, storage_file="elsewhere.sqlite")
    file = write_properties(standalone.directory / "n.properties", {"name": "n", **steered()})
    standalone.start(file)
    standalone.until_states("n", "RUNNING", "RUNNING")
    storage = standalone.directory / "elsewhere.sqlite"
    assert storage.stat().st_mode & 0o077 == 0
    connection = sqlite3.connect(f"file:{storage}?mode=ro", uri=True)
    names = connection.execute("SELECT name, target FROM connectors").fetchall()
    connection.close()
    assert names == [("n", "STARTED")]
