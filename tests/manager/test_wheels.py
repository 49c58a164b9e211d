"""A wheel that lies, escapes or stands in for something is refused before anyone reads it."""

import base64
import hashlib
import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from manager.store.built_wheels import normalize_wheel
from manager.store.unpacking import unpack
from manager.store.wheels import (
    CorruptWheelError,
    RecordMismatchError,
    Script,
    reserved_script,
    validate,
)

INFO = "acme-1.0.dist-info"
Members = list[tuple[str, bytes, int]]


def record_of(members: Members) -> bytes:
    lines = []
    for name, data, _ in members:
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(data)}\n")
    return ("".join(lines) + f"{INFO}/RECORD,,\n").encode()


def members(*more: tuple[str, bytes] | tuple[str, bytes, int]) -> Members:
    """A good wheel's members without RECORD, and more: (name, content[, mode])."""
    basic = [
        ("acme.py", b"VALUE = 1\n", 0o100644),
        (f"{INFO}/METADATA", b"Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n", 0o100644),
        (f"{INFO}/WHEEL", b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\n", 0o100644),
    ]
    return basic + [(each[0], each[1], each[2] if len(each) > 2 else 0o100644) for each in more]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(content: Members, record: bytes | None = None) -> Path:
        file = tmp_path / "acme-1.0-py3-none-any.whl"
        listed = record_of(content) if record is None else record
        with zipfile.ZipFile(file, "w") as archive:
            for name, data, mode in [*content, (f"{INFO}/RECORD", listed, 0o100644)]:
                info = zipfile.ZipInfo(name)
                info.external_attr = mode << 16
                archive.writestr(info, data)
        return file

    return write


def refuse(file: Path, tmp_path: Path) -> str:
    """Validate and unpack, expecting a refusal; return its message."""
    with pytest.raises(CorruptWheelError) as caught:
        unpack(validate(file), tmp_path / "out")
    assert str(file) in caught.value.message
    assert caught.value.hint
    return caught.value.message


def test_a_good_wheel_is_unpacked_by_scheme(write: Callable[..., Path], tmp_path: Path) -> None:
    file = write(
        members(
            ("acme-1.0.data/scripts/tool", b"#!python\n", 0o100755),
            ("acme-1.0.data/data/share/x.txt", b"x"),
            ("acme-1.0.data/headers/a.h", b"h"),
            ("acme-1.0.data/purelib/extra.py", b""),
            ("lib/run.sh", b"", 0o100777),
            (f"{INFO}/entry_points.txt", b"[console_scripts]\nacme = acme:main.run\n"),
        )
    )
    wheel = validate(file)
    unpack(wheel, tmp_path / "out")
    found = {
        path.relative_to(tmp_path / "out").as_posix(): stat.S_IMODE(path.stat().st_mode)
        for path in (tmp_path / "out").rglob("*")
        if path.is_file() and INFO not in path.parts
    }
    assert found == {
        "site/acme.py": 0o444,
        "site/extra.py": 0o444,
        "site/lib/run.sh": 0o555,
        "bin/tool": 0o555,
        "data/share/x.txt": 0o444,
        "include/a.h": 0o444,
    }
    assert wheel.scripts == (Script(name="acme", module="acme", attribute="main.run"),)
    record = (tmp_path / "out" / "site" / INFO / "RECORD").read_text()
    assert "../../../bin/tool,sha256=" in record
    assert "acme.py,sha256=" in record


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("/etc/passwd", "is absolute"),
        ("../outside.py", "leaves its directory"),
        ("acme/../../outside.py", "leaves its directory"),
        ("acme//x.py", "leaves its directory"),
        ("acme\\evil.py", "has a backslash"),
        ("C:evil.py", "starts with a drive"),
        ("acme/\x1b[2J.py", "has a control character"),
        ("acme/" + "x" * 300, "is too long"),
        ("ACME.py", "are the same name"),
        ("acme.py", "are the same name"),
        ("acme.py/inner", "is a file and a directory"),
        ("acme-1.0.data/scripts/python", "would replace the environment's"),
        ("acme-1.0.data/scripts/PYTHON3.11", "would replace the environment's"),
        ("acme-1.0.data/data/bin/python3", "would replace the environment's"),
        ("acme-1.0.data/data/pyvenv.cfg", "would replace the environment's"),
        ("acme-1.0.data/elsewhere/x", "belongs to no install scheme"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_bad_names_are_refused(
    write: Callable[..., Path], tmp_path: Path, name: str, reason: str
) -> None:
    assert reason in refuse(write(members((name, b""))), tmp_path)


@pytest.mark.parametrize("mode", [stat.S_IFLNK | 0o777, stat.S_IFIFO | 0o644])
def test_links_and_devices_are_refused(
    write: Callable[..., Path], tmp_path: Path, mode: int
) -> None:
    assert "link or a device" in refuse(write(members(("x", b"/etc/passwd", mode))), tmp_path)


def test_record_and_files_must_agree_both_ways(write: Callable[..., Path], tmp_path: Path) -> None:
    basic = members()
    cases = {
        "is there, but not listed": record_of(basic[1:]),
        "is listed, but not there": record_of([*basic, ("ghost.py", b"", 0)]),
        "is listed twice": record_of([*basic, basic[0]]),
        "other content": record_of([("acme.py", b"VALUE = 2\n", 0), *basic[1:]]),
        "has 10 bytes, not 11": record_of(basic).replace(b",10\n", b",11\n"),
        "has no sha256 there": record_of(basic).replace(b"acme.py,sha256=", b"acme.py,md5="),
        "cannot be read": record_of(basic).replace(b",10\n", b",ten\n"),
    }
    for reason, record in cases.items():
        file = write(basic, record)
        with pytest.raises(RecordMismatchError) as caught:
            unpack(validate(file), tmp_path / reason)
        assert reason in caught.value.message
        assert caught.value.code == "record-mismatch"


def test_damage_and_hidden_bytes_are_refused(write: Callable[..., Path], tmp_path: Path) -> None:
    good = write(members()).read_bytes()
    file = tmp_path / "acme-1.0-py3-none-any.whl"
    local_name = good.index(b"acme.py")
    cases = {
        "cut short": good[:-30],
        "empty": b"",
        "text": b"<html>not found</html>",
        "data before": b"#!/bin/sh\n" + good,
        "data after": good + b"PK",
        "two names": good[:local_name] + b"evil.py" + good[local_name + 7 :],
    }
    for content in cases.values():
        file.write_bytes(content)
        with pytest.raises(CorruptWheelError):
            validate(file)
    flipped = bytearray(good)
    flipped[good.index(b"VALUE")] ^= 1
    file.write_bytes(bytes(flipped))
    refuse(file, tmp_path)


def test_a_member_that_only_one_directory_knows_is_refused(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    file = write(members(("hidden.py", b"import os")))
    content = file.read_bytes()
    # Take hidden.py out of the directory that pip reads; readers of streams still see it.
    start = content.rindex(b"hidden.py") - 46
    end = content.index(b"PK\1\2", start + 4)
    with zipfile.ZipFile(file) as archive:
        directory, count = archive.start_dir, len(archive.infolist())
    tail = content[content.rindex(b"PK\5\6") :]
    shorter = content[directory:start] + content[end : content.rindex(b"PK\5\6")]
    tail = (
        tail[:8]
        + (count - 1).to_bytes(2, "little") * 2
        + len(shorter).to_bytes(4, "little")
        + tail[16:]
    )
    file.write_bytes(content[:directory] + shorter + tail)
    assert "hidden" in refuse(file, tmp_path)


@pytest.mark.parametrize(
    "line",
    ["python = acme:main", "PyThon3 = acme:main", "../x = acme:main", "x = acme:main();evil", "x"],
)
def test_programs_that_would_do_harm_are_refused(
    write: Callable[..., Path], tmp_path: Path, line: str
) -> None:
    text = f"[console_scripts]\n{line}\n".encode()
    refuse(write(members((f"{INFO}/entry_points.txt", text))), tmp_path)


def test_names_that_only_start_like_python_are_free() -> None:
    assert all(map(reserved_script, ["python", "Python3", "python3.12", "pypy3", "pythonw.exe"]))
    assert not any(map(reserved_script, ["pip", "python-argcomplete", "ipython", "pythonz"]))


@pytest.mark.parametrize("name", ["acme.whl", "acme-1.0.whl", "other-1.0-py3-none-any.whl"])
def test_a_wheel_under_another_name_is_refused(
    write: Callable[..., Path], tmp_path: Path, name: str
) -> None:
    file = write(members())
    refuse(file.rename(tmp_path / name), tmp_path)


def test_bytecode_in_a_wheel_is_left_out(write: Callable[..., Path], tmp_path: Path) -> None:
    unpack(validate(write(members(("__pycache__/acme.cpython-311.pyc", b"x")))), tmp_path / "out")
    assert not (tmp_path / "out" / "site" / "__pycache__").exists()


def test_a_built_wheel_has_one_normal_form(write: Callable[..., Path], tmp_path: Path) -> None:
    content = members(("bin/x", b"", 0o100700), ("a.py", b"y"))
    normalize_wheel(write(content), tmp_path / "one.whl")
    old = os.umask(0o077)
    try:
        other = [(name, data, mode & 0o100711) for name, data, mode in reversed(content)]
        normalize_wheel(write(other), tmp_path / "two.whl")
    finally:
        os.umask(old)
    assert (tmp_path / "one.whl").read_bytes() == (tmp_path / "two.whl").read_bytes()
    again = tmp_path / "again" / "acme-1.0-py3-none-any.whl"
    again.parent.mkdir()
    again.write_bytes((tmp_path / "one.whl").read_bytes())
    unpack(validate(again), tmp_path / "out")
    assert (tmp_path / "out/site/bin/x").stat().st_mode & 0o111
