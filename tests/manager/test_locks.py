"""Locks: written and read, merged over targets, selected from, judged for freshness."""

import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from manager.digests import canonical_json
from manager.interpreters.interpreter import Interpreter, probe
from manager.locks.freshness import MadeFor, freshness
from manager.locks.lock_making import LocalPackage, TargetPackages, make_lock
from manager.locks.locks import (
    BuiltFrom,
    InvalidLockError,
    Lock,
    LockTargetError,
    SourceOnlyError,
    lock_content,
    lock_text,
    read_lock,
    select_wheels,
    write_lock,
)
from manager.locks.targets import target_of, telling_marker
from manager.plugins.place_faults import UnreadableError
from tests.conftest import python_or_skip

HASH = "0" * 64


@pytest.fixture
def python39(interpreter_cache: Path) -> Interpreter:
    return probe(python_or_skip("3.9"), cache_dir=interpreter_cache)


def package(name: str, version: str, *, tag: str = "py3-none-any", sha: str = "a") -> LocalPackage:
    file = Path(f"{name.replace('-', '_')}-{version}-{tag}.whl")
    return LocalPackage(
        name=canonicalize_name(name),
        version=Version(version),
        requires_python=SpecifierSet(">=3.8"),
        dependencies=(),
        file=file,
        sha256=sha * 64,
        size_bytes=10,
        lock_path=PurePosixPath("wheels", file.name),
    )


def wanted(
    *requirements: str,
    extra: tuple[str, ...] = (),
    override: tuple[str, ...] = (),
    own: tuple[str, ...] = (),
) -> MadeFor:
    texts = tuple(sorted(str(Requirement(text)) for text in requirements))
    return MadeFor(
        requirements=texts, extra=extra, override=override, own=own, api=">=1", exclude_newer=""
    )


def lock_of(
    tmp_path: Path, *targets: tuple[Interpreter, Sequence[LocalPackage]], made: MadeFor
) -> Lock:
    return make_lock(
        tmp_path / "pylock.toml",
        [TargetPackages(target=target_of(one), packages=tuple(each)) for one, each in targets],
        wanted=made,
        requires_python=SpecifierSet(">=3.9"),
    )


def test_a_lock_is_the_same_text_whatever_order_it_is_made_in(
    tmp_path: Path, python311: Interpreter
) -> None:
    a, b = package("a", "1.0"), package("b-c", "2.0", sha="b")
    one = lock_of(tmp_path, (python311, [a, b]), made=wanted("a", "b-c"))
    two = lock_of(tmp_path, (python311, [b, a]), made=wanted("b-c", "a"))
    assert lock_text(one) == lock_text(two)
    assert lock_text(one).endswith("\n")
    assert '"file:' not in lock_text(one)


def test_a_lock_survives_being_written_and_read(tmp_path: Path, python311: Interpreter) -> None:
    lock = lock_of(tmp_path, (python311, [package("a", "1.0")]), made=wanted("a"))
    write_lock(lock.path, lock)
    again = read_lock(lock.path)
    assert again is not None
    assert lock_text(again) == lock_text(lock)
    table = tomllib.loads(lock.path.read_text())
    assert table["created-by"] == "venvoy"
    assert table["tool"]["venvoy"]["targets"] == [target_of(python311).name]
    assert table["packages"][0]["wheels"][0] == {
        "name": "a-1.0-py3-none-any.whl",
        "path": "wheels/a-1.0-py3-none-any.whl",
        "size": 10,
        "hashes": {"sha256": "a" * 64},
    }


def test_a_package_may_be_prebuilt_for_one_target_and_built_for_another(
    tmp_path: Path, python39: Interpreter, python311: Interpreter
) -> None:
    prebuilt = package("a", "1.0", tag="cp311-cp311-linux_x86_64")
    source = BuiltFrom(filename="a-1.0.tar.gz", sha256=HASH)
    built = replace(package("a", "1.0", tag="cp39-cp39-linux_x86_64", sha="b"), built_from=source)
    lock = lock_of(tmp_path, (python39, [built]), (python311, [prebuilt]), made=wanted("a"))
    assert [wheel.built_from for wheel in select_wheels(lock, python39)] == [source]
    assert [wheel.built_from for wheel in select_wheels(lock, python311)] == [None]


