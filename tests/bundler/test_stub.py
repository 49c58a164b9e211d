"""What runs inside a bundle: no venvoy, no third-party package, any Python that it is for."""

import json
import shutil
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from launcher.cli import main_without_exit
from tests.bundler.say import run_bundle
from tests.conftest import OLD_PYTHONS, python_or_skip


@pytest.fixture
def python() -> Path:
    """The Python that the bundle's one target is: the one the lock was made on."""
    return Path(getattr(sys, "_base_executable", sys.executable))


def test_without_a_command_it_tells_what_is_inside(
    say_bundle: Path, python: Path, tmp_path: Path
) -> None:
    done = run_bundle(say_bundle, python=python, cache=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "acme-say 1.0, a venvoy bundle (checked: good)" in done.stdout
    assert "acme_say.SaySource 1.0" in done.stdout
    assert "(this Python)" in done.stdout
    assert "acme_words-2.0-py3-none-any.whl" in done.stdout


def test_it_tells_and_checks_itself_on_every_python(
    say_bundle: Path, each_python: Path, tmp_path: Path
) -> None:
    assert run_bundle(say_bundle, python=each_python, cache=tmp_path).returncode == 0
    done = run_bundle(say_bundle, "check", python=each_python, cache=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "good: " in done.stdout
    assert not list(tmp_path.rglob("bundles")), "telling writes nothing"


@pytest.mark.parametrize("version", OLD_PYTHONS)
def test_a_python_too_old_to_read_it_is_told_what_to_do(
    say_bundle: Path, version: str, tmp_path: Path
) -> None:
    python = OLD_PYTHONS[version]
    if python is None:
        pytest.skip(f"no Python {version} on this machine")
    done = run_bundle(say_bundle, "exec", "acme-say", python=python, cache=tmp_path)
    assert done.returncode == 1
    told, remedy = done.stderr.splitlines()
    start = f"error: the bundle {say_bundle} needs Python 3.9 or later to start; this is Python "
    assert told.startswith(f"{start}{version}.")
    assert remedy == f"  start it with a later one, as in `python3.11 {say_bundle}`"


def test_exec_runs_a_console_script_in_an_environment_of_its_own(
    say_bundle: Path, tmp_path: Path
) -> None:
    first = run_bundle(say_bundle, "exec", "acme-say", "a b", cache=tmp_path)
    assert first.returncode == 0, first.stderr
    told = json.loads(first.stdout)
    assert told["arguments"] == ["a b"]
    assert told["prefix"].startswith(str(tmp_path / "venvoy" / "bundles"))
    assert not [
        path for path in told["path"] if "site-packages" in path and str(tmp_path) not in path
    ]
    second = run_bundle(say_bundle, "exec", "acme-say", "a b", cache=tmp_path)
    assert second.stdout == first.stdout


def test_a_warm_start_needs_no_python_to_find_its_way(say_bundle: Path, tmp_path: Path) -> None:
    run_bundle(say_bundle, "exec", "acme-say", cache=tmp_path)
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    done = run_bundle(say_bundle, "exec", "acme-say", cache=tmp_path, extra={"PATH": str(nothing)})
    assert done.returncode == 0, done.stderr


def test_exec_python_is_the_environments_own(
    say_bundle: Path, python: Path, tmp_path: Path
) -> None:
    code = "import acme_words, sys; print(acme_words.__file__); print(sys.prefix)"
    for _ in range(2):  # cold, then warm
        done = run_bundle(say_bundle, "exec", "python", "-c", code, python=python, cache=tmp_path)
        assert done.returncode == 0, done.stderr
        assert all(line.startswith(str(tmp_path)) for line in done.stdout.splitlines())


def test_the_callers_python_path_does_not_come_along(
    say_bundle: Path, python: Path, tmp_path: Path
) -> None:
    (tmp_path / "evil").mkdir()
    (tmp_path / "evil" / "acme_words.py").write_text("raise SystemExit('evil')")
    extra = {"PYTHONPATH": str(tmp_path / "evil")}
    for _ in range(2):
        done = run_bundle(
            say_bundle, "exec", "acme-say", python=python, cache=tmp_path, extra=extra
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_cache_is_private_and_one_that_is_not_is_refused(
    say_bundle: Path, python: Path, tmp_path: Path
) -> None:
    run_bundle(say_bundle, "exec", "acme-say", python=python, cache=tmp_path)
    (directory,) = (tmp_path / "venvoy" / "bundles").iterdir()
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    directory.chmod(0o777)
    done = run_bundle(say_bundle, "exec", "acme-say", python=python, cache=tmp_path)
    assert done.returncode == 1
    assert "is not private" in done.stderr


def test_a_cache_that_cannot_be_made_is_told_with_its_remedy(
    say_bundle: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    done = run_bundle(say_bundle, "exec", "python", "-V", cache=tmp_path / "file")
    assert done.returncode == 1
    assert "cannot be made: Not a directory; set XDG_CACHE_HOME to a directory" in done.stderr


def test_a_connector_file_that_is_not_there_is_told(say_bundle: Path, tmp_path: Path) -> None:
    done = run_bundle(say_bundle, "run", "gone.properties", cache=tmp_path)
    assert done.returncode == 1
    assert "`gone.properties` cannot be read: no such file or directory" in done.stderr


def test_several_first_starts_at_once_make_one_environment(
    say_bundle: Path, python: Path, tmp_path: Path
) -> None:
    def start(_: int) -> int:
        return run_bundle(say_bundle, "exec", "acme-say", python=python, cache=tmp_path).returncode

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(start, range(4))) == [0] * 4
    (directory,) = (tmp_path / "venvoy" / "bundles").iterdir()
    assert sorted(path.name for path in directory.iterdir() if path.name != "lock")[1:] == []


def test_a_half_made_environment_of_an_earlier_boot_is_made_again(
    say_bundle: Path, python: Path, tmp_path: Path
) -> None:
    run_bundle(say_bundle, "exec", "acme-say", python=python, cache=tmp_path)
    (directory,) = (tmp_path / "venvoy" / "bundles").iterdir()
    (environment,) = (path for path in directory.iterdir() if path.is_dir())
    (environment / "receipt.json").write_text('{"schema": 1, "boot": "another"}')
    (environment / "flushed").unlink(missing_ok=True)
    (module,) = environment.rglob("acme_words.py")
    module.write_bytes(b"")
    done = run_bundle(say_bundle, "exec", "acme-say", python=python, cache=tmp_path)
    assert done.returncode == 0
    assert module.read_bytes() != b""


def test_an_environment_of_the_store_is_used_where_there_is_one(
    say_bundle: Path, venvoy_store: Path, python: Path, tmp_path: Path
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    shutil.copy(say_bundle, place)
    assert main_without_exit(["plugins", "sync", "--plugin-path", str(place), "--offline"]) == 0
    for _ in range(2):
        done = run_bundle(
            say_bundle, "exec", "acme-say", python=python, cache=tmp_path, store=venvoy_store
        )
        assert json.loads(done.stdout)["prefix"].startswith(str(venvoy_store / "environments"))


def test_a_python_that_is_no_target_is_refused_by_name(say_bundle: Path, tmp_path: Path) -> None:
    other = "3.13" if sys.version_info[1] != 13 else "3.12"
    python = python_or_skip(other)
    extra = {"PATH": "/usr/bin:/bin", "VENVOY_BUNDLE_PYTHON": "none"}
    done = run_bundle(say_bundle, "exec", "acme-say", python=python, cache=tmp_path, extra=extra)
    assert done.returncode == 1
    assert f"the bundle is for cp3{sys.version_info[1]}-" in done.stderr


def test_a_python_on_the_path_that_does_not_start_is_passed_over(
    say_bundle: Path, python: Path, tmp_path: Path
) -> None:
    """As a shim of pyenv for a version that is not chosen."""
    other = python_or_skip("3.13" if sys.version_info[1] != 13 else "3.12")
    name = f"python3.{sys.version_info[1]}"
    shims, good = tmp_path / "shims", tmp_path / "good"
    shims.mkdir()
    good.mkdir()
    (shims / name).write_text("#!/bin/sh\necho 'command not found' >&2\nexit 127\n")
    (shims / name).chmod(0o755)
    (good / name).symlink_to(python)
    extra = {"PATH": f"{shims}:{good}:/usr/bin:/bin"}
    done = run_bundle(say_bundle, "exec", "acme-say", python=other, cache=tmp_path, extra=extra)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["arguments"] == []


def test_usage_errors_exit_2(say_bundle: Path, python: Path, tmp_path: Path) -> None:
    done = run_bundle(say_bundle, "frobnicate", python=python, cache=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert run_bundle(say_bundle, "--help", python=python, cache=tmp_path).returncode == 0


def test_an_unknown_program_is_named(say_bundle: Path, python: Path, tmp_path: Path) -> None:
    for name in ("nothing", "../bin/python", ".."):
        done = run_bundle(say_bundle, "exec", name, cache=tmp_path)
        assert done.returncode == 1
        assert f"no program {name}" in done.stderr


def test_a_damaged_bundle_makes_no_environment(
    say_bundle: Path, python: Path, tmp_path: Path
) -> None:
    data = bytearray(say_bundle.read_bytes())
    place = data.index(b"acme_words-2.0-py3-none-any.whl") + 200
    data[place] ^= 0xFF
    damaged = tmp_path / "damaged.pyz"
    damaged.write_bytes(data)
    for command in (["exec", "acme-say"], ["check"], []):
        done = run_bundle(damaged, *command, python=python, cache=tmp_path)
        assert done.returncode == 1
        assert "cannot be used" in done.stderr
    made = [path for path in (tmp_path / "venvoy").rglob("*") if path.name != "lock"]
    assert [path for path in made if path.is_file()] == []


def test_a_source_writes_json_lines_and_goes_on_from_its_offsets(
    say_bundle: Path, python: Path, tmp_path: Path
) -> None:
    config = tmp_path / "say.properties"
    config.write_text(
        "name=say\nconnector.class=Say\\\n  Source\nconnector.version=[1.0,2)\ntopic=t\n"
    )
    offsets = tmp_path / "offsets.json"
    done = run_bundle(
        say_bundle, "run", str(config), "--offsets", str(offsets), python=python, cache=tmp_path
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["value"]["word"] for line in lines] == ["one", "two", "Straße"]
    assert lines[0] == {
        "topic": "t",
        "partition": None,
        "key": "one",
        "value": {"word": "one", "number": 1},
        "headers": [["from", "acme"]],
        "timestamp": None,
    }
    assert "a stray print" in done.stderr
    assert json.loads(offsets.read_text()) == [[{"words": 1}, {"next": 3}]]
    again = run_bundle(
        say_bundle, "run", str(config), "--offsets", str(offsets), python=python, cache=tmp_path
    )
    assert (again.returncode, again.stdout) == (0, "")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere/offsets.json", "there is no `"),
        (".", "it may not be written"),
        ("say.properties", "holds no offsets\n  name a new file"),
    ],
)
def test_offsets_that_cannot_be_kept_are_refused_before_the_first_record(
    say_bundle: Path, python: Path, tmp_path: Path, name: str, said: str
) -> None:
    config = tmp_path / "say.properties"
    config.write_text("name=say\nconnector.class=SaySource\ntopic=t\n")
    offsets = str(tmp_path / name)
    done = run_bundle(
        say_bundle, "run", str(config), "--offsets", offsets, python=python, cache=tmp_path
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_sink_reads_what_a_source_wrote_through_a_transformation(
    say_bundle: Path, python: Path, tmp_path: Path
) -> None:
    config = tmp_path / "hear.json"
    config.write_text(
        json.dumps(
            {
                "name": "hear",
                "config": {
                    "connector.class": "acme_say.SaySink",
                    "topics": "t",
                    "file": str(tmp_path / "heard"),
                    "transforms": "route",
                    "transforms.route.type": "RegexRouter",
                    "transforms.route.regex": "(.*)",
                    "transforms.route.replacement": "$1-heard",
                },
            }
        )
    )
    lines = '{"topic":"t","key":"k","value":{"a":1},"headers":[["h",2]]}\n\n{"topic":"t"}\n'
    done = run_bundle(say_bundle, "run", str(config), python=python, cache=tmp_path, stdin=lines)
    assert done.returncode == 0, done.stderr
    heard = [json.loads(line) for line in (tmp_path / "heard").read_text().splitlines()]
    assert heard == [["t-heard", 0, "k", {"a": 1}, [["h", 2]]], ["t-heard", 1, None, None, []]]
    done = run_bundle(say_bundle, "run", str(config), python=python, cache=tmp_path, stdin="{}\n")
    assert done.returncode == 1
    assert "line 1 of stdin is no record" in done.stderr


def test_a_sink_is_given_the_bytes_that_a_source_with_its_converters_wrote(
    say_bundle: Path, python: Path, tmp_path: Path
) -> None:
    converters = "key.converter=StringConverter\nvalue.converter=JsonConverter\n"
    converters += "value.converter.schemas.enable=false\nheader.converter=StringConverter\n"
    source, sink = tmp_path / "say.properties", tmp_path / "hear.properties"
    source.write_text(f"name=say\nconnector.class=SaySource\ntopic=t\n{converters}")
    heard = tmp_path / "heard"
    sink.write_text(f"name=hear\nconnector.class=SaySink\ntopics=t\nfile={heard}\n{converters}")
    said = run_bundle(say_bundle, "run", str(source), python=python, cache=tmp_path)
    lines = said.stdout + '{"topic":"t","key":{"base64":"aGk="},"value":{"base64":"aGk="}}\n'
    done = run_bundle(say_bundle, "run", str(sink), python=python, cache=tmp_path, stdin=lines)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in heard.read_text().splitlines()]
    assert [row[2] for row in rows] == ["one", "two", "Straße", "hi"]
    assert rows[0][4] == [["from", "acme"]]
    assert rows[3][3] == {"base64": "aGk="}


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("connector.class=say\n", 'Missing required configuration "topic"'),
        ("connector.class=Nobody\ntopic=t\n", "has no source or sink `Nobody`\n  it has acme_say."),
        ("connector.class=say\nconnector.version=2\ntopic=t\n", "in version 1.0, and `2` is asked"),
        ("connector.class=Say\ntopic=t\n", "did you mean `say`?"),
        ("connector.class=say\nconnector.version=>=1.0.1\ntopic=t\n", "and `>=1.0.1` is asked"),
        ("connector.class=say\nconnector.version=^1\ntopic=t\n", "did you mean `>=1,<2`?"),
        ("connector.class=JsonConverter\ntopic=t\n", "a header_converter and no source or sink"),
        ("topic=t\n", "`connector.class` is missing"),
        ("connector.class=say\ntopic=t\ntasks.max=x\n", "`tasks.max` is `x`"),
    ],
)
def test_a_bad_connector_file_is_told(
    say_bundle: Path, python: Path, tmp_path: Path, lines: str, told: str
) -> None:
    config = tmp_path / "bad.properties"
    config.write_text(f"name=bad\n{lines}")
    done = run_bundle(say_bundle, "run", str(config), python=python, cache=tmp_path)
    assert done.returncode == 1
    assert told in done.stderr
    assert done.stdout == ""


def test_run_uses_the_bundles_own_api_and_environment(
    say_bundle: Path, python: Path, tmp_path: Path
) -> None:
    config = tmp_path / "where.properties"
    config.write_text("name=say\nconnector.class=say\ntopic=t\nwhere=1\n")
    done = run_bundle(say_bundle, "run", str(config), python=python, cache=tmp_path)
    told = json.loads(done.stdout.splitlines()[0])["value"]
    (directory,) = (tmp_path / "venvoy" / "bundles").iterdir()
    assert told["api"] == str(directory / "api" / "venvoy_api" / "__init__.py")
    assert told["prefix"].startswith(str(directory))


def test_run_puts_in_what_variables_stand_for_and_refuses_the_others(
    say_bundle: Path, python: Path, tmp_path: Path
) -> None:
    config = tmp_path / "say.properties"
    plain = "name=say\nconnector.class=say\ntopic=${env:TOPIC}\n"
    config.write_text(f"config.providers=env\n{plain}")
    ways = {"python": python, "cache": tmp_path, "extra": {"TOPIC": "t1"}}
    done = run_bundle(say_bundle, "run", str(config), **ways)  # type: ignore[arg-type]
    assert {json.loads(line)["topic"] for line in done.stdout.splitlines()} == {"t1"}
    config.write_text(plain)
    done = run_bundle(say_bundle, "run", str(config), **ways)  # type: ignore[arg-type]
    assert done.returncode == 1
    assert done.stderr == (
        "error: `topic` is ${env:TOPIC}: no config provider is called `env`:"
        " `config.providers` names none\n"
        "  correct it, give it a value, or name its provider in `config.providers`\n"
    )
    config.write_text(f"config.providers=env\n{plain}")
    done = run_bundle(say_bundle, "run", str(config), **{**ways, "extra": {}})  # type: ignore[arg-type]
    assert "the environment variable TOPIC is not set" in done.stderr
