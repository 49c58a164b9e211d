"""A standing worker on the page, from the list to a move that goes back; the docs' screenshots.

`pytest tests/page/test_operators_day.py --write-screenshots` writes `docs/screenshots`.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.page.acme import add_csv, add_sink, add_torn
from tests.rest.running import PATIENCE_S
from tests.worker.standalone import ROOT, Standalone

SCREENSHOTS = ROOT / "docs" / "screenshots"
JSON_VALUES = "value.converter=JsonConverter\nvalue.converter.schemas.enable=false\n"
Shoot = Callable[..., None]
expect.set_options(timeout=PATIENCE_S * 1000)


@pytest.fixture
def plugins(tmp_path: Path) -> Path:
    """A plugin path: two versions of a source, a sink, and a torn wheel."""
    directory = tmp_path / "plugins"
    for version in ("1.4.0", "2.0.0"):
        add_csv(directory, version)
    add_sink(directory)
    add_torn(directory)
    return directory


@pytest.fixture
def worker(tmp_path: Path, plugins: Path) -> Iterator[Standalone]:
    """`venvoy standalone` over it."""
    directory = tmp_path / "work"
    directory.mkdir()
    file = directory / "worker.properties"
    file.write_text(f"plugin.path={plugins}\nlisteners=http://127.0.0.1:0\n{JSON_VALUES}")
    worker = Standalone(directory, file)
    try:
        yield worker.start(shell=f"export VENVOY_STORE={tmp_path}/store")
        assert worker.end() == 0, worker.said
    finally:
        if worker.process is not None and worker.process.poll() is None:
            worker.process.kill()
            worker.process.wait()


@pytest.fixture
def shoot(page: Page, tmp_path: Path, request: pytest.FixtureRequest) -> Shoot:
    """Take a screenshot of what the page shows, from its top."""
    directory = SCREENSHOTS if request.config.getoption("--write-screenshots") else tmp_path
    directory.mkdir(exist_ok=True)

    def take(name: str, *, width: int = 1280, scheme: str = "light", height: int = 0) -> None:
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        page.set_viewport_size({"width": width, "height": height or 400})
        page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
        page.screenshot(path=directory / f"{name}.png", full_page=not height)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 1280, "height": 800})

    return take


def test_an_operators_day(worker: Standalone, plugins: Path, page: Page, shoot: Shoot) -> None:
    make_connectors(worker)
    see_the_list(worker, page, shoot)
    plan_and_move(worker, page, shoot)
    install_another(worker, plugins, page, shoot)
    move_and_come_back(worker, page, shoot)
    roll_back(worker, page)


def make_connectors(worker: Standalone) -> None:
    """Two sources that run, one whose task fails, and a sink that is paused."""
    source = {"connector.class": "CsvSource", "connector.version": "1.4.0", "file": "airports.csv"}
    named = {
        "airports": source | {"topic": "airports", "tasks.max": "2", "token": "hunter2"},
        "weather": {**source, "topic": "weather", "connector.version": "latest"},
        "returns": {**source, "topic": "returns", "file": "missing.csv"},
        "archive": {"connector.class": "TableSink", "topics": "airports,weather"},
    }
    for name, config in named.items():
        worker.ask("POST", "/connectors", {"name": name, "config": config})
    worker.until_states("airports", "RUNNING", "RUNNING", "RUNNING")
    worker.until_states("weather", "RUNNING", "RUNNING")
    worker.until(lambda: "FAILED" in worker.states("returns"))
    worker.until_states("archive", "RUNNING", "RUNNING")
    worker.ask("PUT", "/connectors/archive/pause")
    worker.until_states("archive", "PAUSED", "PAUSED")


def see_the_list(worker: Standalone, page: Page, shoot: Shoot) -> None:
    page.goto(worker.url)
    expect(page.get_by_role("row")).to_have_count(5)
    airports = page.get_by_role("row", name="airports")
    expect(airports.get_by_role("cell").nth(5)).not_to_have_text("not yet")
    expect(page.get_by_role("row", name="returns")).to_contain_text("FAILED")
    shoot("list-phone", width=360, scheme="dark", height=740)


def plan_and_move(worker: Standalone, page: Page, shoot: Shoot) -> None:
    page.get_by_role("link", name="airports").click()
    expect(page.locator(".lead")).to_contain_text("2 of 2 tasks running")
    expect(page.locator("main")).not_to_contain_text("not yet")
    assert "hunter2" not in page.content()
    shoot("connector")
    page.get_by_label("connector", exact=True).fill("2.0.0")
    page.get_by_role("button", name="Plan").click()
    expect(page.get_by_role("heading", name="Plan for airports")).to_be_visible()
    packages = page.get_by_role("region", name="Packages")
    expect(packages).to_contain_text("acme-dialects")
    expect(page.get_by_role("region", name="Config keys")).to_contain_text("encoding")
    shoot("plan")
    page.get_by_role("button", name="Move").click()
    move = page.get_by_role("region", name="Last move")
    expect(move).to_contain_text("DONE")
    expect(page.locator(".lead")).to_contain_text("2.0.0")


def install_another(worker: Standalone, plugins: Path, page: Page, shoot: Shoot) -> None:
    add_csv(plugins, "2.1.0")
    page.get_by_role("link", name="Plugin path").click()
    page.get_by_role("button", name="Rescan").click()
    row = page.get_by_role("row", name="acme-csv-2.1.0")
    expect(row).to_contain_text("READY")
    torn = page.get_by_role("row", name="acme-geo-0.3.0")
    expect(torn).to_contain_text("BROKEN")
    shoot("plugins")
    page.goto(f"{worker.url}/ui")
    weather = page.get_by_role("row", name="weather")
    expect(weather).to_contain_text("2.1.0 at next start")


def move_and_come_back(worker: Standalone, page: Page, shoot: Shoot) -> None:
    page.get_by_role("link", name="airports").click()
    page.get_by_label("connector", exact=True).fill("2.1.0")
    page.get_by_role("button", name="Plan").click()
    page.get_by_role("button", name="Move").click()
    move = page.get_by_role("region", name="Last move")
    expect(move).to_contain_text("RETURNED")
    expect(move).to_contain_text("acme-licence: no licence for 2.1")
    expect(move).to_contain_text("and back to 2.0.0")
    expect(page.locator(".lead")).to_contain_text("2 of 2 tasks running")
    expect(page.locator("main")).not_to_contain_text("not yet")
    shoot("returned", height=860)
    shoot("returned-phone", width=360, height=740)
    page.get_by_role("navigation").get_by_role("link", name="Connectors").click()
    row = page.get_by_role("row", name="airports")
    expect(row).to_contain_text("RETURNED")
    expect(page.locator("main")).not_to_contain_text("not yet")
    shoot("list")
    row.get_by_role("link").click()


def roll_back(worker: Standalone, page: Page) -> None:
    page.get_by_role("button", name="Roll back to generation 1").click()
    expect(page.locator(".lead")).to_contain_text("1.4.0")
    config = worker.get("/connectors/airports/config")
    assert config["connector.version"] == "1.4.0"
