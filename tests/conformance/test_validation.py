"""What a validation does beyond Kafka's own tests: variables, secrets, faults of connectors."""

import asyncio
import json
from pathlib import Path

import pytest

from launcher.interface.faults import RequestError
from launcher.validation.infos import ConfigInfos
from manager.errors import ProblemsError
from tests.conformance.validating import CLASSES, FAULTY, Room, faults, info, room
from tests.isolation.workspaces import write_lock
from tests.wheel_maker import make_wheel

SOURCE = {"name": "n", "connector.class": "faulty.SampleSource", "required": "r"}


def one_fault(validating: Room, config: dict[str, str], key: str) -> str:
    found = faults(validating.validate(config))
    assert list(found) == [key]
    (text,) = found[key]
    return text


# -- variables and secrets ------------------------------------------------------------------------


def test_variables_are_resolved_for_the_check_and_never_told(
    validating: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"SECRET": "s3cret!", "TASKS": "3", "BAD": "not-a-number", "STRANGE": "strange"}
    for name, value in values.items():
        monkeypatch.setenv(f"VENVOY_TEST_{name}", value)
    validator = validating.make({"config.providers": "env"})
    config = {
        **SOURCE,
        "required": "${env:VENVOY_TEST_STRANGE}",
        "password": "${env:VENVOY_TEST_SECRET}",
        "tasks.max": "${env:VENVOY_TEST_TASKS}",
        "number": "${env:VENVOY_TEST_BAD}",
        "errors.tolerance": "${env:VENVOY_TEST_SECRET}",
    }
    infos = validating.validate_with(validator, config)
    invalid = "Invalid value [hidden] for configuration {}: {}".format
    assert {key: text for key, (text,) in faults(infos).items()} == {
        "unheard.of": "bad",
        "required": "[hidden]: [hidden]",
        "number": invalid("number", "Not a number of type INT"),
        "errors.tolerance": invalid("errors.tolerance", "String must be one of: none, all"),
    }
    body = json.dumps(infos.as_json())
    assert not [value for value in ("s3cret", "not-a-number") if value in body]
    assert info(infos, "tasks.max").value.value == "${env:VENVOY_TEST_TASKS}"
    assert info(infos, "password").value.value == "[hidden]"
    assert infos.password_keys == {"password"}


def test_a_variable_without_a_value_is_the_only_fault_of_its_key(validating: Room) -> None:
    validator = validating.make({"config.providers": "env"})
    keys = ("number", "required", "transforms", "key.converter")
    config = {**SOURCE, **{key: f"${{env:VENVOY_TEST_{key}}}" for key in keys}}
    found = faults(validating.validate_with(validator, config))
    assert found.keys() == set(keys)
    for key, (text,) in found.items():
        assert text == (
            f"Invalid value ${{env:VENVOY_TEST_{key}}} for configuration {key}: the environment "
            f"variable VENVOY_TEST_{key} is not set where the worker runs"
        )


def test_a_variable_of_no_provider_is_a_fault_of_its_key(validating: Room) -> None:
    infos = validating.validate({**SOURCE, "required": "${vault:a:b}"})
    (fault,) = faults(infos)["required"]
    assert fault.startswith("Invalid value ${vault:a:b} for configuration required: no config ")
    assert info(infos, "required").value.value == "${vault:a:b}"


def test_a_password_is_masked_in_what_a_connector_says_of_it(validating: Room) -> None:
    config = {**SOURCE, "required": "strange", "password": "hunter2!"}
    infos = validating.validate(config)
    assert faults(infos) == {"unheard.of": ("bad",), "required": ("strange: [hidden]",)}
    assert infos.as_json()["configs"]
    assert "hunter2" not in json.dumps(infos.as_json())
    assert info(infos, "unheard.of").definition.display_name == "unheard.of"


def test_what_a_plugin_prints_and_logs_while_it_checks_is_told_without_secrets(
    validating: Room,
) -> None:
    validator = validating.make()
    told_before = len(validating.told)
    config = {**SOURCE, "required": "loud", "password": "hunter2!"}
    assert not faults(validating.validate_with(validator, config))
    validating.runner.run(validator.close())  # then all that its host said has been told
    told = validating.told[told_before:]
    assert "printed [hidden]" in told
    assert "logged [hidden]" in told


