"""The worker's file is checked whole before anything starts."""

from pathlib import Path

import pytest

from launcher.configs.properties import read_mapping
from launcher.configs.worker_config import parse_worker_config
from launcher.configs.worker_file import read_worker_config
from launcher.settings import Listener, WorkerConfig, store_dir
from manager.errors import ProblemsError


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "worker.properties"
    file.write_text(text, encoding="utf-8")
    return file


def test_an_empty_file_is_a_worker_without_isolation(tmp_path: Path) -> None:
    worker = read_worker_config(write(tmp_path, ""))
    assert worker.plugin_path == ""
    assert worker.storage_file == tmp_path / "worker.sqlite"
    assert (worker.flush_interval_s, worker.shutdown_timeout_s) == (10.0, 5.0)
    assert worker.zygote_idle_s == 300.0
    worker = read_worker_config(write(tmp_path, "zygote.idle.timeout.ms=1500\n"))
    assert worker.zygote_idle_s == 1.5


def test_a_relative_storage_file_lies_below_the_working_directory(tmp_path: Path) -> None:
    worker = read_worker_config(
        write(tmp_path, "storage.file=a.sqlite\n"), working_dir=tmp_path / "work"
    )
    assert worker.storage_file == tmp_path / "work" / "a.sqlite"


def test_keys_of_kafkas_own_worker_are_passed_over_and_strangers_told(tmp_path: Path) -> None:
    worker = read_worker_config(
        write(tmp_path, "bootstrap.servers=x:9092\nvalue.converter.schemas.enable=false\nzzz=1\n")
    )
    assert worker.unused == ("bootstrap.servers",)
    assert worker.strangers == ("zzz",)


def test_every_fault_of_the_file_is_told_at_once(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "plugin.pth=/opt\noffset.flush.interval.ms=soon\ntask.shutdown.graceful.timeout.ms=-1\n",
    )
    with pytest.raises(ProblemsError) as raised:
        read_worker_config(file)
    told = [problem.message for problem in raised.value.problems]
    assert told == [
        f"{file}: unknown key `plugin.pth`; did you mean `plugin.path`?",
        f"{file}: `offset.flush.interval.ms` is `soon`, not a number of milliseconds",
        f"{file}: `task.shutdown.graceful.timeout.ms` is `-1`, not a number of milliseconds",
    ]


def test_the_store_is_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert store_dir() == tmp_path / "home" / "data" / "venvoy" / "store"
    monkeypatch.setenv("VENVOY_STORE", str(tmp_path / "elsewhere"))
    assert store_dir() == tmp_path / "elsewhere"


def standing(tmp_path: Path, text: str) -> WorkerConfig:
    file = write(tmp_path, text)
    return parse_worker_config(read_mapping(file), file=file, working_dir=tmp_path, standing=True)


