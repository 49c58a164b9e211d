"""A bundle is taken only in its one form: every other is refused, told why, and leaves nothing."""

import copy
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.archive import UnbundleableError, write_archive
from manager.errors import UnwritableError
from manager.locks.bundled import bundled_digest, bundled_lock
from manager.plugins.bundle_format import MANIFEST, member_order
from manager.plugins.bundles import BadBundleError, open_bundle
from manager.plugins.location_content import read_location
from manager.plugins.plugin_path import location_at
from tests.bundler.parts import Part, Taken, small_bundle, taken_apart

WHEEL = "wheels/words-2.0-py3-none-any.whl"
OWN = "wheels/acme-1.0-py3-none-any.whl"
Spoil = Callable[[Taken], bytes]


def _reordered(taken: Taken) -> bytes:
    first, second, *rest = taken.parts
    return replace(taken, parts=(second, first, *rest)).assemble()


def _renamed(name: bytes) -> Spoil:
    return lambda taken: taken.with_more(Part(name, b"evil")).assemble()


def _manifest(change: Callable[[dict[str, Any]], object]) -> Spoil:
    def spoil(taken: Taken) -> bytes:
        manifest = copy.deepcopy(taken.manifest)
        change(manifest)
        return taken.with_manifest(manifest).assemble()

    return spoil


def _part(name: str, **changes: Any) -> Spoil:
    return lambda taken: taken.with_part(name, **changes).assemble()


def _deflated(taken: Taken) -> bytes:
    data = taken[WHEEL].data
    packed = zlib.compress(data)[2:-4]
    return taken.with_part(WHEEL, data=packed, method=8, crc=zlib.crc32(data)).assemble()


def _lower_case_twin(taken: Taken) -> bytes:
    twin = replace(taken[WHEEL], name=WHEEL.replace("words", "WORDS").encode())
    parts = sorted((*taken.parts, twin), key=lambda part: member_order(part.name.decode()))
    return replace(taken, parts=tuple(parts)).assemble()


