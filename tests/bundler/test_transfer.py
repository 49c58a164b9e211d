"""Export and import: one form of archive, checked whole before anything is placed."""

import io
import itertools
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packaging.version import Version

from bundler.site_archive import BadSiteError, ChangedFileError, write_site
from bundler.site_manifest import MANIFEST, SiteFile, SiteLocation, SiteManifest
from bundler.transfer import ApiNotMetError, LocationExistsError, import_site
from manager.digests import canonical_json, file_sha256
from manager.errors import UnwritableError
from tests.bundler.supply import (
    ROOT,
    VALUES,
    Machine,
    machine_without_network,
    vendored_machine,
)

API = Version("1.0.0")
FILES = {
    "api/venvoy_api/__init__.py": b"",
    "locations/acme/README": b"read me\n" * 200,
    "locations/acme/pylock.toml": b'lock-version = "1.0"\n',
    "locations/acme/wheels/one.whl": bytes(range(256)) * 5,
    f"locations/acme/{'long/' * 30}name.txt": b"a name that needs more than one header",
}


def make_site(
    directory: Path, files: dict[str, bytes] | None = None, names: Sequence[str] = ("acme",)
) -> Path:
    """Write a small archive with `write_site` itself."""
    archive = directory / "site.tar"
    sources: dict[str, Path] = {}
    for number, (path, data) in enumerate((files or FILES).items()):
        source = directory / f"source-{number}"
        source.write_bytes(data)
        sources[path] = source
    manifest = SiteManifest(
        api_version="1.0.0",
        locations=tuple(
            SiteLocation(name=name, shape="wheels", digest="", api_requirement=">=1", plugins=())
            for name in names
        ),
        files=tuple(
            SiteFile(
                path=path,
                size_bytes=file.stat().st_size,
                sha256=file_sha256(file),
                executable=False,
            )
            for path, file in sorted(sources.items(), key=lambda one: one[0].encode())
        ),
    )
    write_site(archive, manifest, sources)
    return archive


@dataclass
class Member:
    """A member of a tar being made anew, for better or worse."""

    info: tarfile.TarInfo
    data: bytes


def members_of(archive: Path) -> list[Member]:
    with tarfile.open(archive) as tar:
        found = []
        for info in tar:
            stream = tar.extractfile(info)
            found.append(Member(info, stream.read() if stream else b""))
    return found


