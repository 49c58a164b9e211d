"""A server over the fake worker, and a client of it."""

from collections.abc import Iterator

import httpx
import pytest

from tests.rest.fake_worker import SINK, SOURCE, FakeWorker
from tests.rest.running import PATIENCE_S, Running, served

SOURCE_CONFIG = {"connector.class": SOURCE, "file": "/tmp/a", "topic": "t"}
SINK_CONFIG = {"connector.class": SINK, "topics": "t"}


@pytest.fixture
def worker() -> FakeWorker:
    return FakeWorker()


@pytest.fixture
def server(worker: FakeWorker) -> Iterator[Running]:
    with served(worker) as running:
        yield running


@pytest.fixture
def client(server: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=PATIENCE_S) as opened:
        yield opened
