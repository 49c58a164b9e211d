"""What the stub takes for a wheel: any form of archive, but only what its RECORD bears out."""

import hashlib
import io
import json
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.bundler.parts import taken_apart
from tests.bundler.say import run_bundle
from tests.wheel_maker import record_line

NAME = "wheels/acme_words-2.0-py3-none-any.whl"
MODULE = "acme_words.py"
INFO = "acme_words-2.0.dist-info"
Files = dict[str, bytes]
LARGE = {MODULE: b'WORDS = ["one", "two"]\n' + b"# a long module\n" * 100_000}


def good_files(changes: Mapping[str, bytes]) -> Files:
    """The wheel's files with some changed, and a RECORD that is right."""
    files = {MODULE: b'WORDS = ["one", "two"]\n', f"{INFO}/METADATA": b"Name: acme-words\n"}
    files |= changes
    record = "".join(record_line(name, data) for name, data in files.items())
    return files | {f"{INFO}/RECORD": record.encode()}


def packed(files: Files, *, method: int = zipfile.ZIP_DEFLATED, comment: bytes = b"") -> bytes:
    """Pack files as a zip archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
        archive.comment = comment
    return out.getvalue()


def with_extra(files: Files) -> bytes:
    """Pack files with a field that the plain form has not, and sizes of 64 bits."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name)
            info.extra = b"\xfe\xca\x02\x00ab"
            with archive.open(info, "w", force_zip64=True) as stream:
                stream.write(data)
    return out.getvalue()


def bundle_with(bundle: Path, wheel: bytes, out: Path) -> Path:
    """Write a bundle that holds another wheel and is right about its sha256."""
    taken = taken_apart(bundle)
    old = hashlib.sha256(taken[NAME].data).hexdigest()
    text = json.dumps(taken.manifest).replace(old, hashlib.sha256(wheel).hexdigest())
    manifest = json.loads(text)
    (told,) = (one for one in manifest["wheels"] if one["file"] == NAME)
    told["size"] = len(wheel)
    out.write_bytes(taken.with_part(NAME, data=wheel).with_manifest(manifest).assemble())
    return out


