"""The worker's file is checked whole before anything starts."""

from pathlib import Path

import pytest

from launcher.settings import read_worker_config, store_dir
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
