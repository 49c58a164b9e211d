"""The pages, their paths, and what a page looks like that could not be made."""

from starlette.responses import Response

from launcher.page.acting import Acting
from launcher.page.documents import document
from launcher.page.reading import Reading
from launcher.rest.call import Call
from launcher.rest.operation import Endpoint
from launcher.rest.pages import Page

__all__ = ["pages"]

_CONNECTOR = "/ui/connectors/{connector}"


def pages() -> tuple[Page, ...]:
    """Return the pages of one worker, for REST's server."""
    reading = Reading()
    acting = Acting(reading)
    read: dict[str, Endpoint] = {
        "/": reading.connectors,
        "/ui": reading.connectors,
        "/ui/plugins": reading.plugins,
        _CONNECTOR: reading.connector,
        f"{_CONNECTOR}/plan": reading.plan,
    }
    acts: dict[str, Endpoint] = {
        "/ui/plugins/rescan": acting.rescan,
        f"{_CONNECTOR}/pause": acting.pause,
        f"{_CONNECTOR}/resume": acting.resume,
        f"{_CONNECTOR}/stop": acting.stop,
        f"{_CONNECTOR}/restart": acting.restart,
        f"{_CONNECTOR}/restart-failed": acting.restart_failed,
        f"{_CONNECTOR}/tasks/{{task}}/restart": acting.restart_task,
        f"{_CONNECTOR}/move": acting.move,
        f"{_CONNECTOR}/rollback": acting.roll_back,
    }
    return (
        *(_page("GET", path, endpoint) for path, endpoint in read.items()),
        *(_page("POST", path, endpoint) for path, endpoint in acts.items()),
        Page(
            method="GET",
            path="/ui/static/{file}",
            endpoint=reading.static,
            fault=_fault,
            needs_start=False,
        ),
    )


def _page(method: str, path: str, endpoint: Endpoint) -> Page:
    return Page(method=method, path=path, endpoint=endpoint, fault=_fault)


def _fault(call: Call, status: int, message: str) -> Response:
    """Tell in HTML why there is no page."""
    return document(call, "fault.html", {"status": status, "message": message}, status=status)