GOOD: dict[str, Callable[[], bytes]] = {
    "deflated": lambda: packed(good_files({})),
    "stored": lambda: packed(good_files({}), method=zipfile.ZIP_STORED),
    "large": lambda: packed(good_files(LARGE)),
    "a comment": lambda: packed(good_files({}), comment=b"hi"),
    "bzip2": lambda: packed(good_files({}), method=zipfile.ZIP_BZIP2),
    "lzma": lambda: packed(good_files({}), method=zipfile.ZIP_LZMA),
    "extra fields": lambda: with_extra(good_files({})),
    "something before it": lambda: b"#!/bin/sh\n" + packed(good_files({})),
    "names beyond ASCII": lambda: packed(good_files({"straße.txt": b"1"})),
    "a comma in a name": lambda: packed(
        good_files({})
        | {
            "a,b.txt": b"",
            f"{INFO}/RECORD": good_files({})[f"{INFO}/RECORD"]
            + record_line('"a,b.txt"', b"").encode(),
        }
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_wheel_is_unpacked_whatever_its_form(
    say_bundle: Path, tmp_path: Path, name: str
) -> None:
    bundle = bundle_with(say_bundle, GOOD[name](), tmp_path / "x.pyz")
    done = run_bundle(bundle, "exec", "acme-say", python=base_python(), cache=tmp_path)
    assert done.returncode == 0, done.stderr
    (module,) = (tmp_path / "venvoy").rglob(MODULE)
    assert module.read_bytes().startswith(b'WORDS = ["one", "two"]\n')


def spoilt(find: bytes, put: bytes, *, method: int = zipfile.ZIP_STORED) -> bytes:
    """Pack files, then change bytes in the archive; a stored one keeps them readable."""
    data = packed(good_files({}), method=method)
    assert find in data
    return data.replace(find, put, 1)


def linked() -> bytes:
    """Pack files, one of them a link."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in good_files({"link": b"/etc/passwd"}).items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (0o120777 if name == "link" else 0o100644) << 16
            archive.writestr(info, data)
    return out.getvalue()


def cut_deflated() -> bytes:
    """Pack a module whose deflated bytes end before they should."""
    data = bytearray(packed(good_files(LARGE)))
    place = data.index(MODULE.encode()) + len(MODULE)
    data[place + 40 : place + 60] = bytes(20)
    return bytes(data)


def twice() -> bytes:
    """Pack a file twice; `zipfile` only warns."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in good_files({}).items():
            archive.writestr(name, data)
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr(MODULE, b"import os\n")
    return out.getvalue()


def encrypted() -> bytes:
    """Pack files and say that the first is encrypted."""
    data = bytearray(packed(good_files({})))
    data[6] |= 1
    data[data.index(b"PK\1\2") + 8] |= 1
    return bytes(data)


PROGRAMS = f"{INFO}/entry_points.txt"
BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "no archive": (lambda: b"hello", "is corrupt"),
    "cut off": (lambda: packed(good_files({}))[:-30], "is corrupt"),
    "another content": (
        lambda: packed(good_files({}) | {MODULE: b"import os\n"}), "other content than its RECORD",
    ),
    "another content in an odd form": (
        lambda: packed(good_files({}) | {MODULE: b"import os\n"}, comment=b"odd"),
        "other content than its RECORD",
    ),
    "a wrong CRC": (lambda: spoilt(b'["one"', b'["won"'), "is damaged"),
    "damaged deflate": (cut_deflated, "is damaged"),
    "a file not in RECORD": (lambda: packed(good_files({}) | {"evil.py": b""}), "is not in its"),
    "no RECORD": (lambda: packed({MODULE: b"WORDS = []\n"}), "has not one RECORD"),
    "a weak hash": (
        lambda: packed(good_files({}) | {f"{INFO}/RECORD": f"{MODULE},md5=abc,1\n".encode()}),
        "no good hash",
    ),
    "a file twice": (twice, "a name twice"),
    "a link": (linked, "is a link or a device"),
    "encrypted": (encrypted, "is damaged"),
    "a name that escapes": (lambda: packed(good_files({"../evil.py": b""})), "leaves its"),
    "an absolute name": (lambda: packed(good_files({"/tmp/evil.py": b""})), "is absolute"),
    "another wheel's file": (
        lambda: packed(good_files({"acme_tell.py": b"print(1)\n"})), "another wheel has",
    ),
    "a program called python": (
        lambda: packed(good_files({PROGRAMS: b"[console_scripts]\npython3 = acme_words:x\n"})),
        "may not bring a program",
    ),
    "an interpreter among its scripts": (
        lambda: packed(good_files({"acme_words-2.0.data/scripts/python": b"#!python\n"})),
        "would replace the environment's",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_wheel_is_refused_with_its_reason_and_leaves_nothing(
    say_bundle: Path, tmp_path: Path, name: str
) -> None:
    make, reason = BAD[name]
    bundle = bundle_with(say_bundle, make(), tmp_path / "x.pyz")
    done = run_bundle(bundle, "exec", "acme-say", python=base_python(), cache=tmp_path)
    assert done.returncode == 1
    assert reason in done.stderr
    assert "Traceback" not in done.stderr
    made = [path for path in (tmp_path / "venvoy").rglob("*") if path.name != "lock"]
    assert [path for path in made if path.is_file()] == []


def test_a_bundles_own_wheel_is_read_from_its_checked_bytes(
    say_bundle: Path, tmp_path: Path
) -> None:
    taken = taken_apart(say_bundle)
    other = packed(good_files({}))
    parts = tuple(
        replace(part, data=other) if part.name == NAME.encode() else part for part in taken.parts
    )
    bundle = tmp_path / "x.pyz"
    manifest = json.loads(json.dumps(taken.manifest))
    (told,) = (one for one in manifest["wheels"] if one["file"] == NAME)
    told["size"] = len(other)
    bundle.write_bytes(replace(taken, parts=parts).with_manifest(manifest).assemble())
    done = run_bundle(bundle, "exec", "acme-say", python=base_python(), cache=tmp_path)
    assert done.returncode == 1
    assert "another sha256 than its manifest says" in done.stderr


def base_python() -> Path:
    """The Python that the bundle is for."""
    return Path(getattr(sys, "_base_executable", sys.executable))
