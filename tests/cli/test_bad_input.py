"""Every folder of `tests/broken_plugins`: what venvoy says, and that a neighbour takes no harm."""

import re
from itertools import pairwise

import pytest

from tests.cli.conftest import LINES, Desk, Said
from tests.cli.places import BROKEN, FAULTS, GOOD, put_plugin

WARNED_OF = {"no_entry_points"}
"""Folders that are told of, but refused by nobody."""

TRIED = ("abstract_class", "class_body_raises", "constructor_raises", "constructor_with_arguments",
         "exits_at_import", "import_error", "missing_attribute", "missing_module",
         "missing_pkg_resources", "not_a_plugin", "syntax_error")  # fmt: skip
"""Folders whose environment can be made, and whose entry point then fails in it."""


def _transcript(command: str, said: Said) -> str:
    return f"$ venvoy {command}\n{said.out}{said.err}[exit {said.code}]\n"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_and_its_neighbour_lists_syncs_and_runs(fault: str, desk: Desk) -> None:
    if fault == "hangs_at_import":
        # The neighbour is tried before, from elsewhere: what ends a hanging one must not end it.
        elsewhere = desk.directory / "elsewhere"
        elsewhere.mkdir()
        put_plugin(GOOD, elsewhere)
        assert desk.venvoy("plugins", "sync", "--offline", "--plugin-path", elsewhere).code == 0
        desk.patience(1)
    put_plugin(fault, desk.place)
    listed, synced = desk.list(), desk.sync()
    ran = desk.run(desk.source(), desk.sink())
    assert desk.moved == LINES
    assert (synced.code, ran.code) == (0 if fault in WARNED_OF else 1, 0)
    for said in (listed, synced):
        assert re.search(r"acme_good\.LinesSink .*(not synced|ready)$", said.out, re.MULTILINE)
        _check_shape(said)
    transcript = "\n".join(
        (
            _transcript("plugins list", listed),
            _transcript("plugins sync", synced),
            _transcript("run worker.properties src.properties snk.properties", ran),
        )
    )
    file = BROKEN / fault / "says.txt"
    if not file.exists():
        file.write_text(transcript)
        pytest.fail(f"{file} was not there: look at what was written, and run the test again")
    assert transcript == file.read_text()


def _check_shape(said: Said) -> None:
    """Each error is one line, and its hint is the next."""
    for line, after in pairwise([*said.err.splitlines(), ""]):
        if line.startswith(("error: ", "warning: ")):
            assert after.startswith("hint: "), line


@pytest.mark.parametrize("fault", TRIED)
def test_what_fails_its_trial_is_listed_as_broken_afterwards(fault: str, desk: Desk) -> None:
    put_plugin(fault, desk.place)
    synced, listed = desk.sync(), desk.list()
    assert (listed.code, listed.out) == (1, synced.out)
    assert listed.err == re.sub(r"\w+: made its lock.*\n", "", synced.err)


def test_the_table_of_faults_is_complete_and_true() -> None:
    rows = {}
    for line in (BROKEN / "README.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if len(cells) == 3 and cells[0].startswith("`"):
            rows[cells[0].strip("`")] = cells[2]
    assert sorted(rows) == FAULTS
    for fault, says in rows.items():
        assert says in (BROKEN / fault / "says.txt").read_text(), fault


def test_a_plugin_that_is_broken_cannot_be_run_and_the_reason_is_told(desk: Desk) -> None:
    put_plugin("missing_pkg_resources", desk.place)
    said = desk.run(desk.source(connector_class="acme_missing_pkg_resources.BadConnector"))
    assert (said.code, said.out) == (1, "")
    assert said.err == (
        "error: a plugin in `TMP/plugins/missing_pkg_resources` cannot be used: importing "
        "acme_missing_pkg_resources raised ModuleNotFoundError: No module named 'pkg_resources' "
        "(acme_missing_pkg_resources.py, line 1)\n"
        "hint: add `setuptools<81` to `[tool.venvoy] extra` (beside wheels: `extra` in "
        "`venvoy.toml`), then lock and sync again\n"
    )
    assert not desk.storage.exists()


def test_all_faults_at_once_on_one_path_hide_nothing(desk: Desk) -> None:
    faults = [fault for fault in FAULTS if fault != "hangs_at_import"]
    for fault in faults:
        put_plugin(fault, desk.place)
    synced = desk.sync()
    assert synced.code == 1
    errors = [line for line in synced.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == len(faults) - len(WARNED_OF), synced.err
    assert all(fault in synced.err.replace("-", "_") for fault in faults)
    assert desk.run(desk.source(), desk.sink()).code == 0
    assert desk.moved == LINES


@pytest.mark.parametrize("fault", ["unsatisfiable_requirement", "record_mismatch", "failing_build"])
def test_a_location_that_cannot_be_synced_cannot_be_run(fault: str, desk: Desk) -> None:
    put_plugin(fault, desk.place)
    bad = desk.source(name="bad", connector_class=f"acme_{fault}.BadConnector")
    bad = bad.rename(desk.directory / "bad.properties")
    ran, synced = desk.run(bad, desk.source(), desk.sink()), desk.sync()
    told = [line for line in synced.err.splitlines() if not line.endswith("`pylock.toml`")]
    assert (ran.code, ran.out, ran.err.splitlines()) == (1, "", told)
    assert not desk.storage.exists()
