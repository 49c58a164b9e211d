"""An empty plugin path means the worker's own environment (KIP-146); the API wins there too."""

import json
import subprocess
import sys
import sysconfig
import time
import venv
import zipfile
from pathlib import Path

import httpx
import pytest

from tests.ports import free_port
from tests.wheel_maker import make_wheel

ROOT = Path(__file__).parents[2]
PLUGIN = """
from pathlib import Path
import sys
from venvoy_api import ConfigDef, SourceConnector, SourceRecord, SourceTask

class Own(SourceConnector):
    def start(self, props): self.props = props
    def stop(self): pass
    def task_class(self): return OwnTask
    def task_configs(self, max_tasks): return [self.props]
    def config(self): return ConfigDef()

class OwnTask(SourceTask):
    told = False
    def start(self, props): self.props = props
    def stop(self): pass
    def drained(self): return self.told
    def poll(self):
        if self.told:
            return None
        self.told = True
        Path(self.props["out"]).write_text(sys.prefix)
        return [SourceRecord({}, {}, "t", value=sys.prefix)]
"""


def own_environment(directory: Path, *, editable: Path | None = None) -> Path:
    """A virtualenv in which venvoy (from here) and one plugin are installed; return its python.

    An `editable` one's module lies there, and a `.pth` file says so, as `pip install -e` has it.
    """
    venv.create(directory, symlinks=True, with_pip=False)
    site_packages = next((directory / "lib").glob("python3.*")) / "site-packages"
    paths = (str(ROOT), sysconfig.get_path("purelib"))
    (site_packages / "application.pth").write_text("\n".join(paths))
    wheel = make_wheel(
        directory,
        "acme-own",
        "3.1",
        files={"acme_own.py": PLUGIN},
        entry_points={"venvoy.source": {"own": "acme_own:Own"}},
        requires=["venvoy-api>=1"],
    )
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site_packages)
    if editable is not None:
        editable.mkdir()
        (site_packages / "acme_own.py").rename(editable / "acme_own.py")
        (site_packages / "__editable__.acme_own.pth").write_text(f"{editable}\n")
    return directory / "bin" / "python"


def venvoy(python: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    script = "from launcher.cli import main; main()"
    return subprocess.run(
        [python, "-c", script, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=python.parent.parent.parent,
    )


def test_nothing_is_locked_or_synced_in_the_workers_own_environment(tmp_path: Path) -> None:
    python = own_environment(tmp_path / "application")
    for command in ("lock", "sync"):
        done = venvoy(python, "plugins", command, "--offline", "--plugin-path", "", "--json")
        (error,) = json.loads(done.stdout)["errors"]
        assert (done.returncode, error["code"]) == (1, "unisolated")
    assert not (tmp_path / "application" / "pylock.toml").exists()
    done = venvoy(python, "plugins", "list", "--plugin-path", "", "--json")
    data = json.loads(done.stdout)["data"]
    states = [(row["class"], row["state"]) for row in data["plugins"] if row["shape"] == "worker"]
    assert states == [("acme_own.Own", "unisolated")]
    assert [warning["code"] for warning in data["warnings"]] == ["unisolated"]


@pytest.mark.parametrize("editable", [False, True], ids=["installed", "editable"])
def test_plugins_come_from_the_workers_own_environment(tmp_path: Path, editable: bool) -> None:
    source = tmp_path / "source" if editable else None
    python = own_environment(tmp_path / "application", editable=source)
    worker, connector = tmp_path / "w.properties", tmp_path / "c.properties"
    worker.write_text("")
    connector.write_text(f"name=c\nconnector.class=own\nout={tmp_path / 'out'}\n")
    done = venvoy(python, "run", str(worker), str(connector), "--json")
    assert done.stderr.startswith("warning: the plugin path is empty: plugins come from")
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)["data"]
    assert (row["class"], row["version"], row["records_out"]) == ("acme_own.Own", "3.1", 1)
    assert Path((tmp_path / "out").read_text()) == tmp_path / "application"
    assert sys.prefix != str(tmp_path / "application")


def test_a_plan_and_which_know_the_workers_own_environment(tmp_path: Path) -> None:
    python = own_environment(tmp_path / "application")
    url = f"http://127.0.0.1:{free_port()}"
    worker, connector = tmp_path / "w.properties", tmp_path / "c.properties"
    worker.write_text(f"listeners={url}\n")
    connector.write_text(f"name=c\nconnector.class=own\nout={tmp_path / 'out'}\n")
    script = "from launcher.cli import main; main()"
    command = [str(python), "-c", script, "standalone", str(worker), str(connector)]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 120
        while '"tasks":[{' not in answer(f"{url}/connectors/c/status"):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        done = venvoy(python, "connectors", "plan", "c", "--url", url, "--json")
        plan = json.loads(done.stdout)["data"]
        held = venvoy(python, "which", "acme-own", "--plugin-path", "", "--url", url, "--json")
        process.terminate()
        process.communicate(timeout=120)
    assert (plan["packages"], plan["config"], plan["problems"]) == ([], [], [])
    assert (plan["stages"][0]["version_after"], plan["restarts"]) == ("3.1", ["c"])
    found = json.loads(held.stdout)["data"]
    assert [one["version"] for one in found["holders"]] == ["3.1"]
    assert [one["connector"] for one in found["users"]] == ["c"]


def answer(url: str) -> str:
    """What a worker answers, empty as long as it does not."""
    try:
        return httpx.get(url).text
    except httpx.TransportError:
        return ""
