"""What a connector's `errors.*` keys may say, and what is told of them before a run."""

from pathlib import Path

import pytest

from launcher.configs.config_keys import ConfigValueError
from launcher.configs.error_settings import ErrorSettings
from manager.errors import ProblemsError
from tests.launcher.pipelines import make_environment, run_plans, sink


def test_without_keys_the_settings_are_kafkas_defaults() -> None:
    settings = ErrorSettings.of({}, connector="c")
    assert settings == ErrorSettings()
    assert settings.as_message(connector="c", task=3) == {
        "tolerance": "none",
        "retry_timeout_ms": 0,
        "retry_delay_max_ms": 60_000,
        "log_enable": False,
        "log_include_messages": False,
        "dead_letters": False,
        "connector": "c",
        "task": 3,
    }


def test_every_key_is_read() -> None:
    settings = ErrorSettings.of(
        {
            "errors.tolerance": "ALL",
            "errors.retry.timeout": "-1",
            "errors.retry.delay.max.ms": "0",
            "errors.log.enable": "true",
            "errors.log.include.messages": " True ",
            "errors.deadletterqueue.topic.name": " letters ",
            "errors.deadletterqueue.context.headers.enable": "true",
        },
        connector="c",
    )
    assert settings == ErrorSettings(
        tolerates_all=True,
        retry_timeout_ms=-1,
        retry_delay_max_ms=0,
        log_enable=True,
        log_include_messages=True,
        dead_letter_topic="letters",
        context_headers=True,
    )


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("errors.tolerance", "some", "is `some`, not none or all"),
        ("errors.retry.timeout", "-2", "is `-2`, not a whole number of at least -1"),
        ("errors.retry.timeout", "soon", "is `soon`, not a whole number of at least -1"),
        ("errors.retry.delay.max.ms", "-1", "is `-1`, not a whole number of at least 0"),
        ("errors.log.enable", "yes", "is `yes`, not false or true"),
    ],
)
def test_a_bad_value_is_refused_by_its_key(key: str, value: str, reason: str) -> None:
    with pytest.raises(ConfigValueError) as caught:
        ErrorSettings.of({key: value}, connector="c")
    assert caught.value.message == f"`c`: `{key}` {reason}"


def test_a_run_tells_every_fault_before_anything_starts(tmp_path: Path) -> None:
    environment = make_environment(tmp_path / "environment")
    config = {
        "errors.tolerance": "most",
        "errors.log.enable": "on",
        "errors.deadletterqueue.topic.name": "numbers",
    }
    writer = sink(environment.path, tmp_path / "out", **config)
    with pytest.raises(ProblemsError) as caught:
        run_plans([writer], [environment], tmp_path / "log.sqlite")
    told = caught.value.message
    assert "`writer`: `errors.tolerance` is `most`, not none or all" in told
    assert "`writer`: `errors.log.enable` is `on`, not false or true" in told
    assert "`errors.deadletterqueue.topic.name` is `numbers`, which the sink reads" in told


def test_a_pattern_may_not_catch_the_dead_letters_either() -> None:
    config = {"errors.deadletterqueue.topic.name": "orders-letters"}
    (fault,) = ErrorSettings.faults(config, connector="c", reads=lambda topic: "orders" in topic)
    assert fault.message.endswith("is `orders-letters`, which the sink reads")
    assert ErrorSettings.faults(config, connector="c", reads=lambda _: False) == ()
