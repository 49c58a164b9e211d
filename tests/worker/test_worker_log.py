"""The lines of a standing worker: their form, their levels, and a reader that does not read."""

import logging
import os
import re
import sys
import threading
from collections.abc import Iterator

import pytest

from launcher.commands.worker_log import WorkerLog
from launcher.tasks.runtime import Event
from launcher.worker.logger_levels import LoggerLevels

LINE = re.compile(r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}\] (.*)")


@pytest.fixture
def levels() -> Iterator[LoggerLevels]:
    before = logging.getLogger().level
    yield LoggerLevels()
    logging.getLogger().setLevel(before)
    logging.captureWarnings(capture=False)


def event(text: str, *, level: str = "INFO", logger: str = "acme.deep") -> Event:
    return Event(kind="log", subject="a-0", level=level, logger=logger, text=text)


def test_lines_have_time_level_subject_text_and_logger(
    levels: LoggerLevels, capsys: pytest.CaptureFixture[str]
) -> None:
    words = WorkerLog(levels, mask=lambda text: text.replace("hunter2", "[hidden]"))
    words.line("a-0", "stderr", "a print")
    words.event(event("with hunter2", level="WARNING"))
    words.event(event("not told", level="DEBUG"))
    words.event(Event(kind="state", subject="a", level="ERROR", logger="", text="FAILED\ntrace"))
    words.say("something")
    logging.getLogger("a.library").warning("its %s", "words")
    words.close()
    logging.getLogger("a.library").warning("not heard any more")
    lines = capsys.readouterr().err.splitlines()
    assert [match[1] if (match := LINE.fullmatch(line)) else line for line in lines] == [
        "INFO [a-0] a print (stderr)",
        "WARN [a-0] with [hidden] (acme.deep)",
        "ERROR [a] FAILED (venvoy)",
        "ERROR [a] trace",
        "INFO something (venvoy)",
        "WARN its words (a.library)",
    ]
    assert levels.get("acme.deep").level == "INFO"


def test_what_plugins_print_can_be_silenced_like_a_logger(
    levels: LoggerLevels, capsys: pytest.CaptureFixture[str]
) -> None:
    words = WorkerLog(levels)
    words.line("a-0", "stdout", "before")
    assert levels.set("stdout", "OFF") == ("stdout",)
    words.line("a-0", "stdout", "after")
    words.line("a-0", "stderr", "of the other")
    words.close()
    said = capsys.readouterr().err
    assert "before" in said
    assert "after" not in said
    assert "of the other" in said


def test_a_reader_that_does_not_read_holds_nobody_and_is_told_what_it_missed(
    levels: LoggerLevels, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_end, write_end = os.pipe()
    with os.fdopen(read_end) as reader, os.fdopen(write_end, "w") as writer:
        monkeypatch.setattr(sys, "stderr", writer)
        words = WorkerLog(levels)
        for number in range(100_000):
            words.line("a-0", "stdout", f"{number} {'x' * 100}")
        found: list[str] = []
        reading = threading.Thread(target=lambda: found.extend(reader), daemon=True)
        reading.start()
        words.close()
        words._thread.join(60)  # the reader has all the time that it needs now
        monkeypatch.undo()
        writer.close()
        reading.join(60)
    told = [line for line in found if "(stdout)" in line]
    missed = [int(line.split()[1]) for line in found if "were dropped" in line]
    assert missed
    assert len(told) + sum(missed) == 100_000
    assert "INFO [a-0] 0 x" in told[0]
