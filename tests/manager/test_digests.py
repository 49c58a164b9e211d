"""Digests depend on what they should and on nothing else."""

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manager.digests import (
    JsonValue,
    canonical_json,
    environment_digest,
    plugin_digest,
    sha256_of,
    tree_digest,
)

if TYPE_CHECKING:
    from collections.abc import Callable

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.dictionaries(st.text(), JSON, max_size=6))
def test_the_order_of_keys_does_not_matter(value: dict[str, str]) -> None:
    assert sha256_of(value) == sha256_of(dict(reversed(value.items())))


@settings(deadline=None)
@given(JSON, JSON)
def test_different_values_have_different_text(one: str, other: str) -> None:
    def exact(value: object) -> object:
        if isinstance(value, list):
            return ["list", *map(exact, value)]
        if isinstance(value, dict):
            return {key: exact(item) for key, item in value.items()}
        return (type(value).__name__, value)

    assert (canonical_json(one) == canonical_json(other)) == (exact(one) == exact(other))


def test_floats_are_refused() -> None:
    with pytest.raises(TypeError):
        canonical_json({"a": [1.0]})


def make_tree(root: Path, names: list[str]) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


def test_time_umask_place_and_file_order_do_not_change_a_tree(tmp_path: Path) -> None:
    names = ["a.py", "pkg/b.py", "pkg/data.txt", "z/deep/er.txt"]
    first = make_tree(tmp_path / "first", names)
    old = os.umask(0o077)
    try:
        second = make_tree(tmp_path / "elsewhere" / "second", names[::-1])
    finally:
        os.umask(old)
    os.utime(second / "a.py", (1, 1))
    assert tree_digest(first) == tree_digest(second)


def test_what_is_made_from_a_tree_does_not_change_it(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "t", ["a.py", "pkg/build/real.py"])
    before = tree_digest(tree)
    made = [
        *(".git/HEAD", "pkg/__pycache__/a.pyc", "acme.egg-info/PKG-INFO", ".venv/pyvenv.cfg"),
        *("build/lib/a.py", "dist/a.whl", "wheels/b.whl", "pylock.toml", "pylock.dev.toml"),
    ]
    make_tree(tree, made)
    assert tree_digest(tree) == before
    (tree / "pkg/build/real.py").write_text("changed")
    assert tree_digest(tree) != before


def test_names_content_and_exec_bit_change_a_tree(tmp_path: Path) -> None:
    seen = set()
    base = make_tree(tmp_path / "base", ["ab", "c"])
    changes: list[Callable[[Path], object]] = [
        lambda tree: None,
        lambda tree: (tree / "ab").write_text("aB"),
        lambda tree: (tree / "ab").rename(tree / "abc"),
        lambda tree: (tree / "ab").chmod(0o755),
        lambda tree: (tree / "new").write_text(""),
        lambda tree: (tree / "c").unlink(),
    ]
    for index, change in enumerate(changes):
        copy = tmp_path / str(index)
        shutil.copytree(base, copy)
        change(copy)
        seen.add(tree_digest(copy))
    assert len(seen) == 6


def test_a_link_counts_as_what_it_points_to_and_loops_end(tmp_path: Path) -> None:
    plain = make_tree(tmp_path / "plain", ["a", "sub/x"])
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "a").symlink_to(plain / "a")
    (linked / "sub").symlink_to(plain / "sub")
    assert tree_digest(plain) == tree_digest(linked)
    (plain / "sub" / "loop").symlink_to(plain)
    tree_digest(plain)


def test_two_trees_that_pex_confuses_are_told_apart(tmp_path: Path) -> None:
    for name, files in {"one": {"a": "x", "b": "y"}, "two": {"ab": "xy"}}.items():
        (tmp_path / name).mkdir()
        for file, text in files.items():
            (tmp_path / name / file).write_text(text)
    assert tree_digest(tmp_path / "one") != tree_digest(tmp_path / "two")


def test_the_order_of_wheels_does_not_matter_but_all_else_does() -> None:
    wheels = [("a", "1", "aa"), ("b", "2", "bb")]
    identity: dict[str, JsonValue] = {"version": "3.11.7", "mtime_ns": 1}
    digest = environment_digest(wheels, identity)
    assert digest == environment_digest(wheels[::-1], dict(identity))
    assert digest != environment_digest(wheels[:1], identity)
    assert digest != environment_digest([("a", "1", "ab"), wheels[1]], identity)
    assert digest != environment_digest(wheels, {**identity, "mtime_ns": 2})


def test_a_plugin_of_a_tree_and_one_of_wheels_differ() -> None:
    assert plugin_digest({}, "aa") != plugin_digest({}, ["aa"])
    assert plugin_digest({}, ["aa", "bb"]) == plugin_digest({}, ["bb", "aa"])
    assert plugin_digest({"a": 1}, "aa") != plugin_digest({"a": 2}, "aa")
