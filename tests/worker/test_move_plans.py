"""Plans: what a move would change, told without anything that runs being touched."""

import shutil

import pytest

from launcher.interface.faults import NotFoundError, RequestError
from launcher.interface.motion import ConfigChange, PackageChange
from launcher.interface.views import State
from launcher.worker.standing import StandingWorker
from tests.launcher.pipelines import PLUGINS
from tests.wheel_maker import make_wheel
from tests.worker.moving import moving
from tests.worker.standing import ENTRY_POINTS, STEERED, Stand, until_state, until_task_version

RUNNING, STOPPED = State.RUNNING, State.STOPPED
COUNT = '.define("count", ConfigType.INT, importance=Importance.HIGH, documentation="how many")'
KEYS_OF_1 = f"""{COUNT}
    .define("batch", ConfigType.INT, 10, importance=Importance.LOW, documentation="a poll's")
    .define("unit", ConfigType.STRING, "one", importance=Importance.LOW, documentation="gone in 2")
    .define("begin", ConfigType.STRING, "0", importance=Importance.LOW, documentation="typed in 2")
"""
KEYS_OF_2 = f"""{COUNT}
    .define("batch", ConfigType.INT, 50, importance=Importance.LOW, documentation="a poll's")
    .define("begin", ConfigType.INT, 0, importance=Importance.LOW, documentation="a number")
    .define("label", ConfigType.STRING, importance=Importance.HIGH, documentation="must be said")
"""


def release(stand: Stand, version: str, keys: str, **packages: str) -> None:
    """Put a version with these keys and packages on the plugin path."""
    directory = stand.plugins / f"acme-{version}"
    requires = []
    for name, package_version in packages.items():
        make_wheel(directory, name, package_version)
        requires.append(f"{name}=={package_version}")
    make_wheel(
        directory,
        "acme",
        version,
        files={"acme.py": PLUGINS.replace(COUNT, keys), "acme_steered.py": STEERED},
        requires=[*requires, "venvoy-api>=1"],
        entry_points=ENTRY_POINTS,
    )


def two_releases(stand: Stand) -> None:
    """1.0 and 2.0, which differ in keys and packages."""
    release(stand, "1.0", KEYS_OF_1, leaf="1.0", twig="3.1")
    release(stand, "2.0", KEYS_OF_2, leaf="2.0", bud="0.5")


def test_a_plan_tells_versions_packages_keys_and_restarts(stand: Stand) -> None:
    two_releases(stand)

    async def body(worker: StandingWorker) -> None:
        await worker.create(
            "numbers", moving("1.0", tasks="2", tasks__max="2", batch="5", label="x")
        )
        await until_state(worker, "numbers", RUNNING, RUNNING, RUNNING)
        starts = stand.heard.starts("numbers-0")
        plan = await worker.plan("numbers", versions={"connector.version": "2.0"})
        connector = plan.stages[0]
        assert (connector.role, connector.version_before, connector.version_after) == (
            "connector", "1.0", "2.0",
        )  # fmt: skip
        assert connector.location_after == str(stand.plugins / "acme-2.0")
        assert {one.version_before == one.version_after for one in plan.stages[1:]} == {True}
        assert plan.packages == (
            PackageChange(name="acme", before="1.0", after="2.0"),
            PackageChange(name="bud", before=None, after="0.5"),
            PackageChange(name="leaf", before="1.0", after="2.0"),
            PackageChange(name="twig", before="3.1", after=None),
        )
        assert plan.config == (
            change("batch", "default", "10", "50", is_set=True),
            change("begin", "type", "STRING", "INT"),
            change("label", "appears", None, None, is_set=True),
            change("label", "required", None, "true", is_set=True),
            change("unit", "vanishes", "one", None),
        )
        assert (plan.api_requirement, plan.api_version[:2]) == (">=1", "1.")
        assert plan.restarts == ("numbers", "numbers-0", "numbers-1")
        assert (plan.problems, plan.notes) == ((), ())
        assert worker.config("numbers")["connector.version"] == "1.0"
        assert stand.heard.starts("numbers-0") == starts
        assert len(await worker.generations("numbers")) == 1
        again = await worker.plan("numbers", versions={"connector.version": "2.0"})
        assert again.stages[0].environment_is_ready
        assert (again.packages, again.config) == (plan.packages, plan.config)

    stand.run(body)


def test_a_plan_that_would_be_refused_says_why_and_what_it_would_have_been(stand: Stand) -> None:
    two_releases(stand)

    async def body(worker: StandingWorker) -> None:
        await worker.create("numbers", moving("1.0", secret__password="hush"))
        await until_state(worker, "numbers", RUNNING, RUNNING)
        plan = await worker.plan("numbers", versions={"connector.version": "2.0"})
        (problem,) = plan.problems
        assert (plan.stages[0].version_after, plan.restarts) == ("2.0", ())
        assert problem == 'Missing required configuration "label" which has no default value.'
        shown = worker.config("numbers")
        assert shown["secret.password"] == "[hidden]"
        absent = await worker.plan("numbers", {**shown, "connector.version": "9.0"})
        assert (absent.stages, absent.packages, absent.config) == ((), (), ())
        (problem,) = absent.problems
        assert problem.endswith("available versions: [1.0, 2.0]")
        (problem,) = (await worker.plan("numbers", {"connector.class": "no.Such"})).problems
        assert "no.Such" in problem
        await worker.patch_config("numbers", {"connector.version": None, "label": "now"})
        await until_task_version(worker, "numbers", "2.0")

    stand.run(body)


