"""The pages in Chromium: acts in place, what is shown follows the worker, nobody is left out."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from launcher.interface.move import Move, MoveState
from tests.page.asked_in_browser import CONTRAST, NAMELESS
from tests.page.made import EVIL, make
from tests.rest.fake_motion import AT
from tests.rest.fake_worker import FakeWorker
from tests.rest.running import PATIENCE_S, Running, served
from tests.rest.settings import Settings

PATH = "/ui/connectors/airports"
PAGES = ("/ui", PATH, f"{PATH}/plan?connector.version=2.0.0", "/ui/plugins", "/ui/connectors/none")
expect.set_options(timeout=PATIENCE_S * 1000)


@pytest.fixture
def visit(server: Running, page: Page) -> Callable[[str], Page]:
    """Go to a path of the server."""

    def go(path: str) -> Page:
        page.goto(server.url + path)
        return page

    return go


@pytest.fixture
def moved(people: httpx.Client, worker: FakeWorker) -> None:
    """A connector with a failed task, and a move that went back."""
    make(people, password="x", transforms="up", transforms__up__type="acme_text.Upper")
    people.post(f"{PATH}/move", data={"connector.version": "2.0.0"})
    worker.fail_task("airports", 1, "Traceback\n  File 'a.py', line 3\nValueError: no")
    worker.moves["airports"] = Move(
        from_generation=1,
        to_generation=2,
        state=MoveState.RETURNED,
        from_version="1.4.0",
        to_version="2.0.0",
        began_at=AT,
        reason="ValueError: no start",
    )


def test_nothing_that_is_said_runs(
    people: httpx.Client, worker: FakeWorker, visit: Callable[[str], Page]
) -> None:
    make(people, EVIL, file=EVIL, **{EVIL: EVIL})
    worker.fail_task(EVIL, 0, EVIL)
    path = f"/ui/connectors/{quote(EVIL, safe='')}"
    for each in ("/ui", path, f"{path}/plan?connector.version={quote(EVIL)}", "/ui/plugins"):
        page = visit(each)
        page.evaluate("refresh()")  # what comes by the script is no more trusted
        assert page.evaluate("window.harmed") is None
        assert page.locator("main img, main script").count() == 0
        assert EVIL in (page.locator("main").text_content() or "")


def test_buttons_act_in_place(people: httpx.Client, visit: Callable[[str], Page]) -> None:
    make(people)
    page = visit(PATH)
    page.evaluate("window.stayed = true")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("status").filter(has_text="Pausing.")).to_be_visible()
    expect(page.locator(".lead")).to_contain_text("PAUSED")
    page.get_by_role("button", name="Resume").click()
    expect(page.locator(".lead")).to_contain_text("RUNNING")
    assert page.evaluate("window.stayed") is True
    assert page.url.endswith(PATH)


def test_an_act_is_told_also_when_the_page_looks_before_it_is_answered(
    people: httpx.Client, visit: Callable[[str], Page]
) -> None:
    make(people)
    page = visit(PATH)
    page.get_by_role("button", name="Pause").evaluate("it => { it.click(); return refresh(); }")
    expect(page.get_by_role("status").filter(has_text="Pausing.")).to_be_visible()
    expect(page.locator(".lead")).to_contain_text("PAUSED")


def test_what_is_refused_is_told_in_place(
    people: httpx.Client, worker: FakeWorker, visit: Callable[[str], Page]
) -> None:
    make(people)
    people.post(f"{PATH}/move", data={"connector.version": "2.0.0"})
    page = visit(PATH)
    worker.kept["airports"] = worker.kept["airports"][1:]
    page.get_by_role("button", name="Roll back to generation 1").click()
    expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()


def test_the_page_follows_the_worker_and_keeps_what_its_reader_does(
    people: httpx.Client, worker: FakeWorker, visit: Callable[[str], Page]
) -> None:
    make(people)
    worker.fail_task("airports", 1, "Traceback\nValueError: no")
    page = visit(PATH)
    page.locator(".trace summary").click()
    version = page.get_by_label("connector", exact=True)
    version.fill("2.")
    worker.fail_task("airports", 0, "Traceback\nKeyError: other")
    expect(page.locator(".lead")).to_contain_text("FAILED")  # by itself, every few seconds
    expect(page.get_by_text("Task 0: KeyError: other")).to_be_visible()
    assert page.locator("details[data-key='trace-1']").get_attribute("open") is not None
    assert page.locator("details[data-key='trace-0']").get_attribute("open") is None
    expect(version).to_have_value("2.")
    expect(version).to_be_focused()


def test_what_an_act_was_answered_with_stays(
    people: httpx.Client, worker: FakeWorker, visit: Callable[[str], Page]
) -> None:
    page = visit("/ui/plugins")
    page.get_by_role("button", name="Rescan").click()
    report = page.get_by_text("Added: acme_csv.CsvSourceConnector 2.0.0")
    expect(report).to_be_visible()
    page.evaluate("refresh()")
    expect(report).to_be_visible()


def test_the_list_follows_connectors_that_come_and_go(
    people: httpx.Client, worker: FakeWorker, visit: Callable[[str], Page]
) -> None:
    make(people, "b")
    page = visit("/ui")
    page.get_by_role("link", name="b", exact=True).focus()
    make(people, "a")
    expect(page.get_by_role("row")).to_have_count(3)
    assert page.get_by_role("rowheader").all_inner_texts() == ["a", "b"]
    expect(page.get_by_role("link", name="b", exact=True)).to_be_focused()
    people.delete("/connectors/a")
    expect(page.get_by_role("row")).to_have_count(2)


def test_a_worker_that_is_silent_is_told(
    visit: Callable[[str], Page], people: httpx.Client
) -> None:
    page = visit("/ui")
    page.context.set_offline(True)
    expect(page.locator("#link")).to_contain_text("The worker does not answer")
    page.context.set_offline(False)
    expect(page.locator("#link")).to_be_empty()


def test_plan_and_move(
    people: httpx.Client, worker: FakeWorker, visit: Callable[[str], Page]
) -> None:
    make(people)
    page = visit(PATH)
    page.get_by_label("connector", exact=True).fill("2.0.0")
    page.get_by_role("button", name="Plan").click()
    expect(page.get_by_role("heading", name="Plan for airports")).to_be_visible()
    page.get_by_role("button", name="Move").click()
    expect(page.get_by_role("region", name="Last move")).to_contain_text("to 2.0.0")
    assert page.url.endswith(PATH)
    assert worker.config("airports")["connector.version"] == "2.0.0"
    page.get_by_role("button", name="Roll back to generation 1").click()
    expect(page.get_by_role("region", name="Last move")).to_contain_text("to 1.4.0")
    assert worker.config("airports")["connector.version"] == "1.4.0"


def test_all_of_it_works_without_the_script(
    people: httpx.Client, worker: FakeWorker, server: Running, browser: Browser
) -> None:
    make(people)
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(server.url)
        page.get_by_role("link", name="airports").click()
        page.get_by_role("button", name="Stop").click()
        expect(page.locator(".lead")).to_contain_text("STOPPED")
        page.get_by_role("button", name="Resume").click()
        expect(page.locator(".lead")).to_contain_text("RUNNING")
        page.get_by_label("connector", exact=True).fill("2.0.0")
        page.get_by_role("button", name="Plan").click()
        page.get_by_role("button", name="Move").click()
        expect(page.locator(".lead")).to_contain_text("2.0.0")


def test_a_page_of_another_site_cannot_steer(
    people: httpx.Client, worker: FakeWorker, server: Running, page: Page
) -> None:
    """A form of another origin, as a stranger's page would have it; nor may it frame ours."""
    make(people)
    form = f'<form method="post" action="{server.url}{PATH}/stop"><button>Win</button></form>'
    page.route(
        "http://evil.test/", lambda route: route.fulfill(body=form, content_type="text/html")
    )
    page.goto("http://evil.test/")
    page.get_by_role("button").click()
    expect(page.locator("body")).to_contain_text("A page of another site asked for this")
    assert worker.status("airports").connector.state == "RUNNING"


