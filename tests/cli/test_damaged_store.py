"""Whatever lies in the store is input: it is refused or made anew, and never ends a command."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import LINES, Desk
from tests.wheel_maker import make_wheel

REPOSITORY = Path(__file__).parents[2]
KINDS = {
    "environments": "receipt.json",
    "wheels": "wheel.json",
    "api": "api.json",
    "interpreters": "*.json",
    "skeletons": "*.json",
    "synced": "*.json",
}
WRONG: tuple[object, ...] = (None, 7, True, "", "../x", [], [[]], ["x"], {}, {"x": 1})


@pytest.fixture
def filled(desk: Desk) -> Desk:
    """A desk whose store of its own holds all that running its plugin takes."""
    desk.patch.setenv("VENVOY_STORE", str(desk.directory / "store"))
    assert desk.sync().code == 0
    return desk


def _files(desk: Desk, kind: str) -> list[Path]:
    found = sorted((desk.directory / "store" / kind).rglob(KINDS[kind]))
    assert found
    return found


def _removed(file: Path) -> None:
    file.parent.chmod(0o755)
    file.unlink()


def _written(content: bytes) -> Callable[[Path], None]:
    def damage(file: Path) -> None:
        _removed(file)
        file.write_bytes(content)

    return damage


def _halved(file: Path) -> None:
    content = file.read_bytes()
    _written(content[: len(content) // 2])(file)


def _directory(file: Path) -> None:
    _removed(file)
    file.mkdir()


def _dangling(file: Path) -> None:
    _removed(file)
    file.symlink_to("/nowhere")


WHOLE: dict[str, Callable[[Path], None]] = {
    "missing": _removed,
    "empty": _written(b""),
    "half of it": _halved,
    "no text": _written(b"\xff\xfe\x00"),
    "no JSON": _written(b"{'a': 1}"),
    "a list": _written(b"[]"),
    "a number that is none": _written(b"NaN"),
    "an empty object": _written(b"{}"),
    "deep": _written(b"[" * 100_000),
    "a directory": _directory,
    "a link to nowhere": _dangling,
}


@pytest.mark.parametrize("damage", WHOLE)
@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_is_something_else_is_made_again(filled: Desk, kind: str, damage: str) -> None:
    for file in _files(filled, kind):
        WHOLE[damage](file)
    assert filled.list().code == 0
    said = filled.sync()
    assert said.code == 0, said.err
    assert filled.run(filled.source(), filled.sink()).code == 0
    assert filled.moved == LINES


@pytest.mark.parametrize("kind", KINDS)
def test_a_field_that_is_missing_or_of_another_kind_is_no_bug_of_ours(
    filled: Desk, kind: str
) -> None:
    (file, *_) = _files(filled, kind)
    good = file.read_bytes()
    for where, damaged in _damaged(json.loads(good)):
        filled.sync()  # it may stand elsewhere, or be gone, after it was made again
        (file, *_) = _files(filled, kind)
        _written(json.dumps(damaged).encode())(file)
        for said in (filled.list(), filled.sync()):
            assert said.code in {0, 1}, f"{where}: {said.err}"
            assert "Traceback" not in said.err, where
    assert filled.sync().code == 0


def _damaged(value: dict[str, object]) -> Iterator[tuple[str, dict[str, object]]]:
    """Every field in turn, missing and of each wrong kind; those of objects inside as well."""
    for number, (name, field) in enumerate(value.items()):
        yield f"without {name}", {key: one for key, one in value.items() if key != name}
        for wrong in (WRONG[number % len(WRONG)], WRONG[(number + 5) % len(WRONG)]):
            yield f"{name} = {wrong!r}", {**value, name: wrong}
        if isinstance(field, dict) and len(field) < 20:
            for where, inner in _damaged(field):
                yield f"{name}: {where}", {**value, name: inner}
        if isinstance(field, list) and field and isinstance(field[0], dict):
            for where, inner in _damaged(field[0]):
                yield f"{name}[0]: {where}", {**value, name: [inner, *field[1:]]}


def test_a_name_that_leads_out_of_the_store_is_not_linked(filled: Desk) -> None:
    for field in ("tops", "programs", "rewritten", "real_directories", "framework"):
        (file, *_) = _files(filled, "wheels")
        told = json.loads(file.read_bytes())
        _written(json.dumps({**told, field: ["../../escaped"]}).encode())(file)
        shutil.rmtree(filled.directory / "store" / "environments")
        assert filled.sync().code == 0
        assert not list((filled.directory / "store").rglob("escaped"))
        assert json.loads(_files(filled, "wheels")[0].read_bytes()) == told


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_the_store_of_another_user_is_told_as_such(desk: Desk) -> None:
    # Whoever runs the tests may be the only one who can read Python: so all is loaded before.
    program = (
        f"import os, sys; sys.path[:0] = [{str(REPOSITORY)!r}]\n"
        "from launcher.cli import main_without_exit as run\n"
        "run(sys.argv[1:])\n"
        "os.seteuid(65534)\n"
        "sys.exit(run(sys.argv[1:]))\n"
    )
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)  # the way there is open; pytest's is not
        store = Path(directory) / "store"
        done = subprocess.run(
            [sys.executable, "-c", program, "plugins", "list", "--plugin-path", str(desk.place)],
            cwd="/", env={**os.environ, "VENVOY_STORE": str(store)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.endswith(
        f"error: the store `{store}` is not safe to use: it belongs to the user `root`\n"
        "hint: run as the user `root`, or name another store in VENVOY_STORE\n"
    )


def test_what_failed_when_it_was_tried_is_tried_again_by_the_next_sync(desk: Desk) -> None:
    desk.patch.setenv("VENVOY_STORE", str(desk.directory / "store"))
    there = desk.directory / "there"
    location = desk.place / "good_neighbour"
    shutil.rmtree(location)
    make_wheel(
        location, "acme-needs", "1.0",
        files={"acme_needs.py": f"import venvoy_api\nopen({str(there)!r}).close()\n"
               "class Gone(venvoy_api.Transformation):\n"
               "    def apply(self, record): return record\n"
               "    def config(self): return venvoy_api.ConfigDef()\n"
               "    def configure(self, configs): pass\n    def close(self): pass\n"},
        entry_points={"venvoy.transformation": {"gone": "acme_needs:Gone"}},
    )  # fmt: skip
    first = desk.sync()
    assert first.code == 1
    assert "No such file or directory" in first.err
    there.touch()
    again = desk.sync()
    assert (again.code, "ready" in again.out) == (0, True), again.err
    assert "ready" in desk.list().out


def test_a_store_is_private_from_its_first_file_on(desk: Desk) -> None:
    store = desk.directory / "new" / "store"
    desk.patch.setenv("VENVOY_STORE", str(store))
    assert desk.list().code == 0
    assert store.stat().st_mode & 0o777 == 0o700