def test_a_version_that_is_there_and_broken_is_told_with_its_reason(stand: Stand) -> None:
    two_releases(stand)
    location = stand.plugins / "acme-3.0"
    make_wheel(location, "acme", "3.0", requires=["venvoy-api>=7"], entry_points=ENTRY_POINTS)

    async def body(worker: StandingWorker) -> None:
        await worker.create("numbers", moving("1.0"))
        (problem,) = (await worker.plan("numbers", versions={"connector.version": "3.0"})).problems
        kafkas, _, ours = problem.partition("; ")
        assert kafkas.endswith("available versions: [1.0, 2.0]")
        assert ours.startswith(f"3.0 is there, but broken: `acme 3.0` at `{location}` requires")

    stand.run(body)


def test_a_plan_of_what_runs_changes_nothing(stand: Stand) -> None:
    two_releases(stand)

    async def body(worker: StandingWorker) -> None:
        await worker.create("numbers", moving("1.0"))
        await until_state(worker, "numbers", RUNNING, RUNNING)
        plan = await worker.plan("numbers", versions={})
        assert (plan.packages, plan.config) == ((), ())
        assert plan.restarts == ("numbers",)
        assert {one.version_before == one.version_after for one in plan.stages} == {True}
        await worker.stop("numbers")
        await until_state(worker, "numbers", STOPPED)
        stopped = await worker.plan("numbers", versions={"connector.version": "2.0"})
        assert stopped.restarts == ()
        assert stopped.packages

    stand.run(body)


def test_a_location_that_is_gone_is_told_by_what_runs_from_it(stand: Stand) -> None:
    two_releases(stand)

    async def body(worker: StandingWorker) -> None:
        await worker.create("numbers", moving("1.0", label="x"))
        await until_state(worker, "numbers", RUNNING, RUNNING)
        shutil.rmtree(stand.plugins / "acme-1.0")
        await worker.rescan()
        plan = await worker.plan("numbers", versions={"connector.version": "2.0"})
        assert PackageChange(name="twig", before="3.1", after=None) in plan.packages
        assert plan.stages[0].version_before == "1.0"
        (note,) = plan.notes
        assert note.startswith("the keys of the connector cannot be compared: ")
        assert plan.problems == ()

    stand.run(body)


def test_a_plan_of_a_transformations_version(stand: Stand) -> None:
    two_releases(stand)

    async def body(worker: StandingWorker) -> None:
        config = moving("1.0", transforms="t", transforms__t__type="acme.Tag")
        await worker.create("numbers", config)
        await until_state(worker, "numbers", RUNNING, RUNNING)
        plan = await worker.plan("numbers", versions={"transforms.t.plugin.version": "2.0"})
        (moved,) = [one for one in plan.stages if one.version_before != one.version_after]
        assert (moved.role, moved.alias, moved.version_after) == ("transformation", "t", "2.0")
        assert PackageChange(name="bud", before=None, after="0.5") in plan.packages
        assert plan.restarts == ("numbers", "numbers-0")

    stand.run(body)


def test_a_version_without_its_class_is_told_in_the_plan_and_in_the_log(stand: Stand) -> None:
    two_releases(stand)
    key = "key.converter.plugin.version"
    text = f"`{key}` is not used: it goes with `key.converter`, which the config lacks; set"

    async def body(worker: StandingWorker) -> None:
        await worker.create("numbers", moving("1.0"))
        await until_state(worker, "numbers", RUNNING, RUNNING)
        plan = await worker.plan("numbers", versions={key: "7.7"})
        (note,) = plan.notes
        assert note.startswith(text)
        assert {one.version_before == one.version_after for one in plan.stages} == {True}
        assert not any(one.startswith(text) for one in stand.heard.texts())
        await worker.patch_config("numbers", {key: "7.7"})
        (warned,) = [one for one in stand.heard.events if one.text.startswith(text)]
        assert (warned.subject, warned.level) == ("numbers", "WARNING")

    stand.run(body)


def test_what_is_no_plan_is_refused(stand: Stand) -> None:
    two_releases(stand)

    async def body(worker: StandingWorker) -> None:
        with pytest.raises(NotFoundError):
            await worker.plan("numbers", versions={})
        await worker.create("numbers", moving("1.0"))
        with pytest.raises(RequestError, match="`batch` in `versions`"):
            await worker.plan("numbers", versions={"batch": "2"})
        with pytest.raises(RequestError, match="doesn't match"):
            await worker.plan("numbers", {**moving("1.0"), "name": "other"})

    stand.run(body)


def change(
    key: str,
    kind: str,
    before: str | None,
    after: str | None,
    *,
    is_set: bool = False,
) -> ConfigChange:
    """What changed of a key."""
    return ConfigChange(
        key=key,
        change=kind,  # type: ignore[arg-type]  # a word of it
        before=before,
        after=after,
        is_set=is_set,
    )
