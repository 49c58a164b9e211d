"""What pip is asked and what becomes of its answers, with real wheels and no index."""

import http.server
import os
import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from manager.interpreters.interpreter import Interpreter
from manager.locks.pip import PipSettings, pip_environment, source_options
from manager.locks.pip_reasons import reason_of
from manager.locks.resolution import (
    ResolutionError,
    ResolvedPackage,
    UnreachableIndexError,
    Wanted,
    resolve,
)
from manager.plugins.distributions import Distribution
from manager.plugins.locations import Location, Shape
from manager.plugins.tool_settings import ToolSettings
from manager.proc import Completed
from tests.wheel_maker import make_wheel

Resolve = Callable[..., dict[str, str]]


def wanted(tmp_path: Path, *requires: str, settings: ToolSettings, api: str | None) -> Wanted:
    place = tmp_path / "plugins"
    distribution = Distribution(
        name="acme",  # type: ignore[arg-type]  # a normalised name
        version=Version("1.4"),
        requires_python=SpecifierSet(">=3.9"),
        requires=tuple(map(Requirement, requires)),
        api_requirement=None if api is None else SpecifierSet(api),
        entry_points=(),
        source=place / "acme",
    )
    location = Location(path=place / "acme", shape=Shape.PROJECT, place=place, place_index=0)
    return Wanted(
        location=location, distributions=(distribution,), settings=settings, api=Version("1.0.0")
    )


@pytest.fixture
def resolve_here(tmp_path: Path, python311: Interpreter) -> Resolve:
    """Resolve from `tmp_path/wheelhouse` alone; returns versions by name."""

    def ask(
        *requires: str,
        settings: ToolSettings = ToolSettings(),  # noqa: B008  # frozen
        api: str | None = None,
        interpreter: Interpreter = python311,
    ) -> dict[str, str]:
        pip = PipSettings(
            interpreter=interpreter,
            inherited=dict(os.environ),
            offline=True,
            find_links=(tmp_path / "wheelhouse",),
        )
        scratch_dir = tmp_path / f"scratch-{len(list(tmp_path.iterdir()))}"
        scratch_dir.mkdir()
        packages: tuple[ResolvedPackage, ...] = resolve(
            wanted(tmp_path, *requires, settings=settings, api=api),
            pip=pip,
            scratch_dir=scratch_dir,
        )
        return {package.name: str(package.version) for package in packages}

    return ask


@pytest.fixture
def wheelhouse(tmp_path: Path) -> Path:
    """a wants c<2, b wants c>=2; needs-missing wants what nobody has."""
    directory = tmp_path / "wheelhouse"
    make_wheel(directory, "a", "1.0", requires=["c<2"])
    make_wheel(directory, "b", "1.0", requires=["c>=2"])
    make_wheel(directory, "c", "1.0")
    make_wheel(directory, "c", "2.0", requires=["d"])
    make_wheel(directory, "d", "1.0")
    make_wheel(directory, "needs-missing", "1.0", requires=["nothere>=3"])
    make_wheel(directory, "needs-api", "1.0", requires=["venvoy-api>=1"])
    make_wheel(directory, "wants-api-2", "1.0", requires=["venvoy-api>=2"])
    make_wheel(directory, "old", "1.0", requires=["c; python_version < '3.10'"])
    return directory


@pytest.mark.usefixtures("wheelhouse")
def test_requirements_are_resolved_with_what_they_require(resolve_here: Resolve) -> None:
    assert resolve_here("b") == {"b": "1.0", "c": "2.0", "d": "1.0"}


def test_a_plugin_without_requirements_needs_nothing(resolve_here: Resolve) -> None:
    assert resolve_here() == {}


@pytest.mark.usefixtures("wheelhouse")
def test_the_api_is_provided_and_never_among_the_packages(resolve_here: Resolve) -> None:
    assert resolve_here("needs-api", api=">=1,<2") == {"needs-api": "1.0"}


@pytest.mark.usefixtures("wheelhouse")
def test_a_dependency_that_needs_another_api_is_told_so(resolve_here: Resolve) -> None:
    with pytest.raises(ResolutionError) as caught:
        resolve_here("wants-api-2")
    assert "venvoy-api 1.0.0" in caught.value.message
    assert "wants-api-2 1.0 depends on venvoy-api>=2" in caught.value.message
    assert "venvoy-api" in caught.value.hint


@pytest.mark.usefixtures("wheelhouse")
def test_an_extra_requirement_is_resolved_too(resolve_here: Resolve) -> None:
    settings = ToolSettings(extra=(Requirement("c<2"),))
    assert resolve_here(settings=settings) == {"c": "1.0"}