def test_no_lock_is_none(tmp_path: Path) -> None:
    assert read_lock(tmp_path / "pylock.toml") is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("lock-version = ", "Invalid value"),
        ('lock-version = "1.0"\ncreated-by = "x"\n', "packages"),
        ('lock-version = "2.0"\ncreated-by = "x"\npackages = []\n', "2.0"),
    ],
)
def test_a_broken_lock_is_refused_with_its_reason(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "pylock.toml"
    file.write_text(text)
    with pytest.raises(InvalidLockError, match=reason) as caught:
        read_lock(file)
    assert "venvoy plugins lock" in caught.value.hint


def test_a_lock_that_cannot_be_read_is_not_called_a_bad_one(tmp_path: Path) -> None:
    (tmp_path / "pylock.toml").mkdir()
    with pytest.raises(UnreadableError) as caught:
        read_lock(tmp_path / "pylock.toml")
    assert caught.value.message == f"`{tmp_path}/pylock.toml` cannot be read: Is a directory"
    assert "venvoy plugins lock" not in caught.value.hint


def test_targets_are_merged_and_markers_tell_them_apart(
    tmp_path: Path, python311: Interpreter, python39: Interpreter
) -> None:
    lock = lock_of(
        tmp_path,
        (
            python311,
            [
                package("same", "1.0", tag="cp311-cp311-manylinux_2_17_x86_64"),
                package("differs", "2.0", sha="b"),
            ],
        ),
        (
            python39,
            [
                package("same", "1.0", tag="cp39-cp39-manylinux_2_17_x86_64", sha="c"),
                package("differs", "1.0", sha="d"),
                package("only-old", "1.0", sha="e"),
            ],
        ),
        made=wanted("same"),
    )
    entries = [
        (one.name, str(one.version), str(one.marker), len(one.wheels or ()))
        for one in lock.pylock.packages
    ]
    assert entries == [
        ("differs", "1.0", 'python_version == "3.9"', 1),
        ("differs", "2.0", 'python_version == "3.11"', 1),
        ("only-old", "1.0", 'python_version == "3.9"', 1),
        ("same", "1.0", "None", 2),
    ]
    write_lock(lock.path, lock)
    for interpreter, expected in (
        (python311, {"differs": "b", "same": "a"}),
        (python39, {"differs": "d", "only-old": "e", "same": "c"}),
    ):
        wheels = select_wheels(lock, interpreter)
        assert {one.name: one.sha256[0] for one in wheels} == expected


def test_a_missing_target_is_named_with_the_command(
    tmp_path: Path, python311: Interpreter, python39: Interpreter
) -> None:
    lock = lock_of(tmp_path, (python311, [package("a", "1.0")]), made=wanted("a"))
    with pytest.raises(LockTargetError) as caught:
        select_wheels(lock, python39)
    assert f"is not for {target_of(python39).name} (it is for cp311-" in caught.value.message
    assert caught.value.hint.startswith(
        f"run `venvoy plugins lock --python 3.9 --python 3.11 {tmp_path}` to lock"
    )
    targets = (*caught.value.targets, "cp311-manylinux_2_28_aarch64")
    error = LockTargetError(path=lock.path, interpreter=python39, reason="", targets=targets)
    assert " --python 3.11 --target cp311-manylinux_2_28_aarch64 " in error.hint, "or it is lost"
    (tmp_path / "x.pyz").touch()
    inside = tmp_path / "x.pyz" / "pylock.toml"
    error = LockTargetError(path=inside, interpreter=python39, reason="", targets=targets)
    assert error.hint.endswith("aarch64`, then bundle it anew")


def test_targets_that_no_marker_tells_apart_share_an_entry(python311: Interpreter) -> None:
    glibc = target_of(python311)
    musl = replace(glibc, name=glibc.name.replace("glibc", "musl"))
    assert telling_marker([glibc], [glibc, musl]) is None


def test_markers_of_several_platforms_are_put_in_brackets(python311: Interpreter) -> None:
    linux = target_of(python311)
    mac = replace(linux, markers=("3.11", "darwin", "arm64", "cpython"))
    newer = replace(linux, markers=("3.12", "linux", "x86_64", "cpython"))
    marker = telling_marker([linux, mac], [linux, mac, newer])
    assert marker is not None
    assert marker.evaluate({"python_version": "3.11", "sys_platform": "darwin"} | ARM)
    assert not marker.evaluate({"python_version": "3.12", "sys_platform": "linux"} | X86)


ARM, X86 = {"platform_machine": "arm64"}, {"platform_machine": "x86_64"}


def test_content_leaves_out_places_and_the_writer(tmp_path: Path) -> None:
    def written(name: str, creator: str, place: str) -> Lock:
        file = tmp_path / f"pylock.{name}.toml"
        file.write_text(
            f'lock-version = "1.0"\ncreated-by = "{creator}"\n'
            f'[[packages]]\nname = "a"\nversion = "1.0"\n'
            f'[[packages.wheels]]\nname = "a-1.0-py3-none-any.whl"\n{place}\n'
            f'hashes = {{ sha256 = "{HASH}" }}\n'
        )
        lock = read_lock(file)
        assert lock is not None
        return lock

    one = written("one", "uv", 'url = "https://index.example/a-1.0-py3-none-any.whl"')
    two = written("two", "pip", 'path = "elsewhere/a-1.0-py3-none-any.whl"')
    assert canonical_json(lock_content(one)) == canonical_json(lock_content(two))


def test_a_lock_of_pip_with_a_source_only_is_told_to_be_locked(
    tmp_path: Path, python311: Interpreter
) -> None:
    file = tmp_path / "pylock.toml"
    file.write_text(
        'lock-version = "1.0"\ncreated-by = "pip"\n[[packages]]\nname = "a"\nversion = "1.0"\n'
        f'sdist = {{ url = "https://x.example/a-1.0.tar.gz", hashes = {{ sha256 = "{HASH}" }} }}\n'
    )
    lock = read_lock(file)
    assert lock is not None
    with pytest.raises(SourceOnlyError, match=r"no wheel of a 1\.0"):
        select_wheels(lock, python311)


def test_the_project_and_the_api_in_a_lock_of_uv_are_left_out(
    tmp_path: Path, python311: Interpreter
) -> None:
    file = tmp_path / "pylock.toml"
    file.write_text(
        'lock-version = "1.0"\ncreated-by = "uv"\n'
        '[[packages]]\nname = "acme"\ndirectory = { path = ".", editable = true }\n'
        '[[packages]]\nname = "venvoy-api"\nversion = "1.0.0"\n'
        f'wheels = [{{ url = "https://x.example/venvoy_api-1.0.0-py3-none-any.whl",'
        f' hashes = {{ sha256 = "{HASH}" }} }}]\n'
    )
    lock = read_lock(file)
    assert lock is not None
    assert select_wheels(lock, python311) == ()


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (wanted("a>=1"), None),
        (wanted("A >= 1"), None),
        (wanted("a>=1", "b"), "the requirement `b` is new"),
        (wanted(), "the requirement `a>=1` is gone"),
        (wanted("a>=1", extra=("c",)), "the extra requirement `c` is new"),
        (wanted("a>=1", override=("c==1",)), "the override `c==1` is new"),
        (wanted("a>=1", own=("acme==2.0",)), "the plugin `acme==2.0` is new"),
    ],
)
def test_a_stale_lock_says_what_changed(
    tmp_path: Path, python311: Interpreter, now: MadeFor, reason: str | None
) -> None:
    now = replace(now, requirements=tuple(text.lower() for text in now.requirements))
    lock = lock_of(tmp_path, (python311, [package("a", "1.0")]), made=wanted("a>=1"))
    assert freshness(lock, now, python311) == reason


