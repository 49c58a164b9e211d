"""What each page shows."""

from collections.abc import Mapping
from dataclasses import replace

from starlette.responses import Response

from launcher.interface.motion import BuildState, LocationState, StageChange
from launcher.interface.views import ConnectorStatus
from launcher.page.connectors import ConnectorRow, connector_row, stage_rows, task_rows
from launcher.page.documents import asset, document
from launcher.page.throughput import Throughput
from launcher.page.versions import version_choices
from launcher.rest.call import Call
from launcher.rest.faults import UnroutableError

__all__ = ["Reading", "asked_versions"]

_SAID = {
    "pause": "Pausing.",
    "resume": "Resuming.",
    "stop": "Stopping.",
    "restart": "Restarting, tasks included.",
    "restart-failed": "Restarting what has failed.",
    "restart-task": "Restarting the task.",
    "move": "The move has begun; what ran before comes back if it does not become healthy.",
    "rollback": "On its way back to that generation.",
}
_MOVING = ("move", "rollback")
_BUILD_ORDER = (BuildState.MAKING, BuildState.WAITING)


class Reading:
    """The pages that are read; throughput is measured from one look to the next."""

    def __init__(self) -> None:
        self._throughput = Throughput()

    async def connectors(self, call: Call) -> Response:
        """Show every connector."""
        counters = call.worker.counters()
        rates = self._throughput.rates(counters)
        rows = [
            connector_row(status, counters, rates)
            for status in map(call.worker.status, call.worker.connectors())
        ]
        return document(call, "connectors.html", {"rows": rows})

    async def connector(self, call: Call) -> Response:
        """Show one connector."""
        return await self.show_connector(call)

    async def show_connector(
        self, call: Call, *, fault: str | None = None, code: int = 200
    ) -> Response:
        """Show the connector of the path, and what was refused."""
        name = call.connector
        worker = call.worker
        config = worker.config(name)
        status = _status(call, name)
        counters = worker.counters()
        rates = self._throughput.rates(counters)
        row = connector_row(status, counters, rates)
        values: dict[str, object] = {
            "name": name,
            "row": row,
            "status": status,
            "stages": stage_rows(status),
            "tasks": task_rows(status, counters, rates),
            "config": config,
            "choices": version_choices(config, status, worker.plugins(connectors_only=False)),
            "generations": await call.motion.generations(name),
            "move": status.last_move,
            **_said(call, row),
            "fault": fault,
        }
        return document(call, "connector.html", values, status=code)

    async def plan(self, call: Call) -> Response:
        """Show what other versions would change; the query has them by version key."""
        name = call.connector
        versions = asked_versions(dict(call.request.query_params))
        plan = await call.motion.plan(name, versions=versions)
        changing = [stage for stage in plan.stages if _changes(stage)]
        asked = {key: value or "" for key, value in versions.items()}
        values: dict[str, object] = {
            "name": name,
            "plan": plan,
            "asked": asked,
            "changing": changing,
            "staying": [stage for stage in plan.stages if stage not in changing],
        }
        return document(call, "plan.html", values)

    async def plugins(self, call: Call) -> Response:
        """Show the plugin path."""
        return self.show_plugins(call)

    def show_plugins(
        self, call: Call, *, report: object = None, fault: str | None = None, code: int = 200
    ) -> Response:
        """Show the plugin path, and what a rescan found changed."""
        locations = call.motion.locations()
        values: dict[str, object] = {
            "rows": [(location, _condition(location)) for location in locations],
            "building": sum(one.build in _BUILD_ORDER for one in locations),
            "report": report,
            "fault": fault,
        }
        return document(call, "plugins.html", values, status=code)

    async def static(self, call: Call) -> Response:
        """Answer the stylesheet or the script."""
        response = asset(call.segment("file"))
        if response is None:
            raise UnroutableError
        return response


def asked_versions(fields: Mapping[str, str]) -> dict[str, str | None]:
    """Return what a form says of version keys; an empty field takes the key away."""
    return {
        key: value.strip() or None
        for key, value in fields.items()
        if key.endswith((".plugin.version", "connector.version"))
    }


def _said(call: Call, row: ConnectorRow) -> Mapping[str, object]:
    """Return what to say of the last act; of a move as long as it goes on, then it tells itself."""
    act = call.request.query_params.get("said", "")
    is_passing = act in _MOVING
    is_over = is_passing and row.status.last_move is not None and not row.is_moving
    return {"said": None if is_over else _SAID.get(act), "is_passing": is_passing}


def _status(call: Call, name: str) -> ConnectorStatus:
    """Return the status, with its move and coming versions also where it does not carry them."""
    status = call.worker.status(name)
    return replace(
        status,
        last_move=status.last_move or call.motion.last_move(name),
        next_versions=status.next_versions or call.motion.next_versions(name),
    )


def _changes(stage: StageChange) -> bool:
    before = (stage.class_before, stage.version_before)
    return before != (stage.class_after, stage.version_after)


def _condition(location: LocationState) -> str:
    if location.is_gone:
        return "GONE"
    if location.build is BuildState.FAILED:
        return "FAILED"
    if location.problem is not None:
        return "BROKEN"
    return "NOT BUILT" if location.build is None else str(location.build)