def test_a_secret_in_the_class_is_not_told_either(
    validating: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENVOY_TEST_CLASS", "s3cret.Class")
    validator = validating.make({"config.providers": "env"})
    config = {**SOURCE, "connector.class": "${env:VENVOY_TEST_CLASS}"}
    with pytest.raises(RequestError, match="Failed to find any class") as caught:
        validating.validate_with(validator, config)
    assert "s3cret" not in caught.value.message


def test_a_worker_with_bad_providers_makes_no_validator(validating: Room) -> None:
    with pytest.raises(ProblemsError, match=r"config\.providers\.vault\.class"):
        validating.make({"config.providers": "vault"})


# -- connectors -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("AbstractSource", "This class is abstract and cannot be created."),
        ("ThrowingSource", "Could not instantiate class: no luck"),
        ("RaisingSource", "Failed to perform config validation for connector: KeyError: 'oops'"),
        ("ExitingSource", "died with exit code 7"),
        ("DictSource", "Failed to load ConfigDef from connector: AttributeError: "),
        ("DictAnswerSource", "Failed to perform config validation for connector: AttributeError"),
    ],
)
def test_a_connector_that_cannot_check_is_a_fault_of_its_class(
    validating: Room, name: str, text: str
) -> None:
    config = {**SOURCE, "connector.class": f"faulty.{name}"}
    assert text in one_fault(validating, config, "connector.class")


def test_an_odd_definition_is_taken_as_far_as_it_can_be(validating: Room) -> None:
    infos = validating.validate({**SOURCE, "connector.class": "faulty.OddKeySource"})
    assert faults(infos) == {"nobody": ("nobody is referred in the dependents, but not defined.",)}
    odd = info(infos, "odd").definition
    assert (odd.order, odd.documentation, odd.dependents) == (-1, "", ("nobody",))


def test_its_fault_does_not_hide_the_others(validating: Room) -> None:
    found = faults(
        validating.validate(
            {**SOURCE, "connector.class": "faulty.AbstractSource"},
            tasks__max="x",
            transforms="t",
            transforms__t__type="faulty.Simple",
            value__converter="faulty.MisconfiguredConverter",
        )
    )
    assert found.keys() == {
        "connector.class",
        "tasks.max",
        "transforms.t.int",
        "value.converter.int",
    }


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("NoConfigDefSource", "config() must return a ConfigDef that is not null."),
        ("NoValidationSource", "validate() must return a Config that is not null."),
    ],
)
def test_a_connector_without_definition_or_answer_is_refused(
    validating: Room, name: str, text: str
) -> None:
    with pytest.raises(RequestError) as caught:
        validating.validate({**SOURCE, "connector.class": f"faulty.{name}"})
    assert caught.value.message == f"faulty.{name}.{text}"


def test_the_two_version_keys_are_one(validating: Room) -> None:
    config = {"name": "n", "connector.class": CLASSES["source"]}
    for keys in (("connector.version",), ("connector.plugin.version", "connector.version")):
        infos = validating.validate({**config, **dict.fromkeys(keys, " 2.3.0 ")})
        assert not faults(infos)
        assert info(infos, "version-specific-config").value.value == "2.3.0"
        for key in {*keys, "connector.plugin.version"}:
            assert info(infos, key).value.value == "2.3.0"
    different = {"connector.plugin.version": "1.1.0", "connector.version": "2.3.0"}
    found = faults(validating.validate({**config, **different}))
    assert found.keys() == different.keys()
    assert all("synonym" in text for texts in found.values() for text in texts)


@pytest.mark.parametrize(
    ("support", "expected"),
    [
        ("supported", None),
        ("unsupported", "The connector does not support exactly-once semantics with the provided"),
        ("", "The connector does not implement the API required for preflight validation"),
        ("raise", "An unexpected error occurred with the following message: RuntimeError: who"),
    ],
)
def test_exactly_once_is_asked_for_when_it_is_required(
    validating: Room, support: str, expected: str | None
) -> None:
    config = {"name": "n", "connector.class": "faulty.OnceSource", "required": support}
    assert not faults(validating.validate(config))
    required = {**config, "exactly.once.support": "REQUIRED"}
    if expected is None:
        assert not faults(validating.validate(required))
    else:
        assert one_fault(validating, required, "exactly.once.support").startswith(expected)