def test_a_changed_plugin_wheel_makes_a_lock_stale(tmp_path: Path, python311: Interpreter) -> None:
    acme = package("acme", "1.0")
    lock = lock_of(tmp_path, (python311, [acme]), made=wanted())
    name = acme.file.name
    assert freshness(lock, wanted(), python311, own_wheels={name: "a" * 64}) is None
    changed = freshness(lock, wanted(), python311, own_wheels={name: "b" * 64})
    assert changed == f"the wheel `{name}` has changed"


@pytest.mark.parametrize(
    ("requirement", "reason"),
    [
        ("a>=1", None),
        ("a>=2", "it has a 1.0, and `a>=2` is required"),
        ("b", "`b` is not in it"),
        ("b; python_version < '3.9'", None),
    ],
)
def test_a_lock_of_another_tool_is_fresh_while_it_meets_what_is_required(
    tmp_path: Path, python311: Interpreter, requirement: str, reason: str | None
) -> None:
    file = tmp_path / "pylock.toml"
    file.write_text(
        'lock-version = "1.0"\ncreated-by = "pip"\n[[packages]]\nname = "a"\nversion = "1.0"\n'
        f'wheels = [{{ path = "a-1.0-py3-none-any.whl", hashes = {{ sha256 = "{HASH}" }} }}]\n'
    )
    lock = read_lock(file)
    assert lock is not None
    assert freshness(lock, wanted(requirement), python311) == reason
