"""The same location gives the same bundle; a bundle is a location like any other."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from launcher.cli import main_without_exit
from tests.bundler.say import REPOSITORY, run_bundle
from tests.conftest import PYTHONS, python_or_skip

SAMPLES = ("csv_source_1", "csv_source_2", "phone_transform", "sql_sink_1", "sql_sink_2")
BUILDER = "from launcher.cli import main; main()"
LIBRARIES = ("click", "filelock", "installer", "packaging", "pip", "rich", "virtualenv")


def site_packages() -> tuple[str, ...]:
    """Where this Python has the libraries: all of them run on a later one, too."""
    found = {
        str(Path(str(spec.origin)).parent.parent)
        for spec in map(importlib.util.find_spec, LIBRARIES)
        if spec is not None
    }
    return tuple(sorted(found))


def build(
    location: Path,
    out: Path,
    *,
    store: Path,
    python: Path | None = None,
    extra: Mapping[str, str] | None = None,
    umask: int = 0o022,
    options: tuple[str, ...] = ("--offline", "--frozen"),
) -> bytes:
    """Bundle in a process of its own, under conditions of its own."""
    keep = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    keep |= {name: text for name, text in os.environ.items() if name.startswith(("PIP_", "SSL_"))}
    environ = {**keep, "VENVOY_STORE": str(store), **(extra or {})}
    environ["PYTHONPATH"] = os.pathsep.join([str(REPOSITORY), *site_packages()])
    arguments = ["bundle", str(location), "-o", str(out), *options]
    done = subprocess.run(
        [str(python or sys.executable), "-W", "ignore", "-c", BUILDER, *arguments],
        env=environ,
        umask=umask,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return out.read_bytes()


def copied_backwards(location: Path, to: Path) -> Path:
    """Copy a location so that its files come in another order on the disk."""
    files = sorted((file for file in location.rglob("*") if file.is_file()), reverse=True)
    for file in files:
        target = to / file.relative_to(location)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    return to


def conditions(location: Path, directory: Path) -> dict[str, dict[str, object]]:
    """What must make no difference, as arguments of `build`."""
    far = {"TZ": "Pacific/Chatham", "LANG": "tr_TR.UTF-8", "LC_ALL": "C"}
    found: dict[str, dict[str, object]] = {
        "as usual": {},
        "again, in another store": {"store": directory / "store"},
        "umask 077": {"umask": 0o077},
        "another time zone and locale": {"extra": far},
        "hash seed 1": {"extra": {"PYTHONHASHSEED": "1"}},
        "hash seed 2, an epoch": {
            "extra": {"PYTHONHASHSEED": "2", "SOURCE_DATE_EPOCH": "1700000000"}
        },
        "another path, and files in another order": {
            "location": copied_backwards(location, directory / "a b" / location.name)
        },
        "another home": {"extra": {"HOME": str(directory / "nobody"), "USER": "nobody"}},
    }
    for version in ("3.12", "3.13"):
        if version in PYTHONS:
            found[f"made by Python {version}"] = {"python": PYTHONS[version]}
    return found


def test_the_same_location_gives_the_same_bundle_whatever_the_circumstances(
    say_location: Path, say_bundle: Path, shared_store: Path, tmp_path: Path
) -> None:
    wanted = say_bundle.read_bytes()
    differing = []
    every = conditions(say_location, tmp_path)
    assert len(every) >= 8
    for number, (name, how) in enumerate(every.items()):
        arguments: dict[str, object] = {"location": say_location, "store": shared_store, **how}
        out = tmp_path / f"out-{number}" / "x.pyz"
        out.parent.mkdir()
        if build(out=out, **arguments) != wanted:  # type: ignore[arg-type]  # as `build` takes them
            differing.append(name)
        assert out.stat().st_mode & 0o777 == 0o755
    assert differing == []


@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_another_python_makes_the_same_bundle(
    say_location: Path, say_bundle: Path, shared_store: Path, tmp_path: Path, version: str
) -> None:
    python = python_or_skip(version)
    made = build(say_location, tmp_path / "x.pyz", store=shared_store, python=python)
    assert made == say_bundle.read_bytes()


def test_every_zip_reader_reads_it_and_wheels_are_as_they_were(
    say_location: Path, say_bundle: Path
) -> None:
    with zipfile.ZipFile(say_bundle) as archive:
        assert archive.testzip() is None
        infos = archive.infolist()
        names = [info.filename for info in infos]
        assert names[0] == "__main__.py"
        assert names[1:] == sorted(names[1:], key=str.encode)
        for info in infos:
            assert info.date_time == (1980, 1, 1, 0, 0, 0)
            assert (info.compress_type, info.extra, info.create_system) == (0, b"", 3)
            assert info.external_attr == 0o100644 << 16
            assert not info.filename.endswith(".pyc")
            text = archive.read(info)
            assert info.filename.startswith("wheels/") or not text.startswith(b"#!")
        for wheel in say_location.glob("*.whl"):
            assert archive.read(f"wheels/{wheel.name}") == wheel.read_bytes()


def test_no_path_date_or_machine_is_in_it(say_location: Path, say_bundle: Path) -> None:
    data = say_bundle.read_bytes()
    for text in (str(say_location.parent), str(Path.home()), sys.prefix, os.uname().nodename):
        assert text.encode() not in data or len(text) < 4


def test_a_bundle_is_a_location_with_the_digests_of_its_directory(
    say_location: Path,
    say_bundle: Path,
    venvoy_store: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    shutil.copy(say_bundle, place)
    told = []
    for path in (say_location.parent, place):
        arguments = [
            "plugins",
            "sync",
            "--plugin-path",
            str(path),
            "--json",
            "--offline",
            "--frozen",
        ]
        capsys.readouterr()
        assert main_without_exit(arguments) == 0
        rows = json.loads(capsys.readouterr().out)["data"]["plugins"]
        told.append([(row["class"], row["environment"], row["plugin_digest"]) for row in rows[:2]])
    assert told[0] == told[1]
    assert told[0][0][1] is not None


def test_a_connector_runs_from_a_bundle_under_the_workers_own_api(
    say_location: Path,
    say_bundle: Path,
    venvoy_store: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    shutil.copy(say_bundle, place)
    outputs = []
    for number, path in enumerate((say_location.parent, place)):
        work = tmp_path / f"work-{number}"
        work.mkdir()
        (work / "worker.properties").write_text(
            f"plugin.path={path}\nstorage.file={work}/log\n"
            "value.converter=JsonConverter\nvalue.converter.schemas.enable=false\n"
        )
        (work / "say.properties").write_text("name=say\nconnector.class=say\ntopic=t\nwhere=1\n")
        (work / "hear.properties").write_text(
            f"name=hear\nconnector.class=hear\ntopics=t\nfile={work}/heard\n"
        )
        files = [str(work / f"{name}.properties") for name in ("worker", "say", "hear")]
        assert main_without_exit(["run", *files, "--offline"]) == 0
        outputs.append((work / "heard").read_text())
    assert outputs[0] == outputs[1]
    assert str(venvoy_store / "api") in outputs[0]
    assert "bundles" not in outputs[0]


def test_check_says_which_member_differs_first(
    say_location: Path,
    say_bundle: Path,
    venvoy_store: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main_without_exit(["bundle", "--check", str(say_bundle), str(say_location)]) == 0
    changed = copied_backwards(say_location, tmp_path / "say")
    lock = changed / "pylock.toml"
    lock.write_text(lock.read_text() + "\n")
    before = sorted(tmp_path.rglob("*"))
    capsys.readouterr()
    assert main_without_exit(["bundle", "--check", str(say_bundle), str(changed)]) == 1
    assert "`pylock.toml` differs" in " ".join(capsys.readouterr().err.split())
    assert sorted(tmp_path.rglob("*")) == before


def test_inspect_tells_the_same_of_a_bundle_and_checks_it(
    say_location: Path, say_bundle: Path, venvoy_store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main_without_exit(["bundle", "inspect", str(say_bundle), "--json"]) == 0
    of_bundle = json.loads(capsys.readouterr().out)["data"]
    assert main_without_exit(["bundle", "inspect", str(say_location), "--json"]) == 0
    of_location = json.loads(capsys.readouterr().out)["data"]
    assert of_bundle["wheels"] == of_location["wheels"]
    assert of_bundle["targets"] == of_location["targets"]
    assert sorted(map(str, of_bundle["plugins"])) == sorted(map(str, of_location["plugins"]))


def test_a_bundle_is_named_like_one_and_made_of_no_bundle(
    say_location: Path, say_bundle: Path, venvoy_store: Path, tmp_path: Path
) -> None:
    assert main_without_exit(["bundle", str(say_location), "-o", str(tmp_path / "x.zip")]) == 2
    assert main_without_exit(["bundle", str(say_location)]) == 2
    assert main_without_exit(["bundle", str(say_bundle), "-o", str(tmp_path / "x.pyz")]) == 1
    assert main_without_exit(["bundle", str(tmp_path / "no"), "-o", str(tmp_path / "x.pyz")]) == 1
    assert not list(tmp_path.glob("x.*"))


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLES)
def test_a_samples_bundle_is_the_same_whatever_the_circumstances(
    shared_store: Path, tmp_path: Path, name: str
) -> None:
    location = tmp_path / "place" / name
    shutil.copytree(REPOSITORY / "sample_plugins" / name, location)
    # The first asks the index; its wheels are the wheelhouse of all others. The one in another
    # store builds the project anew, and asks the index for what that needs.
    usual = build(location, tmp_path / "x.pyz", store=shared_store, options=("--frozen",))
    with zipfile.ZipFile(tmp_path / "x.pyz") as archive:
        manifest = json.loads(archive.read("venvoy-bundle.json"))
        for wheel in manifest["wheels"]:
            if wheel["name"] != manifest["name"]:
                archive.extract(wheel["file"], location)
    every = conditions(location, tmp_path)
    assert len(every) >= 8

    def made(number: int, how: Mapping[str, object]) -> bytes:
        arguments: dict[str, object] = {"location": location, "store": shared_store, **how}
        if arguments["store"] != shared_store:
            arguments["options"] = ("--frozen",)
        out = tmp_path / f"out-{number}" / "x.pyz"
        out.parent.mkdir()
        return build(out=out, **arguments)  # type: ignore[arg-type]  # as `build` takes them

    with ThreadPoolExecutor(2) as pool:
        found = dict(zip(every, pool.map(made, range(len(every)), every.values()), strict=True))
    assert [what for what, data in found.items() if data != usual] == []


@pytest.mark.network
@pytest.mark.slow
def test_X13_samples_run_from_bundles_as_from_their_directories(  # noqa: N802  # the row's name
    venvoy_store: Path, tmp_path: Path
) -> None:
    place, packed = tmp_path / "place", tmp_path / "packed"
    packed.mkdir()
    for name in SAMPLES:
        shutil.copytree(REPOSITORY / "sample_plugins" / name, place / name)
        out = packed / f"{name}.pyz"
        assert main_without_exit(["bundle", str(place / name), "-o", str(out)]) == 0
    outputs = [run_samples(path, tmp_path / f"work-{path.name}") for path in (place, packed)]
    assert outputs[0] == outputs[1]
    assert all(outputs[0].values())


def run_samples(place: Path, work: Path) -> dict[str, object]:
    """Run every sample config on that place; return the tables that the sinks wrote."""
    import sqlite3  # noqa: PLC0415  # only this test needs it

    work.mkdir()
    shutil.copytree(REPOSITORY / "sample_plugins" / "data", work / "sample_plugins" / "data")
    configs = sorted((REPOSITORY / "sample_plugins" / "configs").glob("*.properties"))
    connectors = [str(file) for file in configs if file.name != "worker.properties"]
    (work / "worker.properties").write_text(f"plugin.path={place}\nstorage.file={work}/log\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(work)
        assert main_without_exit(["run", "worker.properties", *connectors]) == 0
    found: dict[str, object] = {}
    for file in sorted(work.glob("*.db")):
        connection = sqlite3.connect(file)
        try:
            names = connection.execute("select name from sqlite_master where type = 'table'")
            for (table,) in names.fetchall():
                rows = connection.execute(f'select * from "{table}" order by 1').fetchall()
                found[f"{file.name}:{table}"] = rows
        finally:
            connection.close()
    return found


@pytest.mark.network
@pytest.mark.slow
def test_a_samples_bundle_runs_alone_on_every_python_that_it_is_for(
    venvoy_store: Path, tmp_path: Path, each_python: Path
) -> None:
    out = tmp_path / "csv.pyz"
    location = tmp_path / "csv_source_1"
    shutil.copytree(REPOSITORY / "sample_plugins" / "csv_source_1", location)
    assert main_without_exit(["bundle", str(location), "-o", str(out)]) == 0
    config = tmp_path / "airports.properties"
    data = REPOSITORY / "sample_plugins" / "data" / "contacts.csv"
    config.write_text(f"name=a\nconnector.class=CsvSource\nfiles={data}\ntopic=t\n")
    done = run_bundle(out, "run", str(config), python=each_python, cache=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 200


def test_a_bundle_syncs_and_runs_where_there_is_no_network_at_all(
    say_bundle: Path, tmp_path: Path
) -> None:
    alone = ["unshare", "-rn"]
    if subprocess.run([*alone, "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("no network namespace can be made here")
    place = tmp_path / "place"
    place.mkdir()
    shutil.copy(say_bundle, place)
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "VENVOY_STORE": f"{tmp_path}/s"}
    environ["PYTHONPATH"] = os.pathsep.join([str(REPOSITORY), *site_packages()])
    arguments = ["plugins", "sync", "--plugin-path", str(place), "--offline", "--frozen"]
    config = tmp_path / "say.properties"
    config.write_text("name=say\nconnector.class=say\ntopic=t\n")
    commands = (
        [sys.executable, "-c", BUILDER, *arguments],
        [sys.executable, str(place / "say.pyz"), "run", str(config)],
        [sys.executable, str(place / "say.pyz"), "exec", "acme-say"],
    )
    for command in commands:
        done = subprocess.run(
            [*alone, *command], env=environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
