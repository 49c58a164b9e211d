"""`${provider:key}` means the same to every command that takes a connector's file."""

import sqlite3
from contextlib import closing

import pytest

from tests.cli.conftest import LINES, Desk

PROVIDERS = {"config_providers": "env"}


@pytest.fixture
def varied(desk: Desk) -> Desk:
    """A desk whose environment has a topic, a version and a secret to give."""
    for name, value in {"TOPIC": "from-the-environment", "VERSION": "1.2"}.items():
        desk.patch.setenv(name, value)
    return desk


def test_a_run_puts_in_what_variables_stand_for(varied: Desk) -> None:
    varied.write_worker(**PROVIDERS)
    said = varied.run(
        varied.source(topic="${env:TOPIC}", connector_version="${env:VERSION}"),
        varied.sink(topics="${env:TOPIC}"),
    )
    assert said.code == 0, said.err
    assert varied.moved == LINES
    with closing(sqlite3.connect(varied.storage)) as log:
        topics = {name for (name,) in log.execute("SELECT topic FROM topics")}
    assert topics == {"from-the-environment"}


def test_a_workers_own_file_has_variables_too(varied: Desk) -> None:
    varied.patch.setenv("STORAGE", str(varied.directory / "else.sqlite"))
    varied.write_worker(**PROVIDERS, storage_file="${env:STORAGE}")
    assert varied.run(varied.source(), varied.sink()).code == 0
    assert (varied.directory / "else.sqlite").exists()


def test_a_variable_that_nobody_resolves_is_refused_by_each_command(varied: Desk) -> None:
    source = varied.source(topic="${env:TOPIC}")
    told = (
        "error: TMP/src.properties: Invalid value ${env:TOPIC} for configuration topic:"
        " no config provider is called `env`: `config.providers` names none\n"
    )
    for said in (
        varied.run(source),
        varied.venvoy("plugins", "explain", "--worker-config", varied.worker, source),
        varied.venvoy("outdated", "--worker-config", varied.worker, "--offline", source),
    ):
        assert (said.code, told in said.err) == (1, True), said.err
    assert not varied.storage.exists()


def test_explain_says_what_the_variable_chose(varied: Desk) -> None:
    varied.write_worker(**PROVIDERS)
    source = varied.source(connector_version="${env:VERSION}")
    said = varied.venvoy("plugins", "explain", "--worker-config", varied.worker, source)
    assert said.code == 0, said.err
    assert "connector.version = 1.2" in said.out


@pytest.mark.parametrize("as_json", [False, True])
def test_what_a_provider_gave_is_never_told(varied: Desk, *, as_json: bool) -> None:
    varied.patch.setenv("SECRET", "hunter2-hunter2")
    varied.write_worker(**PROVIDERS)
    source = varied.source(file="${env:SECRET}/in.txt", tasks_max="${env:SECRET}")
    options = ("--json",) if as_json else ()
    said = varied.venvoy("run", "--offline", *options, varied.worker, source)
    assert said.code == 1
    assert "tasks.max" in said.err + said.out
    assert "hunter2" not in said.err + said.out
