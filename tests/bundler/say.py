"""A small plugin as wheels, a location of them with its lock, and its bundle: all offline."""

import os
import subprocess
import sys
from pathlib import Path

from launcher.cli import main_without_exit
from tests.wheel_maker import make_wheel

REPOSITORY = Path(__file__).parents[2]

SOURCE = """\
import json
import sys
from pathlib import Path

import acme_words
import venvoy_api


class SaySource(venvoy_api.SourceConnector):
    def start(self, props):
        self.props = props

    def stop(self):
        pass

    def task_class(self):
        return SayTask

    def task_configs(self, max_tasks):
        return [dict(self.props)]

    def config(self):
        definition = venvoy_api.ConfigDef()
        return definition.define("topic", venvoy_api.ConfigType.STRING, documentation="Where to.")

    def version(self):
        return "1.0"


class SayTask(venvoy_api.SourceTask):
    def start(self, props):
        self.props = props
        offset = self.context.offset_storage_reader().offset({"words": 1})
        self.next = 0 if offset is None else offset["next"]

    def poll(self):
        print("a stray print")
        if self.next >= len(acme_words.WORDS):
            return None
        word = acme_words.WORDS[self.next]
        self.next += 1
        value = {"word": word, "number": self.next}
        if self.props.get("where"):
            value = {"api": venvoy_api.__file__, "prefix": sys.prefix}
        record = venvoy_api.SourceRecord(
            {"words": 1}, {"next": self.next}, self.props["topic"], None, None, word, None, value
        )
        record.headers.add("from", "acme")
        return [record]

    def drained(self):
        return self.next >= len(acme_words.WORDS)

    def stop(self):
        pass

    def version(self):
        return "1.0"


class SaySink(venvoy_api.SinkConnector):
    def start(self, props):
        self.props = props

    def stop(self):
        pass

    def task_class(self):
        return SaySinkTask

    def task_configs(self, max_tasks):
        return [dict(self.props)]

    def config(self):
        return venvoy_api.ConfigDef()

    def version(self):
        return "1.0"


class SaySinkTask(venvoy_api.SinkTask):
    def start(self, props):
        self.file = Path(props["file"])

    def put(self, records):
        with self.file.open("a") as stream:
            for one in records:
                headers = [[each.key, each.value] for each in one.headers]
                stream.write(json.dumps([one.topic, one.offset, one.key, one.value, headers]))
                stream.write("\\n")

    def stop(self):
        pass

    def version(self):
        return "1.0"
"""

PROGRAM = """\
import json
import sys

import acme_words


def main():
    print(json.dumps({"arguments": sys.argv[1:], "prefix": sys.prefix, "path": sys.path}))
"""

ENTRY_POINTS = {
    "venvoy.source": {"say": "acme_say:SaySource"},
    "venvoy.sink": {"hear": "acme_say:SaySink"},
    "console_scripts": {"acme-say": "acme_tell:main"},
}


def make_say_location(place: Path) -> Path:
    """Write the location `say`, a directory of wheels that is locked for this Python."""
    location = place / "say"
    make_wheel(
        location,
        "acme-say",
        "1.0",
        files={"acme_say.py": SOURCE, "acme_tell.py": PROGRAM},
        requires=["acme-words>=2", "venvoy-api>=1"],
        entry_points=ENTRY_POINTS,
    )
    make_wheel(
        location, "acme-words", "2.0", files={"acme_words.py": 'WORDS = ["one", "two", "Straße"]\n'}
    )
    assert main_without_exit(["plugins", "lock", "--plugin-path", str(place), "--offline"]) == 0
    return location


def run_bundle(
    bundle: Path,
    *arguments: str,
    python: Path | str | None = None,
    cache: Path,
    store: Path | None = None,
    stdin: str = "",
    extra: dict[str, str] | None = None,
) -> "subprocess.CompletedProcess[str]":
    """Run a bundle by a Python, or by its own first line when that is None."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}" if python is None else ""
    environ = {
        "HOME": str(cache / "home"),
        "XDG_CACHE_HOME": str(cache),
        "XDG_DATA_HOME": str(cache / "data"),
        "PATH": path or os.environ["PATH"],
        "LC_ALL": "C.UTF-8",
    }
    if store is not None:
        environ["VENVOY_STORE"] = str(store)
    command = [str(bundle)] if python is None else [str(python), str(bundle)]
    return subprocess.run(
        [*command, *arguments],
        env={**environ, **(extra or {})},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