@pytest.mark.usefixtures("wheelhouse")
def test_an_override_takes_the_place_of_the_plugins_own_requirement(resolve_here: Resolve) -> None:
    settings = ToolSettings(override=(Requirement("c>=2"),))
    assert resolve_here("c<2", settings=settings) == {"c": "2.0", "d": "1.0"}


@pytest.mark.usefixtures("wheelhouse")
@pytest.mark.parametrize("requires", ["b", "c"])
def test_an_override_that_does_not_apply_here_leaves_its_package_out(
    resolve_here: Resolve, requires: str
) -> None:
    settings = ToolSettings(override=(Requirement("c; sys_platform == 'never'"),))
    assert "c" not in resolve_here(requires, settings=settings)
    both = (*settings.override, Requirement("c<2; sys_platform == 'linux'"))
    assert resolve_here(requires, settings=ToolSettings(override=both))["c"] == "1.0"


@pytest.mark.usefixtures("wheelhouse")
def test_an_override_overrules_another_package(resolve_here: Resolve) -> None:
    settings = ToolSettings(override=(Requirement("c==2.0"),))
    assert resolve_here("a", settings=settings) == {"a": "1.0", "c": "2.0", "d": "1.0"}


@pytest.mark.usefixtures("wheelhouse")
def test_a_conflict_is_told_in_pips_words_and_names_the_plugin(resolve_here: Resolve) -> None:
    with pytest.raises(ResolutionError) as caught:
        resolve_here("a", "b")
    message = caught.value.message
    assert message.startswith("`acme 1.4` at `")
    assert message.endswith("a 1.0 depends on c<2; b 1.0 depends on c>=2")
    assert "override" in caught.value.hint


@pytest.mark.usefixtures("wheelhouse")
def test_both_sides_of_a_conflict_within_one_package_are_told(resolve_here: Resolve) -> None:
    with pytest.raises(ResolutionError) as caught:
        resolve_here("c<2", "c>=2")
    assert caught.value.reason == "acme 1.4 depends on c<2; acme 1.4 depends on c>=2"


def test_yanked_versions_are_no_reason() -> None:
    said = (
        "ERROR: Ignored the following yanked versions: 1.25, 2.0.1",
        "ERROR: Could not find a version that satisfies the requirement c==99 (from versions: 1)",
        "ERROR: No matching distribution found for c==99",
    )
    done = Completed(argv=(), returncode=1, stdout="", stderr="\n".join(said))
    assert reason_of(done) == "no version meets c==99 (there are: 1)"


@pytest.mark.parametrize(
    ("wanted_version", "reason"),
    [
        (">=99", "no version meets c>=99 (from acme) (there are: 1)"),
        (
            ">=2.5",
            (
                "no version meets c>=2.5 (from acme) (there are: 1), and for other Pythons,"
                " such as 2.10, which needs Python >=3.12,!=3.13.0"
            ),
        ),
    ],
)
def test_versions_for_another_python_are_a_reason_where_they_would_do(
    wanted_version: str, reason: str
) -> None:
    said = (
        (
            "ERROR: Ignored the following versions that require a different python version: "
            "1.21 Requires-Python >=3.7,<3.11; 2.10 Requires-Python >=3.12,!=3.13.0;"
            " 2.5 Requires-Python >=3.12"
        ),
        (
            "ERROR: Could not find a version that satisfies the requirement"
            f" c{wanted_version} (from acme) (from versions: 1)"
        ),
        f"ERROR: No matching distribution found for c{wanted_version} (from acme)",
    )
    done = Completed(argv=(), returncode=1, stdout="", stderr="\n".join(said))
    assert reason_of(done) == reason


def test_a_compilers_errors_come_before_what_tells_that_there_were_some() -> None:
    said = (
        "  \N{MULTIPLICATION SIGN} Building wheel for acme (pyproject.toml) did not run.",
        "  ╰─> [7 lines of output]",
        "      In file included from Modules/acme.c:3:",
        "      Modules/common.h:15:10: fatal error: acme.h: No such file or directory",
        "         15 | #include <acme.h>",
        "            |          ^~~~~~~~",
        "      compilation terminated.",
        "      error: Command '['gcc', '-c']' returned non-zero exit status 1.",
        "      [end of output]",
        "  ERROR: Failed building wheel for acme",
    )
    done = Completed(argv=(), returncode=1, stdout="", stderr="\n".join(said))
    reason = "Modules/common.h:15:10: fatal error: acme.h: No such file or directory"
    assert reason_of(done) == reason


