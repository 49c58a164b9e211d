"""Interpreters are asked once, found by any way of naming them, and told when missing."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from manager.interpreters import search
from manager.interpreters.interpreter import UnusableInterpreterError
from manager.interpreters.search import (
    Interpreter,
    InvalidInterpreterRequestError,
    MissingInterpreterError,
    probe,
    search_directories,
)
from tests.conftest import PYTHONS, python_or_skip


@pytest.fixture
def find(interpreter_cache: Path) -> Callable[..., Interpreter]:
    def call(request: str | None, requires: str | None = None) -> Interpreter:
        return search.find(
            request,
            None if requires is None else SpecifierSet(requires),
            default=python_or_skip("3.11"),
            cache_dir=interpreter_cache,
            search=[path.parent for path in PYTHONS.values()],
            progress=print,
        )

    return call


def test_each_python_says_what_it_is(each_python: Path, interpreter_cache: Path) -> None:
    found = probe(each_python, cache_dir=interpreter_cache)
    digits = found.minor.replace(".", "")
    assert found.implementation == "cpython"
    assert f"python{found.minor}" == found.library == each_python.name
    assert found.cache_tag == f"cpython-{digits}"
    assert f"py{digits}-none-any" in found.tags
    assert "py3-none-any" in found.tags
    assert found.markers["python_version"] == found.minor


def test_a_second_question_starts_no_process(tmp_path: Path) -> None:
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    real = python_or_skip("3.11")
    shutil.copy2(real, python)
    first = probe(real, cache_dir=tmp_path / "cache")
    kept = list((tmp_path / "cache").glob("*.json"))
    assert len(kept) == 1
    before = kept[0].stat().st_mtime_ns
    assert probe(real, cache_dir=tmp_path / "cache") == first
    assert kept[0].stat().st_mtime_ns == before


def test_a_damaged_answer_is_asked_again(tmp_path: Path) -> None:
    first = probe(python_or_skip("3.11"), cache_dir=tmp_path)
    (kept,) = tmp_path.glob("*.json")
    kept.chmod(0o644)
    kept.write_text("{")
    assert probe(python_or_skip("3.11"), cache_dir=tmp_path) == first


@pytest.mark.parametrize("request_", ["3.9", "python3.9", "cpython3.9", "==3.9.*", ">=3.9,<3.10"])
def test_a_version_a_name_and_a_specifier_find_it(
    find: Callable[..., Interpreter], request_: str
) -> None:
    python_or_skip("3.9")
    assert find(request_).minor == "3.9"


def test_a_path_is_taken_as_it_is(find: Callable[..., Interpreter]) -> None:
    assert find(str(python_or_skip("3.12"))).minor == "3.12"


def test_the_default_is_taken_when_it_fits(find: Callable[..., Interpreter]) -> None:
    assert find(None).minor == "3.11"
    assert find(">=3.9").minor == "3.11"


def test_the_newest_that_fits_is_taken_when_the_default_does_not(
    find: Callable[..., Interpreter],
) -> None:
    python_or_skip("3.10")
    assert find(None, "<3.11").minor == "3.10"
    assert find(">=3.9", "<3.11").minor == "3.10"


@pytest.mark.parametrize("version", ["3.8", "2.7"])
def test_a_missing_one_is_told_with_those_there_are(
    find: Callable[..., Interpreter], version: str
) -> None:
    with pytest.raises(MissingInterpreterError) as caught:
        find(version)
    assert caught.value.message == f"no installed Python is `{version}`"
    assert "cpython 3.11." in caught.value.hint


def test_nonsense_is_refused(find: Callable[..., Interpreter]) -> None:
    with pytest.raises(InvalidInterpreterRequestError):
        find("the newest")


def test_a_program_that_is_no_python_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableInterpreterError):
        probe(Path("/bin/ls"), cache_dir=tmp_path)
    with pytest.raises(UnusableInterpreterError):
        probe(tmp_path / "nothing", cache_dir=tmp_path)


def test_shims_are_passed_over(tmp_path: Path, interpreter_cache: Path) -> None:
    shim = tmp_path / "python3.8"
    shim.write_text("#!/bin/sh\nexec false\n")
    shim.chmod(0o755)
    with pytest.raises(MissingInterpreterError):
        search.find(
            "3.8",
            None,
            default=python_or_skip("3.11"),
            cache_dir=interpreter_cache,
            search=[tmp_path],
            progress=print,
        )


def test_one_that_cannot_be_started_is_told_and_does_not_hide_the_others(
    tmp_path: Path, interpreter_cache: Path
) -> None:
    foreign = _no_python(tmp_path / "python3.9")
    with pytest.raises(UnusableInterpreterError, match="could not be started"):
        probe(foreign, cache_dir=tmp_path / "cache")
    real = python_or_skip("3.9")
    told: list[str] = []
    found = search.find(
        "3.9",
        None,
        default=python_or_skip("3.11"),
        cache_dir=interpreter_cache,
        search=[tmp_path, real.parent],
        progress=told.append,
    )
    assert found.real_path == Path(os.path.realpath(real))
    assert len(told) == 1
    assert told[0].startswith(f"passed over: `{foreign}` cannot be used as an interpreter: ")


def test_one_that_cannot_be_asked_is_told_with_its_reason_and_not_as_found(
    tmp_path: Path, interpreter_cache: Path
) -> None:
    foreign = _no_python(tmp_path / "python3.9")
    with pytest.raises(MissingInterpreterError) as caught:
        search.find(
            "3.9",
            None,
            default=python_or_skip("3.11"),
            cache_dir=interpreter_cache,
            search=[tmp_path],
            progress=print,
        )
    assert all("3.9" not in one for one in caught.value.found)
    (fault,) = caught.value.unusable
    assert fault.executable == foreign
    assert f"; {fault.message}; install one that fits" in caught.value.hint


def _no_python(file: Path) -> Path:
    file.write_bytes(b"\x7fELF of another machine")
    file.chmod(0o755)
    return file


def test_a_virtualenv_is_followed_to_its_base(tmp_path: Path, interpreter_cache: Path) -> None:
    base = python_or_skip("3.11")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(base)
    found = probe(tmp_path / "bin" / "python", cache_dir=interpreter_cache)
    assert found.real_path == Path(os.path.realpath(base))


def test_the_places_searched_follow_the_environment() -> None:
    places = search_directories({"PATH": "/a:/b", "HOME": "/nowhere"})
    assert places[:2] == (Path("/a"), Path("/b"))
    assert Path("/usr/bin") in places
