"""`--json`: one versioned envelope on stdout, whatever happens."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Desk
from tests.cli.places import GOOD, put_plugin

ENVELOPE = ["venvoy_result_version", "command", "status", "exit_code", "data", "errors"]


def answer(desk: Desk, *arguments: object) -> dict[str, object]:
    """Run a command; check the envelope against the exit code, and return it."""
    said = desk.venvoy(*arguments)
    envelope = json.loads(said.out)
    assert list(envelope) == ENVELOPE
    assert envelope["venvoy_result_version"] == 1
    assert (envelope["exit_code"], envelope["status"] == "ok") == (said.code, said.code == 0)
    assert (said.code == 0) is (envelope["errors"] == [])
    assert isinstance(envelope, dict)
    return envelope


@pytest.fixture
def place(desk: Desk) -> tuple[str, Path]:
    """The option that names the desk's place."""
    return ("--plugin-path", desk.place)


def test_list_tells_each_plugin(desk: Desk, place: tuple[str, Path]) -> None:
    envelope = answer(desk, "plugins", "list", "--json", *place)
    assert envelope["command"] == "plugins list"
    data = envelope["data"]
    assert isinstance(data, dict)
    mine = [one for one in data["plugins"] if one["location"] != "built in"]
    assert mine == [
        {
            "class": f"acme_good.Lines{kind}",
            "type": kind.lower(),
            "version": "1.2",
            "aliases": ["lines", f"Lines{kind}"],
            "location": f"TMP/plugins/{GOOD}",
            "shape": "wheels",
            "environment": None,
            "plugin_digest": None,
            "python": None,
            "state": "not synced",
            "detail": "",
        }
        for kind in ("Sink", "Source")
    ]
    assert (data["broken"], data["warnings"]) == ([], [])


def test_list_tells_what_is_broken_as_data_and_as_errors(
    desk: Desk, place: tuple[str, Path]
) -> None:
    put_plugin("no_metadata", desk.place)
    envelope = answer(desk, "plugins", "list", "--json", *place)
    fault = {
        "code": "no-metadata",
        "message": "`TMP/plugins/no_metadata` holds code but neither a `pyproject.toml` that "
        "describes it nor wheels",
        "hint": "add a `pyproject.toml` with `[project]` and an entry point such as "
        '`[project.entry-points."venvoy.source"]`',
    }
    assert envelope["errors"] == [fault]
    data = envelope["data"]
    assert isinstance(data, dict)
    assert data["broken"] == [{"path": "TMP/plugins/no_metadata", "severity": "error"} | fault]


def test_sync_tells_states_and_the_failed_entry_points(desk: Desk, place: tuple[str, Path]) -> None:
    put_plugin("missing_pkg_resources", desk.place)
    envelope = answer(desk, "plugins", "sync", "--json", "--offline", *place)
    data = envelope["data"]
    assert isinstance(data, dict)
    states = {one["class"]: one["state"] for one in data["plugins"]}
    assert states == {
        "acme_good.LinesSink": "ready",
        "acme_good.LinesSource": "ready",
        "acme_missing_pkg_resources.BadConnector": "broken",
    }
    assert all(
        len(one["environment"]) == len(one["plugin_digest"]) == 64 for one in data["plugins"]
    )
    errors = envelope["errors"]
    assert isinstance(errors, list)
    assert [one["code"] for one in errors] == ["failed-entry-point"]
    assert "setuptools<81" in errors[0]["hint"]


def test_sync_of_a_location_that_is_not_there_is_an_error_in_the_envelope(
    desk: Desk, place: tuple[str, Path]
) -> None:
    envelope = answer(desk, "plugins", "sync", "good_nieghbour", "--json", *place)
    assert (envelope["command"], envelope["data"]) == ("plugins sync", None)
    assert envelope["errors"] == [
        {
            "code": "unknown-location",
            "message": "the plugin path has no usable location `good_nieghbour`",
            "hint": "did you mean `good_neighbour`?",
        }
    ]


def test_lock_tells_the_locks_and_the_faults(desk: Desk, place: tuple[str, Path]) -> None:
    put_plugin("unsatisfiable_requirement", desk.place)
    envelope = answer(desk, "plugins", "lock", "--json", "--offline", *place)
    lock = {"lock": f"TMP/plugins/{GOOD}/pylock.toml", "packages": 1, "state": "changed"}
    assert envelope["data"] == [lock]
    errors = envelope["errors"]
    assert isinstance(errors, list)
    assert [one["code"] for one in errors] == ["unresolvable"]
    (desk.place / "unsatisfiable_requirement").rename(desk.directory / "away")
    again = answer(desk, "plugins", "lock", "--json", "--offline", *place)
    assert again["data"] == [lock | {"state": "unchanged"}]


def test_explain_tells_the_stages(desk: Desk, place: tuple[str, Path]) -> None:
    envelope = answer(desk, "plugins", "explain", desk.source(), "--json", *place)
    data = envelope["data"]
    assert isinstance(data, list)
    assert [(one["connector"], one["kind"]) for one in data] == [("src", "source")]
    assert data[0]["stages"][0]["chosen_version"] == "1.2"


def test_explain_tells_all_faults_of_a_config(desk: Desk, place: tuple[str, Path]) -> None:
    source = desk.source(connector_version="9", tasks_max="x")
    envelope = answer(desk, "plugins", "explain", source, "--json", *place)
    errors = envelope["errors"]
    assert isinstance(errors, list)
    assert [one["code"] for one in errors[0]["problems"]] == [
        "invalid-config",
        "no-matching-version",
    ]


def test_run_tells_the_connectors(desk: Desk) -> None:
    files = (desk.worker, desk.source(), desk.sink())
    envelope = answer(desk, "run", "--json", "--offline", *files)
    data = envelope["data"]
    assert isinstance(data, list)
    assert [(one["connector"], one["state"], one["records_out"]) for one in data] == [
        ("src", "COMPLETED", 3),
        ("snk", "COMPLETED", 3),
    ]


def test_run_tells_a_failed_task(desk: Desk) -> None:
    source = desk.source(file="/nowhere/in.txt")
    envelope = answer(desk, "run", "--json", "--offline", desk.worker, source)
    data, errors = envelope["data"], envelope["errors"]
    assert isinstance(data, list)
    assert isinstance(errors, list)
    assert [one["state"] for one in data] == ["FAILED"]
    assert len(errors) == 1
    assert "/nowhere/in.txt" in errors[0]["message"]


def test_run_tells_a_refused_config(desk: Desk) -> None:
    source = desk.source(pause_ms="soon", fiel="x")
    envelope = answer(desk, "run", "--json", "--offline", desk.worker, source)
    errors = envelope["errors"]
    assert isinstance(errors, list)
    assert [one["code"] for one in errors[0]["problems"]] == ["invalid-config", "unknown-key"]


@pytest.mark.parametrize("arguments", [["plugins", "list"], ["run"], ["plugins", "explain"]])
def test_a_usage_error_is_in_the_envelope_too(desk: Desk, arguments: list[str]) -> None:
    envelope = answer(desk, *arguments, "--json")
    errors = envelope["errors"]
    assert isinstance(errors, list)
    assert (envelope["exit_code"], errors[0]["code"]) == (2, "usage")
    assert envelope["command"] == " ".join(arguments)