def test_a_conflict_with_many_versions_of_a_package_is_told_once(
    wheelhouse: Path, resolve_here: Resolve
) -> None:
    for minor in range(5):
        make_wheel(wheelhouse, "many", f"1.{minor}", requires=["c>=2"])
    with pytest.raises(ResolutionError) as caught:
        resolve_here("c<2", "many")
    assert caught.value.reason == (
        "acme 1.4 depends on c<2; many 1.4 depends on c>=2 (and so on for 5 versions)"
    )


@pytest.mark.usefixtures("wheelhouse")
@pytest.mark.parametrize(
    ("requirement", "reason"),
    [
        ("c>=3", "no version meets c>=3 (from acme) (there are: 1.0, 2.0)"),
        ("nope", "nothing is there for nope (from acme)"),
        ("needs-missing", "nothing is there for nothere>=3 (from needs-missing)"),
    ],
)
def test_a_requirement_that_nothing_meets_is_named(
    resolve_here: Resolve, requirement: str, reason: str
) -> None:
    with pytest.raises(ResolutionError) as caught:
        resolve_here(requirement)
    assert caught.value.reason == reason


@pytest.mark.usefixtures("wheelhouse")
def test_markers_are_the_target_interpreters(
    resolve_here: Resolve, each_python: Path, interpreter_cache: Path
) -> None:
    from manager.interpreters.interpreter import probe  # noqa: PLC0415

    interpreter = probe(each_python, cache_dir=interpreter_cache)
    expected = {"old": "1.0"} | ({"c": "2.0", "d": "1.0"} if interpreter.minor == "3.9" else {})
    assert resolve_here("old", interpreter=interpreter) == expected


def test_an_index_that_does_not_answer_is_told_as_such(
    tmp_path: Path, python311: Interpreter
) -> None:
    inherited = dict(os.environ) | {
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_RETRIES": "1",
    }
    with pytest.raises(UnreachableIndexError) as caught:
        resolve(
            wanted(tmp_path, "requests", settings=ToolSettings(), api=None),
            pip=PipSettings(interpreter=python311, inherited=inherited),
            scratch_dir=tmp_path,
        )
    assert "`127.0.0.1` cannot be reached to look for requests" in caught.value.message


@pytest.fixture
def untrusted_server(tmp_path: Path) -> Iterator[str]:
    """A server whose certificate nobody signed."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl to make a certificate with")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # refusals are the point
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"https://localhost:{server.server_port}/simple"
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_index_that_is_not_trusted_is_told_as_such(
    tmp_path: Path, python311: Interpreter, untrusted_server: str
) -> None:
    inherited = dict(os.environ) | {"PIP_INDEX_URL": untrusted_server, "PIP_RETRIES": "0"}
    with pytest.raises(UnreachableIndexError) as caught:
        resolve(
            wanted(tmp_path, "requests", settings=ToolSettings(), api=None),
            pip=PipSettings(interpreter=python311, inherited=inherited),
            scratch_dir=tmp_path,
        )
    assert "the certificate of `localhost` is not trusted here" in caught.value.message


def test_offline_no_url_is_followed(tmp_path: Path, resolve_here: Resolve) -> None:
    url = "https://index.example/packages/x-1.0-py3-none-any.whl"
    with pytest.raises(UnreachableIndexError, match=r"127\.0\.0\.1:9"):
        resolve_here(f"x @ {url}")


def test_the_index_configuration_is_honoured_and_nothing_else_of_pip(
    python311: Interpreter,
) -> None:
    inherited = {
        "PATH": "/bin",
        "PIP_INDEX_URL": "https://index.example/simple",
        "PIP_TARGET": "/somewhere",
        "PYTHONPATH": "/elsewhere",
    }
    made = pip_environment(PipSettings(interpreter=python311, inherited=inherited))
    assert made["PIP_INDEX_URL"] == "https://index.example/simple"
    assert made["PYTHONNOUSERSITE"] == "1"
    assert not made.keys() & {"PIP_TARGET", "PYTHONPATH"}
    offline = pip_environment(PipSettings(interpreter=python311, inherited=inherited, offline=True))
    assert "PIP_INDEX_URL" not in offline
    assert offline["PIP_NO_INDEX"] == "1"


def test_exclude_newer_is_pips_uploaded_prior_to(python311: Interpreter, tmp_path: Path) -> None:
    settings = PipSettings(
        interpreter=python311,
        inherited={},
        find_links=(tmp_path,),
        exclude_newer=datetime(2026, 2, 1, tzinfo=UTC),
    )
    assert source_options(settings) == [
        f"--find-links={tmp_path}",
        "--uploaded-prior-to=2026-02-01T00:00:00+00:00",
    ]
