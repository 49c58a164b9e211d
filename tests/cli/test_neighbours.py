"""A location that fails, in whatever way and at whatever step, never stops its neighbours."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from tests.cli.conftest import Desk
from tests.cli.places import GOOD, put_plugin
from tests.wheel_maker import make_wheel

# Where each step begins; what is raised there is what nobody thought of.
STEPS = {
    "manager.plugins.location_content._content": "list lock sync vendor forecast check export",
    "manager.plugins.catalog._usable": "list sync",
    "manager.plugins.catalog._plugins": "list sync",
    "manager.sync.interpreter_for": "list sync",
    "manager.sync.sources_stamp": "sync",
    "manager.sync.own_wheels": "sync",
    "manager.sync.good_lock": "sync",
    "manager.sync._wheels": "sync",
    "manager.sync_forecast.forecast_sync": "forecast",
    "launcher.commands.plugin_commands.lock_location": "lock",
    "launcher.commands.supply_commands.vendor_location": "vendor",
    "bundler.checking_repository._stale": "check",
    "bundler.transfer.require_vendored": "export",
}
CASES = [(step, command) for step, commands in STEPS.items() for command in commands.split()]
ERRORS = (RuntimeError("nobody thought of it"), RecursionError(), KeyError("x"), OSError(5, "I/O"))


@pytest.fixture
def pair(desk: Desk) -> Desk:
    """A desk with a neighbour beside the good plugin."""
    put_plugin(GOOD, desk.place, version="2.0")
    assert desk.sync().code == 0
    return desk


def _command(desk: Desk, command: str) -> tuple[str, ...]:
    place = ("--plugin-path", str(desk.place))
    return {
        "list": ("plugins", "list", *place),
        "lock": ("plugins", "lock", "--offline", *place),
        "sync": ("plugins", "sync", "--offline", *place),
        "forecast": ("plugins", "sync", "--dry-run", "--offline", *place),
        "vendor": ("plugins", "vendor", "--offline", *place),
        "check": ("plugins", "check", *place),
        "export": ("export", *place, "-o", str(desk.directory / "x.tar")),
    }[command]


def _fail_for(name: str, real: Callable[..., object], error: Exception) -> Callable[..., object]:
    """Raise for the location of that name alone, wherever it stands among the arguments."""

    def step(*arguments: object, **options: object) -> object:
        if any(_is_of(argument, name) for argument in arguments):
            raise error
        return real(*arguments, **options)

    return step


def _is_of(argument: object, name: str) -> bool:
    location = getattr(argument, "location", argument)
    return getattr(location, "name", None) == name and isinstance(
        getattr(location, "path", None), Path
    )


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize(("step", "command"), CASES)
def test_whatever_is_raised_for_one_the_other_goes_on(
    pair: Desk, step: str, command: str, error: Exception
) -> None:
    module_name, _, name = step.rpartition(".")
    module = import_module(module_name)
    if step.endswith(("sources_stamp", "_wheels", "good_lock", "own_wheels")):
        pair.patch.setenv("VENVOY_STORE", str(pair.directory / "new-store"))  # nothing is known yet
    pair.patch.setattr(module, name, _fail_for(GOOD, getattr(module, name), error))
    said = pair.venvoy(*_command(pair, command))
    if command == "list" and step == "manager.sync.interpreter_for":
        assert said.code == 0  # what a look costs: the sync will tell
        return
    assert said.code == 1, said.err
    told = said.err + said.out
    assert GOOD in told
    assert "Traceback" not in told
    if command != "export":  # all or nothing: an archive without a location would be no archive
        assert f"{GOOD}-2.0" in said.out


def test_a_dependency_whose_requires_python_is_none_is_taken_as_pip_takes_it(pair: Desk) -> None:
    location = pair.place / "needy"
    make_wheel(
        location, "needy", "1.0",
        files={"needy.py": "import venvoy_api\nclass Any(venvoy_api.Transformation):\n"
               "    def apply(self, record): return record\n"
               "    def config(self): return venvoy_api.ConfigDef()\n"
               "    def configure(self, configs): pass\n    def close(self): pass\n"},
        entry_points={"venvoy.transformation": {"any": "needy:Any"}}, requires=["odd-one"],
    )  # fmt: skip
    make_wheel(location / "wheels", "odd-one", "1.0", requires_python=">=3.5.*")
    said = pair.sync()
    assert said.code == 0, said.err
    assert said.out.count(" ready\n") == 5
    assert (location / "pylock.toml").read_text().count("requires-python") <= 1