def rewritten(members: Sequence[Member]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for member in members:
            info = member.info
            info.pax_headers = {}
            if info.isreg():
                info.size = len(member.data)
            tar.addfile(info, io.BytesIO(member.data) if info.isreg() else None)
    return out.getvalue()


def plain(name: str, data: bytes = b"x") -> Member:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    return Member(info, data)


def odd(name: str, kind: bytes, link: str = "") -> Member:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return Member(info, b"")


def with_manifest(change: Callable[[dict[str, object]], object]) -> Callable[[Path], bytes]:
    """A mutation of the manifest alone, in its one form."""

    def mutate(archive: Path) -> bytes:
        members = members_of(archive)
        told = json.loads(members[0].data)
        change(told)
        members[0].data = canonical_json(told)
        return rewritten(members)

    return mutate


def with_members(change: Callable[[list[Member]], object]) -> Callable[[Path], bytes]:
    def mutate(archive: Path) -> bytes:
        members = members_of(archive)
        change(members)
        return rewritten(members)

    return mutate


def rename(name: str) -> Callable[[Path], bytes]:
    """Give a file another name everywhere: in the manifest and in its header."""

    def mutate(archive: Path) -> bytes:
        members = members_of(archive)
        told = json.loads(members[0].data)
        old = "locations/acme/README"
        for row in told["files"]:
            row["path"] = name if row["path"] == old else row["path"]
        told["files"].sort(key=lambda row: row["path"].encode())
        members[0].data = canonical_json(told)
        for member in members:
            if member.info.name == old:
                member.info.name = name
        return rewritten(members)

    return mutate


def files_row(index: int, **changes: object) -> Callable[[dict[str, object]], object]:
    def change(told: dict[str, object]) -> None:
        rows = told["files"]
        assert isinstance(rows, list)
        rows[index] |= changes

    return change


def cut(count: int) -> Callable[[Path], bytes]:
    return lambda archive: archive.read_bytes()[:-count]


def flip(archive: Path) -> bytes:
    data = bytearray(archive.read_bytes())
    data[data.index(b"read me") + 3] ^= 1
    return bytes(data)


def dated(members: list[Member]) -> None:
    members[2].info.mtime = 1_700_000_000


def owned(members: list[Member]) -> None:
    members[2].info.uid = 1000


def setuid(members: list[Member]) -> None:
    members[2].info.mode = 0o4755


def longer(members: list[Member]) -> None:
    members[2].data += b"more"


LOCATION: dict[str, object] = {
    "name": "",
    "shape": "",
    "digest": "",
    "api_requirement": "",
    "plugins": [],
}

MUTATIONS: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "empty": (lambda _: b"", "truncated"),
    "no archive": (lambda _: b"PK\x03\x04" * 400, "is no site archive"),
    "half": (lambda archive: archive.read_bytes()[:3000], "truncated|only"),
    "last block": (cut(512), "truncated"),
    "whole end": (cut(10240), "truncated|only"),
    "appended": (lambda archive: archive.read_bytes() + b"more", "appended"),
    "appended zeros": (lambda archive: archive.read_bytes() + bytes(512), "appended"),
    "appended archive": (lambda archive: archive.read_bytes() * 2, "appended"),
    "another byte": (flip, "another sha256"),
    "reordered": (with_members(lambda m: m.insert(4, m.pop(5))), "out of order"),
    "manifest not first": (with_members(lambda m: m.append(m.pop(0))), "begin with its manifest"),
    "twice": (with_members(lambda m: m.insert(3, plain(m[2].info.name, m[2].data))), "twice"),
    "twice at the end": (with_members(lambda m: m.append(plain(m[2].info.name))), "twice"),
    "unlisted": (with_members(lambda m: m.insert(2, plain("locations/acme/x"))), "not in its man"),
    "unlisted at the end": (with_members(lambda m: m.append(plain("zz"))), "not in its manifest"),
    "left out": (with_members(lambda m: m.pop(4)), "out of order|should come first"),
    "escaping": (with_members(lambda m: m.insert(2, plain("../evil"))), "leads out"),
    "absolute": (with_members(lambda m: m.insert(2, plain("/etc/evil"))), "absolute"),
    "symlink": (with_members(lambda m: m.insert(2, odd("l", tarfile.SYMTYPE, "/etc"))), "a link"),
    "hard link": (with_members(lambda m: m.insert(2, odd("l", tarfile.LNKTYPE, "x"))), "a link"),
    "symlink for a file": (
        with_members(lambda m: m.__setitem__(2, odd(m[2].info.name, tarfile.SYMTYPE, "/"))),
        "a link",
    ),
    "device": (with_members(lambda m: m.insert(2, odd("null", tarfile.CHRTYPE))), "a device"),
    "pipe": (with_members(lambda m: m.insert(2, odd("pipe", tarfile.FIFOTYPE))), "a device"),
    "directory": (with_members(lambda m: m.insert(2, odd("d", tarfile.DIRTYPE))), "no plain file"),
    "case": (
        with_members(lambda m: m.insert(3, plain("locations/acme/readme"))),
        "differs from `locations/acme/README` in case only",
    ),
    "date": (with_members(dated), "header"),
    "owner": (with_members(owned), "header"),
    "setuid": (with_members(setuid), "header"),
    "longer": (with_members(longer), "the manifest says"),
    "listed escaping": (rename("locations/acme/../../evil"), "leads out"),
    "listed absolute": (rename("/evil"), "absolute"),
    "listed backslash": (rename("locations/acme/..\\evil"), "backslash"),
    "listed newline": (rename("locations/acme/a\nb"), "control characters"),
    "listed empty part": (rename("locations/acme//b"), "empty part"),
    "listed elsewhere": (rename("locations/other/b"), "belongs to no location"),
    "listed hidden import": (rename("locations/.venvoy-import/b"), "belongs to no location"),
    "listed case": (rename("locations/acme/PYLOCK.toml"), "in case only"),
    "listed case of a directory": (rename("locations/acme/WHEELS/x"), "in case only"),
    "file and directory": (rename("locations/acme/wheels"), "both a file and a directory"),
    "listed over the manifest": (rename(MANIFEST), "twice|belongs to no location"),
    "oversized": (with_manifest(files_row(1, size=10**15)), "has only"),
    "negative": (with_manifest(files_row(1, size=-1)), "no proper size"),
    "size true": (with_manifest(files_row(0, size=True)), "no proper size"),
    "wrong hash": (with_manifest(files_row(1, sha256="0" * 64)), "another sha256"),
    "no hash": (with_manifest(files_row(1, sha256="")), "no proper size and sha256"),
    "executable": (with_manifest(files_row(1, executable=True)), "header"),
    "schema": (with_manifest(lambda told: told.update(schema=2)), "schema 2"),
    "lacking": (with_manifest(lambda told: told.pop("files")), "lacks something"),
    "more keys": (with_manifest(lambda told: told.update(more=1)), "one form"),
    "location with a slash": (
        with_manifest(lambda told: told.update(locations=[{**LOCATION, "name": "a/b"}])),
        "not one visible name",
    ),
    "hidden location": (
        with_manifest(lambda told: told.update(locations=[{**LOCATION, "name": ".."}])),
        "not one visible name",
    ),
    "no json": (with_members(lambda m: setattr(m[0], "data", b"{")), "no JSON"),
    "pretty json": (
        with_members(
            lambda m: setattr(m[0], "data", json.dumps(json.loads(m[0].data), indent=1).encode())
        ),
        "one form",
    ),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_changed_archive_is_refused_with_its_reason_and_leaves_nothing(
    tmp_path: Path, name: str
) -> None:
    mutate, reason = MUTATIONS[name]
    archive = make_site(tmp_path)
    good = archive.read_bytes()
    archive.write_bytes(mutate(archive))
    assert archive.read_bytes() != good
    place = tmp_path / "place"
    with pytest.raises(BadSiteError, match=reason):
        import_site(archive, place, replace=True, api=API)
    assert not place.exists()


def test_an_archive_is_placed_as_it_was_written(tmp_path: Path) -> None:
    place = tmp_path / "place"
    import_site(make_site(tmp_path), place, replace=False, api=API)
    found = {
        f"locations/{file.relative_to(place).as_posix()}": file.read_bytes()
        for file in place.rglob("*")
        if file.is_file()
    }
    assert found == {path: data for path, data in FILES.items() if path.startswith("locations")}
    assert sorted(file.name for file in place.iterdir()) == ["acme"]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_other_bytes_than_those_written_are_accepted(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    directory = tmp_path_factory.mktemp("fuzz")
    archive = make_site(directory)
    good = archive.read_bytes()
    start = data.draw(st.integers(0, len(good)), label="start")
    length = data.draw(st.integers(0, 2000), label="length")
    inserted = data.draw(st.binary(max_size=1200), label="inserted")
    changed = good[:start] + inserted + good[start + length :]
    archive.write_bytes(changed)
    place = directory / "place"
    try:
        import_site(archive, place, replace=False, api=API)
    except BadSiteError:
        assert changed != good
        assert not place.exists()
    else:
        assert changed == good
    shutil.rmtree(directory)


def test_a_location_of_that_name_is_kept_unless_it_is_to_be_replaced(tmp_path: Path) -> None:
    archive, place = make_site(tmp_path), tmp_path / "place"
    (place / "acme").mkdir(parents=True)
    (place / "acme" / "mine").touch()
    with pytest.raises(LocationExistsError):
        import_site(archive, place, replace=False, api=API)
    assert sorted(file.name for file in place.rglob("*")) == ["acme", "mine"]
    assert import_site(archive, place, replace=True, api=API).replaced == ("acme",)
    assert not (place / "acme" / "mine").exists()
    assert sorted(file.name for file in place.iterdir()) == ["acme"]


def test_all_locations_are_placed_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second rename fails, as it does on a full or read-only disk."""
    archive, place = make_site(tmp_path, TWO, ("acme", "bolt")), tmp_path / "place"
    for name in ("acme", "bolt"):
        (place / name).mkdir(parents=True)
        (place / name / "mine").touch()
    before = sorted(str(file.relative_to(place)) for file in place.rglob("*"))
    counted = itertools.count()
    real = Path.rename

    def rename_or_fail(self: Path, target: Path) -> Path:
        if next(counted) == 3:
            raise OSError(28, "No space left on device")
        return real(self, target)

    monkeypatch.setattr(Path, "rename", rename_or_fail)
    with pytest.raises(UnwritableError, match="no space left"):
        import_site(archive, place, replace=True, api=API)
    monkeypatch.undo()
    assert sorted(str(file.relative_to(place)) for file in place.rglob("*")) == before


TWO = {"locations/acme/a": b"a", "locations/bolt/b": b"b"}


def test_a_plugin_for_another_api_is_refused(tmp_path: Path) -> None:
    archive, place = make_site(tmp_path), tmp_path / "place"
    with pytest.raises(ApiNotMetError, match=r"requires venvoy-api >=1, and this venvoy runs 0\.9"):
        import_site(archive, place, replace=False, api=Version("0.9"))
    assert not place.exists()


def test_a_file_that_changes_meanwhile_leaves_no_archive(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"now")
    file = SiteFile(path="api/x", size_bytes=3, sha256="0" * 64, executable=False)
    manifest = SiteManifest(api_version="1", locations=(), files=(file,))
    with pytest.raises(ChangedFileError):
        write_site(tmp_path / "site.tar", manifest, {"api/x": source})
    assert [one.name for one in tmp_path.glob("*site.tar*")] == []


@pytest.fixture(scope="module")
def near(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return vendored_machine(tmp_path_factory)


def export(machine: Machine, archive: Path, *names: str, code: int = 0) -> None:
    options = ("--plugin-path", machine.plugins, "-o", archive)
    machine.venvoy("export", *names, *options, code=code)


def test_what_was_exported_syncs_frozen_and_runs_where_there_is_no_network(
    near: Machine, tmp_path: Path
) -> None:
    far = machine_without_network(tmp_path / "far")
    export(near, tmp_path / "site.tar", "project", "wheelsdir")
    far.venvoy("import", tmp_path / "site.tar", "--to", far.plugins)
    told = far.plugins_command("sync", "--offline", "--frozen")
    assert [row["state"] for row in rows_of(told.envelope["data"])] == ["ready", "ready"]
    assert far.numbers("--offline", "--frozen") == VALUES


def test_the_same_content_gives_the_same_archive_elsewhere(near: Machine, tmp_path: Path) -> None:
    export(near, tmp_path / "one.tar")
    other = Machine(tmp_path / "other")
    shutil.rmtree(other.plugins)
    shutil.copytree(near.plugins, other.plugins)
    for file in other.plugins.rglob("*"):
        os.utime(file, (1, 1))
        file.chmod(0o700 if file.is_dir() else 0o600)
    os_umask = os.umask(0o077)
    try:
        export(other, tmp_path / "two.tar")
    finally:
        os.umask(os_umask)
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


def test_a_bundle_is_carried_as_it_is(near: Machine, tmp_path: Path) -> None:
    other, far = Machine(tmp_path / "other"), Machine(tmp_path / "far")
    bundle = other.plugins / "project.pyz"
    near.venvoy("bundle", near.plugins / "project", "-o", bundle, "--offline")
    export(other, tmp_path / "site.tar")
    done = import_site(tmp_path / "site.tar", far.plugins, replace=False, api=API)
    assert (far.plugins / "project.pyz").read_bytes() == bundle.read_bytes()
    assert [len(one.digest) for one in done.manifest.locations] == [64]


def test_an_incomplete_location_is_not_exported(near: Machine, tmp_path: Path) -> None:
    other = Machine(tmp_path / "other")
    shutil.copytree(near.plugins / "project", other.plugins / "project")
    (other.plugins / "project" / "wheels" / "oldlib-1.0-py3-none-any.whl").unlink()
    archive = tmp_path / "site.tar"
    options = ("export", "--json", "--plugin-path", other.plugins, "-o", archive)
    told = other.venvoy(*options, code=1)
    assert told.codes == ["not-vendored"]
    assert "oldlib-1.0-py3-none-any.whl (sha256 " in told.messages[0]
    assert not archive.exists()


KILLED = """
import sys
from pathlib import Path
from bundler.site_archive import write_site
from bundler.site_manifest import SiteFile, SiteManifest
file = SiteFile(path="api/x", size_bytes=2**40, sha256="0" * 64, executable=False)
manifest = SiteManifest(api_version="1", locations=(), files=(file,))
write_site(Path(sys.argv[1]), manifest, {"api/x": Path("/dev/zero")})
"""


@pytest.mark.parametrize("there_before", [False, True])
def test_an_interrupted_export_leaves_no_file_under_its_final_name(
    tmp_path: Path, there_before: bool
) -> None:
    archive = tmp_path / "site.tar"
    if there_before:
        archive.write_bytes(b"the one before")
    argv = [sys.executable, "-P", "-c", KILLED, str(archive)]
    process = subprocess.Popen(argv, env={"PYTHONPATH": str(ROOT)})
    try:
        while not any(file.stat().st_size > 1 << 20 for file in tmp_path.glob(".site.tar.*")):
            assert process.poll() is None  # it writes a terabyte: there is time
    finally:
        process.kill()
        process.wait()
    assert (archive.read_bytes() if archive.exists() else None) == (
        b"the one before" if there_before else None
    )


def rows_of(data: object) -> list[dict[str, object]]:
    found = data["plugins"] if isinstance(data, dict) else data
    assert isinstance(found, list)
    return found
