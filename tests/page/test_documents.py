"""The pages as documents: who gets them, what they refuse, and forms without a script."""

from dataclasses import replace
from urllib.parse import quote

import httpx
import pytest

from launcher.interface.faults import InvalidConnectorConfigError
from launcher.interface.motion import Move, MoveState
from launcher.interface.views import Health, State, TargetState
from tests.page.conftest import HTML
from tests.page.made import EVIL, make
from tests.rest.fake_motion import AT
from tests.rest.fake_worker import FakeWorker
from tests.rest.running import PATIENCE_S, served
from tests.rest.settings import Settings

PATH = "/ui/connectors/airports"
PAGES = ("/", "/ui", PATH, f"{PATH}/plan?connector.version=2.0.0", "/ui/plugins")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("accept", "is_page"),
    [
        (HTML["Accept"], True),
        ("text/html", True),
        ("text/html;q=0.5, application/json;q=0.4", True),
        ("text/html, application/json", False),
        ("text/html;q=0.3, application/json;q=0.4", False),
        ("text/html;q=nonsense", False),
        ("text/html;q=0", False),
        ("application/json", False),
        ("*/*", False),
        ("", False),
    ],
)
def test_the_root_is_a_page_for_who_prefers_one(
    people: httpx.Client, accept: str, is_page: bool
) -> None:
    answer = people.get("/", headers={"Accept": accept})
    assert answer.headers["content-type"].startswith("text/html") == is_page
    if not is_page:
        assert answer.json()["version"] == "4.1.0"


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_guarded_and_kept_by_nobody(people: httpx.Client, path: str) -> None:
    make(people)
    answer = people.get(path)
    assert answer.status_code == 200
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert "<script>" not in answer.text


def test_the_stylesheet_and_the_script_are_served_under_what_they_are(
    people: httpx.Client,
) -> None:
    page = people.get("/").text
    for name, media_type in (("page.css", "text/css"), ("page.js", "text/javascript")):
        start = page.index(f"/ui/static/{name}")
        answer = people.get(page[start : page.index('"', start)])
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(media_type)
        assert "immutable" in answer.headers["cache-control"]
    assert people.get("/ui/static/..%2Fsite.py").status_code == 404


@pytest.mark.parametrize("path", PAGES)
def test_what_plugins_and_configs_say_is_text(
    people: httpx.Client, worker: FakeWorker, path: str
) -> None:
    """Names, traces, values, reasons and locations alike."""
    make(people, EVIL, file=EVIL, **{EVIL: EVIL})
    worker.fail_task(EVIL, 0, f"Traceback\n{EVIL}")
    worker.moves[EVIL] = _returned(f"ValueError: {EVIL}")
    answer = people.get(path.replace("airports", quote(EVIL, safe="")))
    assert answer.status_code == 200
    assert "<script>window" not in answer.text
    assert "<img" not in answer.text
    assert "&lt;script&gt;window" in answer.text


def test_a_trace_that_is_not_unicode_is_shown(people: httpx.Client, worker: FakeWorker) -> None:
    make(people)
    worker.fail_task("airports", 0, "ValueError: \ud800")
    assert "\\ud800" in people.get(PATH).text


def test_secrets_stay_hidden(people: httpx.Client) -> None:
    make(people, password="hunter2")
    text = people.get(PATH).text
    assert "hunter2" not in text
    assert "[hidden]" in text


@pytest.mark.parametrize("path", ["/ui/connectors/none", "/ui/connectors/none/plan"])
def test_a_connector_that_is_not_there(people: httpx.Client, path: str) -> None:
    answer = people.get(path)
    assert answer.status_code == 404
    assert "Connector none not found" in answer.text
    assert answer.headers["content-type"].startswith("text/html")


def test_a_worker_that_starts_says_so(people: httpx.Client, worker: FakeWorker) -> None:
    worker.condition = Health(status="starting", message="wait")
    answer = people.get("/")
    assert answer.status_code == 503
    assert "Not ready yet" in answer.text


def test_a_fault_of_ours_is_a_page_without_its_details(
    people: httpx.Client, worker: FakeWorker
) -> None:
    worker.fault = KeyError("hunter2")
    answer = people.get("/")
    assert answer.status_code == 500
    assert answer.headers["content-type"].startswith("text/html")
    assert "hunter2" not in answer.text


