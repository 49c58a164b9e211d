"""The sink of a bundle's `run`: what is put is flushed while stdin stays open."""

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import pytest

from venvoy_api import RetriableError, SinkTask, TopicPartition
from venvoy_host import stdin_sink
from venvoy_host.stdin_sink import StdinSink, StoppedError

LINE = b'{"topic":"t","value":1}\n'


class Chain:
    """Passes values on as they are."""

    def run(self, batch: Any) -> None:
        batch.records = batch.values

    def close(self) -> None:
        pass


class Task(SinkTask):
    """Tells what it is asked, and fails as many commits as it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.asked: list[object] = []
        self.failures = failures
        self.committed = threading.Event()

    def start(self, props: Mapping[str, str]) -> None:
        pass

    def put(self, records: Any) -> None:
        self.asked.append(len(records))

    def pre_commit(self, current_offsets: Any) -> Any:
        self.asked.append(dict(current_offsets))
        if self.failures:
            self.failures -= 1
            raise RetriableError("later")
        self.committed.set()
        return current_offsets

    def stop(self) -> None:
        pass


def make_sink(task: Task, opened: ExitStack, patch: pytest.MonkeyPatch) -> tuple[StdinSink, int]:
    """Return a sink and the end of the pipe that feeds it."""
    theirs, feed = os.pipe()
    patch.setattr("sys.stdin", opened.enter_context(os.fdopen(theirs, "rb")))
    return StdinSink(task, {}, Chain(), {}), feed  # type: ignore[arg-type]  # all it calls


class Fed:
    """A sink that runs in a thread until its pipe ends."""

    def __init__(self, task: Task, opened: ExitStack, patch: pytest.MonkeyPatch) -> None:
        sink, self.feed = make_sink(task, opened, patch)
        self.thread = threading.Thread(target=sink.run)
        self.thread.start()
        opened.callback(self.end)

    def end(self) -> None:
        if self.feed >= 0:
            os.close(self.feed)
            self.feed = -1
        self.thread.join(60)
        assert not self.thread.is_alive()


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize("failures", [0, 2])
def test_what_was_put_is_committed_while_nothing_more_comes(
    opened: ExitStack, monkeypatch: pytest.MonkeyPatch, failures: int
) -> None:
    monkeypatch.setattr(stdin_sink, "_COMMIT_S", 0.05)
    task = Task(failures)
    fed = Fed(task, opened, monkeypatch)
    os.write(fed.feed, LINE)
    assert task.committed.wait(60)
    committed = {TopicPartition("t", 0): 1}
    assert task.asked == [1, *[committed] * (failures + 1)]
    fed.end()
    assert task.asked[-1] == committed


def test_lines_come_in_any_pieces(opened: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    task = Task()
    fed = Fed(task, opened, monkeypatch)
    for piece in (LINE[:9], LINE[9:-1], b"\n\n", LINE * 1200, LINE[:-1]):
        os.write(fed.feed, piece)
    fed.end()
    *puts, last = task.asked
    assert sum(one for one in puts if isinstance(one, int)) == 1202
    assert max(one for one in puts if isinstance(one, int)) <= 500
    assert last == {TopicPartition("t", 0): 1202}


@pytest.mark.parametrize("in_put", [False, True])
def test_a_stop_flushes_unless_it_came_into_a_put(
    opened: ExitStack, monkeypatch: pytest.MonkeyPatch, in_put: bool
) -> None:
    """A signal raises wherever Python is: here while it waits for a second line, or in its put."""
    task = Task()
    sink, feed = make_sink(task, opened, monkeypatch)
    os.write(feed, LINE)
    if in_put:
        monkeypatch.setattr(task, "put", stop)
    else:
        monkeypatch.setattr(sink, "commit_when_due", stop)
    with pytest.raises(StoppedError):
        sink.run()
    os.close(feed)
    assert task.asked == ([] if in_put else [1, {TopicPartition("t", 0): 1}])


def stop(*_: object) -> None:
    raise StoppedError
