"""A server over the fake worker, and a client of it."""

from collections.abc import Iterator

import httpx
import pytest

from tests.rest.fake_worker import SINK, SOURCE, FakeWorker
from tests.rest.running import PATIENCE_S, Running, served

SOURCE_CONFIG = {"connector.class": SOURCE, "file": "/tmp/a", "topic": "t"}
SINK_CONFIG = {"connector.class": SINK, "topics": "t"}


@pytest.fixture(scope="session")
def shared_worker() -> FakeWorker:
    """The worker behind the shared server."""
    return FakeWorker()


@pytest.fixture(scope="session")
def server(shared_worker: FakeWorker) -> Iterator[Running]:
    """One server for all tests that need no settings of their own."""
    with served(shared_worker) as running:
        yield running


@pytest.fixture
def worker(shared_worker: FakeWorker) -> FakeWorker:
    """The shared worker, as new."""
    shared_worker.reset()
    return shared_worker


@pytest.fixture
def client(server: Running, worker: FakeWorker) -> Iterator[httpx.Client]:
    """A client of the shared server, over a worker as new."""
    # Certificates, of which there are none here, would take longer to load than most tests do.
    with httpx.Client(base_url=server.url, timeout=PATIENCE_S, verify=False) as opened:
        yield opened