@pytest.mark.parametrize(
    ("act", "state"),
    [("pause", State.PAUSED), ("stop", State.STOPPED), ("resume", State.RUNNING)],
)
def test_forms_steer_and_lead_back(
    people: httpx.Client, worker: FakeWorker, act: str, state: State
) -> None:
    make(people)
    answer = people.post(f"{PATH}/{act}", headers=FORM)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{PATH}?said={act}"
    assert worker.status("airports").connector.state is state
    assert people.get(answer.headers["location"]).status_code == 200


def test_forms_restart(people: httpx.Client, worker: FakeWorker) -> None:
    make(people)
    worker.fail_task("airports", 1, "ValueError: no")
    for act in ("restart-failed", "tasks/0/restart", "restart"):
        assert people.post(f"{PATH}/{act}", headers=FORM).status_code == 303
    assert worker.restarts == [
        ("airports", 1),
        ("airports", 0),
        ("airports", None),
        ("airports", 0),
        ("airports", 1),
    ]


def test_a_move_changes_versions_only_and_says_who(
    people: httpx.Client, worker: FakeWorker
) -> None:
    make(people, connector__plugin__version="1.4.0")
    data = {"connector.version": " 2.0.0 ", "file": "/etc/passwd"}
    assert people.post(f"{PATH}/move", data=data).status_code == 303
    config = worker.config("airports")
    assert config["connector.version"] == config["connector.plugin.version"] == "2.0.0"
    assert config["file"] == "/data/a.csv"
    assert worker.asked_by[-1] == "127.0.0.1"


def test_an_empty_version_takes_the_key_away(people: httpx.Client, worker: FakeWorker) -> None:
    make(people)
    assert people.post(f"{PATH}/move", data={"connector.version": ""}).status_code == 303
    assert "connector.version" not in worker.config("airports")


@pytest.mark.parametrize(
    ("act", "data", "said"),
    [
        ("move", {"connector.version": "9.9"}, "no version 9.9"),
        ("move", {"file": "x"}, "The form names no version"),
        ("rollback", {"to": "x"}, "The form names no generation"),
        ("rollback", {}, "The form names no generation"),
    ],
)
def test_what_is_refused_is_told_beside_the_connector(
    people: httpx.Client, act: str, data: dict[str, str], said: str
) -> None:
    make(people)
    answer = people.post(f"{PATH}/{act}", data=data, headers=FORM)
    assert answer.status_code == 400
    assert said in answer.text
    assert "<h1>airports</h1>" in answer.text


def test_a_fault_under_two_keys_is_told_once(
    people: httpx.Client, worker: FakeWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(people)

    async def refuse(*_: object, **__: object) -> None:
        raise InvalidConnectorConfigError(("no version 9.9 is there",) * 2)

    monkeypatch.setattr(worker, "patch_config", refuse)
    answer = people.post(f"{PATH}/move", data={"connector.version": "9.9"}, headers=FORM)
    assert answer.status_code == 400
    assert answer.text.count("no version 9.9 is there") == 1


def test_a_form_is_declared_as_one(people: httpx.Client) -> None:
    make(people)
    body = b'{"connector.version": "2.0.0"}'
    answer = people.post(f"{PATH}/move", content=body, headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415


def test_a_form_that_is_too_large_or_not_utf8_is_refused(worker: FakeWorker) -> None:
    with (
        served(worker, Settings(rest_max_body_bytes=2000)) as server,
        httpx.Client(base_url=server.url, timeout=PATIENCE_S) as client,
    ):
        make(client)
        large = client.post(f"{PATH}/move", data={"connector.version": "2" * 3000})
        torn = client.post(f"{PATH}/move", content=b"connector.version=%ff", headers=FORM)
    assert (large.status_code, torn.status_code) == (413, 400)


def test_generations_can_be_gone_back_to(people: httpx.Client, worker: FakeWorker) -> None:
    make(people)
    people.post(f"{PATH}/move", data={"connector.version": "2.0.0"})
    text = people.get(PATH).text
    assert 'aria-label="Roll back to generation 1"' in text
    assert 'aria-label="Roll back to generation 2"' not in text
    assert "plugin <code" in text
    assert ("aa" * 32 in text, "bb" * 32 in text) == (True, True)
    assert people.post(f"{PATH}/rollback", data={"to": "1"}).status_code == 303
    assert worker.config("airports")["connector.version"] == "1.4.0"


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
    ],
)
def test_a_form_on_another_sites_page_does_nothing(
    people: httpx.Client, worker: FakeWorker, headers: dict[str, str]
) -> None:
    """Where a browser leaves Sec-Fetch-Site out, on plain HTTP, Origin tells."""
    make(people)
    assert people.post(f"{PATH}/stop", headers=FORM | headers).status_code == 403
    assert worker.status("airports").connector.state is State.RUNNING


