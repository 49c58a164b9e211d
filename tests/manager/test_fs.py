"""What is published is whole, read-only, never replaced; what is removed goes at once."""

import os
from pathlib import Path

import pytest

from manager.fs import publish, remove, staging, walk, write_file_atomically


def modes(tree: Path) -> dict[str, int]:
    return {
        str(Path(entry.path).relative_to(tree)): entry.stat().st_mode & 0o777
        for entry in walk(tree)
        if not entry.is_symlink()
    }


def build(room: Path) -> Path:
    staged = room / "thing"
    (staged / "bin").mkdir(parents=True)
    (staged / "bin" / "run").write_text("x")
    (staged / "bin" / "run").chmod(0o700)
    (staged / "data").write_text("y")
    (staged / "link").symlink_to("/etc/hostname")
    return staged


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_published_trees_are_read_only_and_keep_the_exec_bit(tmp_path: Path, umask: int) -> None:
    old = os.umask(umask)
    try:
        with staging(tmp_path) as room:
            publish(build(room), tmp_path / "things" / "a", last=("receipt", b"{}"))
    finally:
        os.umask(old)
    final = tmp_path / "things" / "a"
    assert modes(final) == {"bin": 0o555, "bin/run": 0o555, "data": 0o444, "receipt": 0o444}
    assert final.stat().st_mode & 0o777 == 0o555


def test_a_published_name_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with staging(tmp_path) as room, pytest.raises(FileExistsError):
        publish(build(room), tmp_path / "a")


def test_staging_leaves_nothing_even_of_read_only_trees(tmp_path: Path) -> None:
    with pytest.raises(KeyError), staging(tmp_path) as room:  # noqa: PT012
        build(room)
        (room / "thing" / "bin").chmod(0o555)
        raise KeyError
    assert list((tmp_path / "staging").iterdir()) == []


def test_a_removed_tree_is_gone_and_what_it_linked_to_stays(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "keep").write_text("x")
    with staging(tmp_path) as room:
        staged = build(room)
        (staged / "away").symlink_to(outside)
        publish(staged, tmp_path / "a")
    remove(tmp_path / "a", store_root=tmp_path)
    remove(tmp_path / "a", store_root=tmp_path)  # twice is no error
    assert not (tmp_path / "a").exists()
    assert (outside / "keep").read_text() == "x"
    assert list((tmp_path / "staging").iterdir()) == []


def test_an_atomic_write_replaces_and_leaves_no_other_file(tmp_path: Path) -> None:
    write_file_atomically(tmp_path / "f", b"one")
    write_file_atomically(tmp_path / "f", b"two")
    assert (tmp_path / "f").read_bytes() == b"two"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["f"]