@pytest.mark.usefixtures("moved")
@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_readable(
    context: BrowserContext, server: Running, path: str, scheme: Any
) -> None:
    """On a phone nothing is cut off; text stands out (WCAG AA); what acts has a name and a size."""
    page = context.new_page()
    page.emulate_media(color_scheme=scheme)
    page.goto(server.url + path)
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(CONTRAST) == []
    assert page.evaluate(NAMELESS) == []


@pytest.mark.usefixtures("moved")
def test_a_screen_reader_finds_its_way(visit: Callable[[str], Page]) -> None:
    page = visit(PATH)
    page.set_viewport_size({"width": 360, "height": 800})  # tables look like cards, and are tables
    for landmark in ("banner", "navigation", "main", "contentinfo"):
        expect(page.get_by_role(landmark)).to_have_count(1)
    assert page.get_by_role("heading", level=1).inner_text() == "airports"
    names = page.get_by_role("heading", level=2).all_inner_texts()
    assert [re.sub(r"\W*RETURNED", "", name) for name in names] == [
        "Last move", "Steer", "Tasks", "Pipeline", "Move to other versions", "Generations",
        "Config",
    ]  # fmt: skip
    tasks = page.get_by_role("region", name="Tasks")
    assert tasks.get_by_role("rowheader").all_inner_texts() == ["airports-0", "airports-1"]
    assert len(tasks.get_by_role("columnheader").all()) == 7
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()


def test_users_act_under_their_names(worker: FakeWorker, browser: Browser, tmp_path: Path) -> None:
    """The script's requests carry what the browser was told once."""
    worker.reset()
    users = tmp_path / "users"
    users.write_text("anna: geheim\n")
    with (
        served(worker, Settings(rest_auth_file=users)) as server,
        httpx.Client(base_url=server.url, auth=("anna", "geheim"), timeout=PATIENCE_S) as client,
        browser.new_context(http_credentials={"username": "anna", "password": "geheim"}) as context,
    ):
        make(client)
        client.patch("/connectors/airports/config", json={"connector.version": "2.0.0"})
        page = context.new_page()
        page.goto(server.url + PATH)
        page.get_by_role("button", name="Roll back to generation 1").click()
        expect(page.get_by_role("region", name="Last move")).to_contain_text("to 1.4.0")
        assert httpx.get(server.url + PATH, timeout=PATIENCE_S).status_code == 401
    assert worker.asked_by[-1] == "anna"
