"""The levels of loggers: inherited, set for a whole branch, told to hosts."""

import logging
from collections.abc import Iterator

import pytest

from launcher.hosts.control import Message
from launcher.interface.faults import NotFoundError
from launcher.worker.logger_levels import LoggerLevels

NAMES = (None, "venvoy", "acme_csv", "acme_csv.reader", "acme_csvx")


@pytest.fixture(autouse=True)
def _levels_as_they_were() -> Iterator[None]:
    before = {name: logging.getLogger(name).level for name in NAMES}
    yield
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def told() -> list[Message]:
    return []


@pytest.fixture
def levels(told: list[Message]) -> LoggerLevels:
    return LoggerLevels(told.append)


def test_at_first_only_root_has_a_level(levels: LoggerLevels) -> None:
    assert {name: level.as_json() for name, level in levels.all().items()} == {
        "root": {"level": "INFO", "last_modified": None}
    }
    assert levels.get("venvoy").as_json() == {"level": "INFO", "last_modified": None}
    assert levels.messages() == ()


def test_a_logger_is_known_once_it_has_spoken(levels: LoggerLevels) -> None:
    with pytest.raises(NotFoundError) as raised:
        levels.get("acme_csv.reader")
    assert raised.value.message == "Logger acme_csv.reader not found."
    levels.saw("acme_csv.reader")
    assert levels.get("acme_csv.reader").level == "INFO"
    levels.set("acme_csv", "warn")
    assert levels.get("acme_csv.reader").level == "WARN"


def test_a_level_is_set_for_the_logger_and_those_below_it(
    levels: LoggerLevels, told: list[Message]
) -> None:
    for name in ("acme_csv.reader", "acme_csvx"):
        levels.saw(name)
    assert levels.set("acme_csv", "DEBUG") == ("acme_csv", "acme_csv.reader")
    assert [(one["type"], one["logger"], one["level"]) for one in told] == [
        ("log_level", "acme_csv", 10),
        ("log_level", "acme_csv.reader", 10),
    ]
    assert levels.get("acme_csv").last_modified
    assert levels.get("acme_csvx").level == "INFO"
    assert logging.getLogger("acme_csv.reader").getEffectiveLevel() == logging.DEBUG
    assert levels.is_told("acme_csv.reader", "DEBUG")
    assert not levels.is_told("acme_csvx", "DEBUG")
    told.clear()
    assert levels.set("acme_csv", "DEBUG") == ("acme_csv", "acme_csv.reader")
    assert told == []


def test_root_changes_every_logger_that_is_known(levels: LoggerLevels, told: list[Message]) -> None:
    levels.set("acme_csv.reader", "TRACE")
    assert levels.set("root", "ERROR") == ("acme_csv.reader", "root", "venvoy")
    assert {name: level.level for name, level in levels.all().items()} == {
        "acme_csv.reader": "ERROR",
        "root": "ERROR",
        "venvoy": "ERROR",
    }
    assert [one["logger"] for one in levels.messages()] == ["root", "venvoy", "acme_csv.reader"]
    assert [one["logger"] for one in told[1:]] == ["root", "venvoy", "acme_csv.reader"]
    assert not levels.is_told("somebody", "WARNING")
    assert levels.is_told("somebody", "CRITICAL")


@pytest.mark.parametrize(
    ("said", "level"),
    [("warning", "WARN"), ("critical", "FATAL"), ("NotSet", "ALL"), ("off", "OFF")],
)
def test_levels_have_kafkas_names_and_pythons_are_understood(
    levels: LoggerLevels, said: str, level: str
) -> None:
    levels.set("acme_csv", said)
    assert levels.get("acme_csv").level == level


def test_a_level_that_there_is_not_is_refused_in_kafkas_words(levels: LoggerLevels) -> None:
    with pytest.raises(NotFoundError) as raised:
        levels.set("acme_csv", "loud")
    assert raised.value.message == "invalid log level 'loud'."
    assert "DEBUG" in raised.value.hint
    assert list(levels.all()) == ["root"]
