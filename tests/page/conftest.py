"""A browser, and a server over the worker in memory."""

import shutil
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.rest.fake_worker import FakeWorker
from tests.rest.running import PATIENCE_S, Running, served

_NAMES = ("chromium", "chromium-browser", "google-chrome")
HTML = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium, without a window; nothing is downloaded.

    It lives as long as a module: its driver keeps an event loop in this thread meanwhile.
    """
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.skip(f"no browser on this machine: none of {', '.join(_NAMES)} is on PATH")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found)
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A window of its own; what its pages' consoles say against them fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(PATIENCE_S * 1000)
    said: list[str] = []
    context.on("console", lambda one: said.append(one.text) if one.type == "error" else None)
    context.on("weberror", lambda one: said.append(str(one.error)))
    yield context
    context.close()
    assert [one for one in said if not one.startswith("Failed to load resource")] == []


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """One page."""
    return context.new_page()


@pytest.fixture(scope="module")
def shared_worker() -> FakeWorker:
    """The worker behind the server."""
    return FakeWorker()


@pytest.fixture(scope="module")
def server(shared_worker: FakeWorker) -> Iterator[Running]:
    """A server for all tests of a module."""
    with served(shared_worker) as running:
        yield running


@pytest.fixture
def worker(shared_worker: FakeWorker) -> FakeWorker:
    """The worker, as new."""
    shared_worker.reset()
    return shared_worker


@pytest.fixture
def people(server: Running, worker: FakeWorker) -> Iterator[httpx.Client]:
    """A client that asks as browsers do, over a worker as new."""
    # Certificates, of which there are none here, would take longer to load than most tests do.
    plain = httpx.Client(base_url=server.url, timeout=PATIENCE_S, headers=HTML, verify=False)
    with plain as opened:
        yield opened