def test_a_form_on_a_page_of_ones_own_does(people: httpx.Client) -> None:
    make(people)
    origin = str(people.base_url).rstrip("/")
    answer = people.post(f"{PATH}/stop", headers=FORM | {"Origin": origin})
    assert answer.status_code == 303


def test_a_plan_has_the_button_unless_it_would_be_refused(
    people: httpx.Client, worker: FakeWorker
) -> None:
    make(people)
    text = people.get(f"{PATH}/plan?connector.version=2.0.0").text
    assert '<input type="hidden" name="connector.version" value="2.0.0">' in text
    assert "<del>1.4.0</del>" in text
    assert "<ins>2.0.0</ins>" in text
    assert worker.config("airports")["connector.version"] == "1.4.0"


def test_a_rescan_shows_what_has_changed(people: httpx.Client) -> None:
    text = people.post("/ui/plugins/rescan", headers=FORM).text
    assert "Added: acme_csv.CsvSourceConnector 2.0.0" in text
    assert "Broken: /plugins/torn" in text
    assert "Nothing has changed" not in text


def test_locations_tell_why(people: httpx.Client) -> None:
    make(people)
    text = people.get("/ui/plugins").text
    for said in ("no wheel", "put one there", "what runs from it goes on", "BROKEN", "GONE"):
        assert said in text
    assert f'href="{PATH}"' in text


def test_a_move_that_went_back_says_why(people: httpx.Client, worker: FakeWorker) -> None:
    make(people)
    worker.moves["airports"] = _returned("ValueError: no start today")
    assert "↩" in people.get("/").text
    text = people.get(PATH).text
    assert "no start today" in text
    assert "To 2.0.0 (generation 2), and back to 1.4.0 (generation 1)" in text
    refused = replace(_returned("not installed"), to_generation=1)
    worker.moves["airports"] = refused
    assert "was refused before anything stopped" in people.get(PATH).text


def test_a_move_that_went_back_to_what_does_not_run_does_not_say_that_it_does(
    people: httpx.Client, worker: FakeWorker
) -> None:
    make(people)
    worker.moves["airports"] = _returned("ValueError: no start today")
    assert "generation 1), which runs again." in people.get(PATH).text
    worker.stored["airports"] = replace(worker.stored["airports"], target=TargetState.STOPPED)
    assert "generation 1). Begun" in people.get(PATH).text.replace("\n", "")


def test_a_move_that_keeps_its_version_says_so(people: httpx.Client, worker: FakeWorker) -> None:
    make(people)
    done = replace(_returned(""), state=MoveState.DONE, reason=None, to_version="1.4.0")
    worker.moves["airports"] = done
    said = "Started anew at 1.4.0: from generation 1 to generation 2."
    assert said in people.get(PATH).text


def test_a_rate_is_told_once_there_is_one(people: httpx.Client) -> None:
    make(people, "looked-at-once")
    page = people.get("/ui/connectors/looked-at-once").text
    lead = page.partition('<p class="lead">')[2].partition("</p>")[0]
    assert "tasks running" in lead
    assert "records/s" not in lead


def test_a_move_is_announced_until_it_is_over(people: httpx.Client, worker: FakeWorker) -> None:
    make(people)
    said = "The move has begun"
    assert said in people.get(f"{PATH}?said=move").text
    worker.moves["airports"] = replace(_returned(""), state=MoveState.PREPARING, reason=None)
    assert said in people.get(f"{PATH}?said=move").text
    assert "PREPARING" in people.get("/").text
    worker.moves["airports"] = _returned("no")
    assert said not in people.get(f"{PATH}?said=move").text
    assert "<script" not in people.get(f"{PATH}?said={quote('<script>')}").text.partition("<h1>")[2]


def test_a_name_of_any_alphabet_has_a_page(people: httpx.Client) -> None:
    name = "a/b c?ü#%"
    make(people, name)
    found = people.get("/").text
    path = f"/ui/connectors/{quote(name, safe='')}"
    assert path in found
    assert people.get(path).status_code == 200
    assert people.post(f"{path}/pause", headers=FORM).headers["location"] == f"{path}?said=pause"


def _returned(reason: str) -> Move:
    return Move(
        from_generation=1,
        to_generation=2,
        state=MoveState.RETURNED,
        from_version="1.4.0",
        to_version="2.0.0",
        began_at=AT,
        reason=reason,
    )