def faults(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(ProblemsError) as raised:
        standing(tmp_path, text)
    assert all(problem.hint for problem in raised.value.problems)
    return [
        problem.message.removeprefix(f"{tmp_path}/worker.properties: ").replace(
            str(tmp_path), "TMP"
        )
        for problem in raised.value.problems
    ]


def test_a_standing_worker_listens_on_loopback_unless_told(tmp_path: Path) -> None:
    worker = standing(tmp_path, "")
    assert list(map(str, worker.listeners)) == ["http://127.0.0.1:8083"]
    assert all(listener.is_loopback for listener in worker.listeners)
    assert worker.rest_auth_file is None
    assert worker.plugin_path_watched
    assert (worker.topic_tracking_enabled, worker.topic_tracking_reset_allowed) == (True, True)


def test_a_standing_worker_reads_kafkas_keys_and_its_own(tmp_path: Path) -> None:
    for name in ("users", "cert.pem", "key.pem"):
        (tmp_path / name).write_text("x")
    worker = standing(
        tmp_path,
        "listeners=http://localhost:1, https://:2,http://[::1]:0,http://127.8.9.1:3\n"
        "rest.advertised.host.name=me\nrest.advertised.port=4\n"
        "rest.basic.auth.file=users\nrest.max.body.bytes=10\n"
        "listeners.https.ssl.certificate.location=cert.pem\n"
        f"listeners.https.ssl.key.location={tmp_path}/key.pem\n"
        "topic.tracking.enable=False\ntopic.tracking.allow.reset=false\nplugin.path.watch=false\n"
        "access.control.allow.origin=*\naccess.control.allow.methods=GET,PUT\n"
        "config.providers=env\nconfig.providers.env.class=EnvVarConfigProvider\n"
        "offset.flush.interval.ms=1500\n",
    )
    assert worker.listeners == (
        Listener(scheme="http", host="localhost", port=1),
        Listener(scheme="https", host="", port=2),
        Listener(scheme="http", host="::1", port=0),
        Listener(scheme="http", host="127.8.9.1", port=3),
    )
    assert str(worker.listeners[2]) == "http://[::1]:0"
    assert [listener.is_loopback for listener in worker.listeners] == [True, False, True, True]
    assert (worker.advertised_host, worker.advertised_port) == ("me", 4)
    assert worker.rest_auth_file == tmp_path / "users"
    assert worker.ssl_certificate == tmp_path / "cert.pem"
    assert worker.ssl_key == tmp_path / "key.pem"
    assert worker.rest_max_body_bytes == 10
    assert (worker.topic_tracking_enabled, worker.topic_tracking_reset_allowed) == (False, False)
    assert not worker.plugin_path_watched
    assert worker.flush_interval_s == 1.5
    assert (worker.strangers, worker.mistaken, worker.unused) == ((), (), ())


def test_a_standing_worker_warns_of_what_it_does_not_know(tmp_path: Path) -> None:
    worker = standing(tmp_path, "listners=x\nzzz=1\ngroup.id=g\n")
    assert [fault.message for fault in worker.mistaken] == [
        f"{tmp_path}/worker.properties: unknown key `listners`; did you mean `listeners`?"
    ]
    assert (worker.strangers, worker.unused) == (("zzz",), ("group.id",))


def test_keys_below_the_providers_that_no_provider_reads_are_strangers(tmp_path: Path) -> None:
    worker = standing(
        tmp_path,
        "config.providers=env, file\nconfig.providers.env.class=EnvVarConfigProvider\n"
        "config.providers.file.clas=x\nconfig.providers.file.param.allowed.paths=/\n"
        "config.providers.vault.class=x\n",
    )
    assert worker.strangers == ("config.providers.file.clas", "config.providers.vault.class")


def test_every_fault_of_a_standing_workers_file_is_told_at_once(tmp_path: Path) -> None:
    assert faults(
        tmp_path,
        "offset.flush.interval.ms=soon\n"
        "listeners=localhost:8083,ftp://localhost:1,http://localhost:70000,"
        "https://localhost:2,https://localhost:2\n"
        "rest.advertised.port=x\nrest.basic.auth.file=nowhere\n"
        "listeners.https.ssl.key.location=key.pem\n"
        "topic.tracking.enable=yes\nrest.max.body.bytes=-1\n",
    ) == [
        "`offset.flush.interval.ms` is `soon`, not a number of milliseconds",
        "`listeners` names `localhost:8083`, which is not of the form `http://host:port`",
        "`listeners` names `ftp://localhost:1`, which is neither `http` nor `https`",
        "`listeners` names `http://localhost:70000`, which has a port above 65535",
        "`listeners` names `https://localhost:2` twice",
        "`rest.advertised.port` is `x`, not a number from 0 to 65535",
        "`rest.max.body.bytes` is `-1`, not a number of bytes",
        "`topic.tracking.enable` is `yes`, neither `true` nor `false`",
        "`rest.basic.auth.file` names `TMP/nowhere`, which is no file",
        "`listeners.https.ssl.key.location` names `TMP/key.pem`, which is no file",
        "`listeners.https.ssl.certificate.location` is missing, and a listener is `https`",
    ]


@pytest.mark.parametrize("host", ["", "0.0.0.0", "[::]", "example.org", "10.0.0.1"])
def test_the_network_is_let_in_only_with_passwords_and_tls_or_when_told(
    tmp_path: Path, host: str
) -> None:
    told = faults(tmp_path, f"listeners=http://{host}:80\n")
    assert told == [
        f"`listeners` names `http://{host}:80`, which other machines can reach without a password",
        f"`listeners` names `http://{host}:80`, which other machines can reach only in the clear",
    ]
    for name in ("users", "cert", "key"):
        (tmp_path / name).write_text("x")
    users = f"listeners=http://{host}:80\nrest.basic.auth.file=users\n"
    assert faults(tmp_path, users) == told[1:]
    tls = (
        f"listeners=https://{host}:80\nlisteners.https.ssl.certificate.location=cert\n"
        "listeners.https.ssl.key.location=key\n"
    )
    assert faults(tmp_path, tls) == [told[0].replace("http:", "https:")]
    assert standing(tmp_path, f"{tls}rest.basic.auth.file=users\n").ssl_key == tmp_path / "key"
    assert standing(tmp_path, f"listeners=http://{host}:80\nrest.insecure.allow=true\n").insecure_ok


def test_a_run_passes_over_what_a_standing_worker_reads(tmp_path: Path) -> None:
    worker = read_worker_config(write(tmp_path, "listeners=http://:80\n"))
    assert worker.standing_only == ("listeners",)
