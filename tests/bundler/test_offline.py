"""Offline that is offline: nothing is asked, what is missing is told by name and hash."""

import http.server
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from manager.digests import file_sha256
from tests.bundler.supply import Machine, make_index, make_numbers_project, make_numbers_wheels
from tests.wheel_maker import make_wheel


class Listener(http.server.ThreadingHTTPServer):
    """An index that counts who knocks."""

    knocked = 0

    def verify_request(self, request: object, client_address: object) -> bool:
        self.knocked += 1
        return False


@pytest.fixture
def listener() -> Iterator[Listener]:
    server = Listener(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "machine")


def locked_to_url(machine: Machine, url: str) -> tuple[Path, str]:
    """A directory of wheels whose lock, as another tool writes it, has its dependency at a URL."""
    directory = make_numbers_wheels(machine.plugins / "acme")
    (own,) = directory.glob("*.whl")
    oldlib = make_wheel(machine.directory / "elsewhere", "oldlib", "1.0")
    sha256 = file_sha256(oldlib)
    (directory / "pylock.toml").write_text(
        f"""lock-version = "1.0"
created-by = "another"
[[packages]]
name = "acme-numbers"
version = "1.0"
wheels = [{{name = "{own.name}", path = "{own.name}", hashes = {{sha256 = "{file_sha256(own)}"}}}}]
[[packages]]
name = "oldlib"
version = "1.0"
[[packages.wheels]]
name = "{oldlib.name}"
url = "{url}/{oldlib.name}"
hashes = {{sha256 = "{sha256}"}}
"""
    )
    return oldlib, sha256


def test_a_url_in_a_lock_is_refused_and_not_tried(machine: Machine, listener: Listener) -> None:
    url = f"http://user:secret@127.0.0.1:{listener.server_port}"
    oldlib, sha256 = locked_to_url(machine, url)
    told = machine.plugins_command("sync", "--offline", code=1)
    assert told.codes == ["network-forbidden"]
    assert oldlib.name in told.stdout
    assert sha256 in told.stdout
    assert "packages.oldlib.wheels.url" in told.stdout
    assert str(machine.plugins / "acme" / "pylock.toml") in told.stdout
    assert "secret" not in told.stdout
    assert listener.knocked == 0


def test_the_same_url_is_asked_when_not_offline(machine: Machine, listener: Listener) -> None:
    locked_to_url(machine, f"http://127.0.0.1:{listener.server_port}")
    env = {"PIP_RETRIES": "0", "NO_PROXY": "*"}
    told = machine.venvoy(
        "plugins", "sync", "--json", "--plugin-path", machine.plugins, code=1, env=env
    )
    assert told.codes == ["missing-wheels"]
    assert listener.knocked > 0


def test_a_locked_url_does_not_matter_when_the_wheel_is_at_hand(
    machine: Machine, listener: Listener
) -> None:
    oldlib, _ = locked_to_url(machine, f"http://127.0.0.1:{listener.server_port}")
    house = machine.plugins / "acme" / "wheels"
    house.mkdir()
    shutil.copy(oldlib, house)
    told = machine.plugins_command("sync", "--offline", "--frozen", code=None)
    assert "network" not in told.stdout
    assert listener.knocked == 0


@pytest.mark.parametrize("where", ["variable", "file"])
def test_pips_configuration_is_refused_by_its_key_and_not_tried(
    machine: Machine, listener: Listener, where: str
) -> None:
    locked_to_url(machine, "file:///nowhere")
    url = f"http://127.0.0.1:{listener.server_port}/simple"
    configuration = machine.directory / "pip.conf"
    configuration.write_text(f"[global]\nindex-url = {url}\n")
    env = {"PIP_INDEX_URL": url} if where == "variable" else {"PIP_CONFIG_FILE": str(configuration)}
    told = machine.venvoy(
        "plugins", "sync", "--json", "--offline", "--plugin-path", machine.plugins, code=1, env=env
    )
    assert told.codes == ["network-forbidden"]
    assert url in told.stdout
    named = "PIP_INDEX_URL" if where == "variable" else "global.index-url"
    assert named in told.stdout
    assert listener.knocked == 0


def test_what_is_missing_is_listed_for_each_plugin_at_once(tmp_path: Path) -> None:
    near = Machine(tmp_path / "near", index=make_index(tmp_path / "index"))
    make_numbers_wheels(near.plugins / "one")
    make_numbers_wheels(near.plugins / "two")
    near.plugins_command("lock")
    far = Machine(tmp_path / "far")
    for name in ("one", "two"):
        shutil.copytree(near.plugins / name, far.plugins / name)
    told = far.plugins_command("sync", "--offline", "--frozen", code=1)
    assert told.codes == ["missing-wheels", "missing-wheels"]
    missing = r"lacks oldlib-1\.0-py3-none-any\.whl \(sha256 [0-9a-f]{64}\)"
    assert all(re.search(missing, message) for message in told.messages)


def test_no_process_of_an_offline_sync_connects_or_asks_for_a_name(tmp_path: Path) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("no `strace` on this machine")
    near = Machine(tmp_path / "near", index=make_index(tmp_path / "index"))
    make_numbers_project(near.plugins / "project")
    near.plugins_command("vendor")
    far = Machine(tmp_path / "far")
    shutil.copytree(near.plugins / "project", far.plugins / "project")
    log = tmp_path / "calls"
    before = [strace, "-f", "-qq", "-e", "trace=connect,sendto,sendmsg", "-o", str(log)]
    if subprocess.run([*before, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this process may not be traced")
    arguments = ("plugins", "sync", "--offline", "--frozen", "--plugin-path", far.plugins)
    far.venvoy(*arguments, before=before)
    outward = [line for line in log.read_text().splitlines() if "AF_INET" in line]
    assert outward == []


def test_a_frozen_sync_names_the_lock_and_the_requirement_that_changed(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "near", index=make_index(tmp_path / "index"))
    directory = make_numbers_project(machine.plugins / "project")
    machine.plugins_command("lock")
    lock = (directory / "pylock.toml").read_bytes()
    project = directory / "pyproject.toml"
    project.write_text(project.read_text().replace('["oldlib",', '["oldlib", "tinymore>=3",'))
    told = machine.plugins_command("sync", "--frozen", code=1)
    assert told.codes == ["stale-lock"]
    assert str(directory / "pylock.toml") in told.stdout
    assert "the requirement `tinymore>=3` is new" in told.stdout
    assert (directory / "pylock.toml").read_bytes() == lock


def test_a_frozen_sync_names_the_build_requirement_that_changed(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "near", index=make_index(tmp_path / "index"))
    directory = make_numbers_project(machine.plugins / "project")
    machine.plugins_command("vendor")
    project = directory / "pyproject.toml"
    project.write_text(project.read_text().replace("tinybuild>=1", "tinybuild>=1.1"))
    told = machine.plugins_command("sync", "--frozen", code=1)
    assert told.codes == ["stale-lock"]
    assert "the build requirement `tinybuild>=1.1` is new" in told.stdout


def test_a_frozen_sync_names_the_target_that_is_missing(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "near", index=make_index(tmp_path / "index"))
    make_wheel(tmp_path / "index", "oldlib", "1.0")
    directory = make_numbers_wheels(machine.plugins / "acme")
    machine.plugins_command("lock", "--target", "cp310-win_amd64")
    lock = (directory / "pylock.toml").read_text()
    assert '"cp310-win_amd64"' in lock
    told = machine.plugins_command("sync", "--frozen", code=1)
    assert told.codes == ["lock-target"]
    assert "it is for cp310-win_amd64" in told.stdout