def test_boundaries_of_transactions_are_the_workers(validating: Room) -> None:
    for good in ("poll", "INTERVAL"):
        assert not faults(validating.validate({**SOURCE, "transaction.boundary": good}))
    text = one_fault(
        validating, {**SOURCE, "transaction.boundary": "connector"}, "transaction.boundary"
    )
    assert text.startswith("The worker does not support connector-defined transaction boundaries")
    text = one_fault(
        validating, {**SOURCE, "transaction.boundary": "batch"}, "transaction.boundary"
    )
    assert "String must be one of (case insensitive): poll, connector, interval" in text


def test_slips_and_strangers_are_no_faults_but_slips_are_warned_of(validating: Room) -> None:
    infos = validating.validate({**SOURCE, "tasks.maxx": "3", "pasword": "x", "far.away": "1"})
    assert not faults(infos)
    warned = " ".join(infos.warnings)
    assert "did you mean `tasks.max`" in warned
    assert "did you mean `password`" in warned
    assert "far.away" not in warned


def test_a_converter_of_the_worker_that_is_not_there_is_told_with_the_rest(
    validating: Room,
) -> None:
    validator = validating.make({"key.converter": "acme.Nobody"})
    found = faults(validating.validate_with(validator, SOURCE, tasks__max="x"))
    assert found.keys() == {"key.converter", "tasks.max"}
    assert "acme.Nobody" in found["key.converter"][0]


def test_a_location_that_cannot_be_made_is_a_fault_of_the_classes_that_are_in_it(
    host_tests_dir: Path, tmp_path: Path
) -> None:
    location = tmp_path / "plugins" / "broken"
    make_wheel(
        location,
        "broken",
        "1.0",
        files={"broken.py": FAULTY},
        requires=["not-there-at-all"],
        entry_points={
            "venvoy.source": {"broken": "broken:SampleSource"},
            "venvoy.converter": {"broken": "broken:NoConfigDefConverter"},
        },
    )
    good = tmp_path / "plugins" / "good"
    make_wheel(good, "good", "1.0", files={"good.py": FAULTY},
               entry_points={"venvoy.sink": {"good": "good:Sink"}})  # fmt: skip
    write_lock(good)
    with room(tmp_path, host_tests_dir / "store") as made:
        config = {"name": "n", "connector.class": "broken", "key.converter": "StringConverter"}
        found = faults(made.validate(config, tasks__max="x"))
        assert found.keys() == {"connector.class", "tasks.max"}
        assert "not-there-at-all" in found["connector.class"][0]
        sink = {"name": "n", "connector.class": "good", "topics": "t", "key.converter": "broken"}
        assert faults(made.validate(sink)).keys() == {"key.converter"}
        with pytest.raises(RequestError, match="not-there-at-all"):
            made.plugin_config("broken.SampleSource")


def test_many_at_once_share_what_is_started_and_made(validating: Room) -> None:
    validator = validating.make()
    before = len(validating.hosts)
    configs = [
        {"name": "n", "connector.class": CLASSES["source"], "connector.version": version}
        for version in ("1.1.0", "2.3.0") * 12
    ]

    async def all_at_once() -> list[bool]:
        infos = await asyncio.gather(*(validator.validate(config) for config in configs))
        return [one.error_count == 0 for one in infos]

    assert validating.runner.run(all_at_once()) == [True] * len(configs)
    assert len(validating.hosts) - before <= 8


def test_closing_ends_what_is_waited_for(validating: Room) -> None:
    validator = validating.make()
    before = len(validating.hosts)
    hanging = {**SOURCE, "connector.class": "faulty.HangingSource"}

    async def close_meanwhile() -> ConfigInfos:
        waiting = asyncio.create_task(validator.validate(hanging))
        while len(validating.hosts) == before:
            await asyncio.sleep(0.01)
        await validator.close()
        return await waiting

    found = faults(validating.runner.run(close_meanwhile()))
    assert list(found) == ["connector.class"]
    assert "SIGKILL" in found["connector.class"][0]
    assert (
        "the worker is stopping"
        in faults(validating.validate_with(validator, SOURCE))["connector.class"][0]
    )