MUTATIONS: dict[str, tuple[Spoil, str]] = {
    "empty": (lambda taken: b"", "too short"),
    "cut by a byte": (lambda taken: taken.assemble()[:-1], "cut off, or something was appended"),
    "cut in half": (lambda taken: taken.assemble()[: len(taken.assemble()) // 2], "cut off"),
    "only its end": (lambda taken: taken.assemble()[-22:], "its size is not what"),
    "a byte appended": (lambda taken: taken.assemble() + b"\n", "appended"),
    "an archive appended": (lambda taken: taken.assemble() * 2, "its size is not what"),
    "a comment": (lambda taken: replace(taken, comment=b"hi").assemble(), "appended"),
    "a byte before": (lambda taken: b"x" + taken.assemble(), "its size is not what"),
    "another prologue": (
        lambda taken: replace(taken, start=b"#!/bin/sh\nrm -rf /\n").assemble(), "prologue",
    ),
    "reordered": (_reordered, "is out of order"),
    "a member twice": (lambda taken: taken.with_more(taken.parts[-1]).assemble(), "there twice"),
    "names that differ in case": (_lower_case_twin, "are the same name"),
    "a name that escapes": (_renamed(b"wheels/../../evil.whl"), "leaves its directory"),
    "an absolute name": (_renamed(b"/etc/evil"), "is absolute"),
    "a drive": (_renamed(b"c:/evil"), "is absolute"),
    "a backslash": (_renamed(b"wheels\\evil.whl"), "has a backslash"),
    "a control character": (_renamed(b"wheels/e\nvil.whl"), "a control character"),
    "a directory": (_renamed(b"wheels/"), "not in its plain form"),
    "a name that is no UTF-8": (_renamed(b"wheels/\xff.whl"), "not UTF-8"),
    "a name too long": (_renamed(b"wheels/" + b"x" * 300 + b".whl"), "too long"),
    "bytecode": (_renamed(b"venvoy_bundle/__pycache__/stub.cpython-311.pyc"), "is bytecode"),
    "a member of no bundle": (_renamed(b"readme.txt"), "belongs to no bundle"),
    "a member that the manifest has not": (
        _renamed(b"wheels/zoo-1.0-py3-none-any.whl"), "but not in its manifest",
    ),
    "a link": (_part(WHEEL, attributes=0o120777 << 16), "is a link"),
    "another mode": (_part(WHEEL, attributes=0o100755 << 16), "not in the form"),
    "another date": (_part(WHEEL, date=20000), "not in the form"),
    "compressed": (_deflated, "is compressed"),
    "encrypted": (_part(WHEEL, flags=1), "is encrypted"),
    "an extra field": (_part(WHEEL, extra=b"\1\0\0\0"), "extra fields or a comment"),
    "a member's comment": (_part(WHEEL, comment=b"hi"), "extra fields or a comment"),
    "another name in front of it": (
        _part(WHEEL, local_name=WHEEL.replace("words", "swords").encode()), "",
    ),
    "another size in front of it": (_part(WHEEL, local_size=1), "two directories disagree"),
    "a size beyond the file": (_part(WHEEL, size=1 << 31), "larger than the bundle"),
    "a size too small": (_part(OWN, size=3), ""),
    "a wrong CRC": (_part(WHEEL, crc=1), "its CRC is wrong"),
    "a wrong CRC of the manifest": (_part(MANIFEST, crc=1), "its CRC is wrong"),
    "bytes between members": (_part(WHEEL, before=b"hidden"), "does not follow"),
    "bytes after the directory": (
        lambda taken: replace(taken, after=b"hidden").assemble(), "its size is not what",
    ),
    "a count too small": (
        lambda taken: replace(taken, count=len(taken.parts) - 1).assemble(), "bytes lie hidden",
    ),
    "a count too large": (
        lambda taken: replace(taken, count=len(taken.parts) + 1).assemble(), "is cut off",
    ),
    "Zip64": (lambda taken: replace(taken, count=0xFFFF).assemble(), "end record"),
    "another wheel": (
        lambda taken: taken.with_part(WHEEL, data=taken[WHEEL].data[:-1] + b"x").assemble(),
        "another sha256",
    ),
    "another stub": (
        lambda taken: taken.with_part("__main__.py", data=b"print('a stvb')\n").assemble(),
        "another sha256",
    ),
    "another lock": (
        lambda taken: taken.with_part("pylock.toml", data=b"").assemble(), "its manifest says",
    ),
    "a wheel gone": (
        lambda taken: replace(
            taken, parts=tuple(part for part in taken.parts if part.name != WHEEL.encode())
        ).assemble(),
        "which is not there",
    ),
    "no manifest": (
        lambda taken: replace(
            taken, parts=tuple(p for p in taken.parts if p.name != MANIFEST.encode()), start=b"x"
        ).assemble(),
        "it has no `venvoy-bundle.json`",
    ),
    "a manifest with blanks": (
        lambda taken: taken.with_manifest(taken[MANIFEST].data.replace(b",", b", ", 1)).assemble(),
        "not canonical",
    ),
    "a manifest of no object": (lambda taken: taken.with_manifest(b"[]").assemble(), "canonical"),
    "a manifest that is no JSON": (lambda taken: taken.with_manifest(b"{").assemble(), "be read"),
    "a key twice": (
        lambda taken: taken.with_manifest(b'{"schema":1,"schema":1}').assemble(), "canonical",
    ),
    "a manifest nested without end": (
        lambda taken: taken.with_manifest(b"[" * 100_000).assemble(), "be read",
    ),
    "another schema": (_manifest(lambda m: m.update(schema=2)), "schema 2"),
    "a key gone": (_manifest(lambda m: m.pop("framework")), "cannot be read"),
    "a version that is a number": (_manifest(lambda m: m.update(version=1)), "at `version`"),
    "wheels that are no list": (_manifest(lambda m: m.update(wheels=3)), "cannot be read"),
    "a wheel's size wrong": (_manifest(lambda m: m["wheels"][0].update(size=1)), "manifest says"),
    "a wheel's hash wrong": (
        _manifest(lambda m: m["wheels"][1].update(sha256="0" * 64)), "another sha256",
    ),
    "a wheel named twice": (
        _manifest(lambda m: m["wheels"].append(m["wheels"][0])), "names a member twice",
    ),
    "a wheel outside": (
        _manifest(lambda m: m["wheels"][0].update(file="wheels/../x.whl")), "at `wheels`",
    ),
    "an own wheel that is not there": (
        _manifest(lambda m: m.update(own={"wheels": ["0" * 64]})), "at `own`",
    ),
    "a target with a strange wheel": (
        _manifest(
            lambda m: m.update(
                targets=[{"name": "x", "environment": {"wheels": [["a", "1", "0"]]}}]
            )
        ),
        "at `targets`",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good bundle."""
    return small_bundle(tmp_path_factory.mktemp("small"))


def test_a_good_bundle_put_together_again_is_the_same(small: Path) -> None:
    assert taken_apart(small).assemble() == small.read_bytes()
    assert open_bundle(small, whole=True).manifest["name"] == "acme"


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_spoilt_bundle_is_refused_with_its_reason(small: Path, tmp_path: Path, name: str) -> None:
    spoil, reason = MUTATIONS[name]
    spoilt = tmp_path / "place" / "spoilt.pyz"
    spoilt.parent.mkdir()
    spoilt.write_bytes(spoil(taken_apart(small)))
    with pytest.raises(BadBundleError) as raised:
        open_bundle(spoilt, whole=True)
    assert reason in raised.value.message
    assert str(spoilt) in raised.value.message
    assert list(spoilt.parent.iterdir()) == [spoilt]


def test_a_spoilt_bundle_is_a_problem_that_hides_no_neighbour(small: Path, tmp_path: Path) -> None:
    spoilt = tmp_path / "spoilt.pyz"
    spoilt.write_bytes(small.read_bytes()[:-1])
    content, problems = read_location(location_at(spoilt))
    assert content is None
    assert [problem.error.code for problem in problems] == ["bad-bundle"]
    assert read_location(location_at(small))[0] is not None


def test_a_wheel_is_checked_when_it_is_taken_out(small: Path, tmp_path: Path) -> None:
    spoilt = tmp_path / "spoilt.pyz"
    taken = taken_apart(small)
    spoilt.write_bytes(taken.with_part(WHEEL, data=taken[WHEEL].data[:-1] + b"x").assemble())
    bundle = open_bundle(spoilt)
    sha256 = bundle.manifest["wheels"][1]["sha256"]
    with pytest.raises(BadBundleError, match="another sha256"):
        bundle.extract(sha256, tmp_path / "out")
    assert not list(tmp_path.rglob("*.whl"))


def test_a_plugin_digest_that_lock_and_wheels_do_not_bear_out_is_refused(small: Path) -> None:
    bundle = open_bundle(small)
    with pytest.raises(BadBundleError, match="plugin digest"):
        bundled_digest(bundle, bundled_lock(bundle))


def test_a_wheel_that_is_not_what_the_manifest_calls_it_is_refused(
    small: Path, tmp_path: Path
) -> None:
    taken = taken_apart(small)
    manifest = copy.deepcopy(taken.manifest)
    manifest["wheels"][0]["version"] = "1.1"
    manifest["distributions"][0]["version"] = "1.1"
    spoilt = tmp_path / "spoilt.pyz"
    spoilt.write_bytes(taken.with_manifest(manifest).assemble())
    content, problems = read_location(location_at(spoilt))
    assert content is None
    assert "holds acme 1.0" in problems[0].error.message


def test_an_interrupted_bundle_leaves_no_file(tmp_path: Path) -> None:
    out = tmp_path / "out.pyz"
    gone = tmp_path / "gone.whl"
    gone.touch()

    class Interrupting(dict[str, Path]):
        def __getitem__(self, name: str) -> Path:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_archive(out, {MANIFEST: b"{}"}, Interrupting({WHEEL: gone}), manifest_sha256="0" * 64)
    assert list(tmp_path.glob("*.*")) == [gone]


def test_what_a_zip_cannot_hold_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    huge = tmp_path / "huge.whl"
    with huge.open("wb") as stream:
        stream.truncate((1 << 32) + 1)
    with pytest.raises(UnbundleableError, match="without Zip64"):
        write_archive(
            tmp_path / "out.pyz", {MANIFEST: b"{}"}, {WHEEL: huge}, manifest_sha256="0" * 64
        )
    assert list(tmp_path.glob("*.*")) == [huge]


@pytest.mark.parametrize("out", ["gone/out.pyz", "there.pyz"])
def test_a_bundle_that_cannot_be_written_is_told_and_leaves_nothing(
    tmp_path: Path, out: str
) -> None:
    (tmp_path / "there.pyz").mkdir()
    with pytest.raises(UnwritableError, match=r"(no such file or|is a) directory"):
        write_archive(tmp_path / out, {MANIFEST: b"{}"}, {}, manifest_sha256="0" * 64)
    assert list(tmp_path.glob("*.*")) == [tmp_path / "there.pyz"]


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file for many examples."""
    return tmp_path_factory.mktemp("fuzz") / "fuzzed.pyz"


def _refused(scratch: Path, data: bytes) -> None:
    scratch.write_bytes(data)
    with pytest.raises(BadBundleError):
        open_bundle(scratch, whole=True)
    content, problems = read_location(location_at(scratch))
    assert content is not None or problems


@given(place=st.floats(0, 1, exclude_max=True), bits=st.integers(1, 255))
def test_any_byte_changed_is_refused(small: Path, scratch: Path, place: float, bits: int) -> None:
    data = bytearray(small.read_bytes())
    data[int(place * len(data))] ^= bits
    _refused(scratch, bytes(data))


@given(
    start=st.floats(0, 1),
    length=st.integers(0, 200),
    instead=st.binary(max_size=200) | st.sampled_from([b"PK\3\4", b"PK\1\2", b"PK\5\6"]),
)
def test_any_bytes_replaced_are_refused_or_were_the_same(
    small: Path, scratch: Path, start: float, length: int, instead: bytes
) -> None:
    data = small.read_bytes()
    place = int(start * len(data))
    changed = data[:place] + instead + data[place + length :]
    if changed != data:
        _refused(scratch, changed)


@given(
    place=st.integers(0, 4000), value=st.sampled_from([0, 1, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 22])
)
def test_any_number_near_the_end_changed_is_refused(
    small: Path, scratch: Path, place: int, value: int
) -> None:
    data = bytearray(small.read_bytes())
    start = max(0, len(data) - 4 - place % 900)
    changed = bytes(data[:start]) + value.to_bytes(4, "little") + bytes(data[start + 4 :])
    if changed != data:
        _refused(scratch, changed)
