"""What each form does. Requests of other sites' pages never come here: `rest.browsers`.

After an act the browser is sent to a page (303), so that reloading it does nothing twice; what is
refused is told on the connector's own page.
"""

from collections.abc import Awaitable, Mapping

from starlette.responses import RedirectResponse, Response

from launcher.interface.faults import (
    InvalidConnectorConfigError,
    NotFoundError,
    RefusedError,
    RequestError,
)
from launcher.page.documents import connector_path, path_segment
from launcher.page.reading import Reading, asked_versions
from launcher.page.versions import version_patch
from launcher.rest.call import Call

__all__ = ["Acting"]


class Acting:
    """The forms; `reading` shows what they are refused with."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    async def pause(self, call: Call) -> Response:
        """Pause."""
        return await self._done(call, call.worker.pause(call.connector), "pause")

    async def resume(self, call: Call) -> Response:
        """Resume."""
        return await self._done(call, call.worker.resume(call.connector), "resume")

    async def stop(self, call: Call) -> Response:
        """Stop."""
        return await self._done(call, call.worker.stop(call.connector), "stop")

    async def restart(self, call: Call) -> Response:
        """Restart the connector with its tasks."""
        work = call.worker.restart(call.connector, include_tasks=True)
        return await self._done(call, work, "restart")

    async def restart_failed(self, call: Call) -> Response:
        """Restart what has failed."""
        work = call.worker.restart(call.connector, include_tasks=True, only_failed=True)
        return await self._done(call, work, "restart-failed")

    async def restart_task(self, call: Call) -> Response:
        """Restart one task."""
        work = call.worker.restart_task(call.connector, call.task)
        return await self._done(call, work, "restart-task")

    async def move(self, call: Call) -> Response:
        """Change versions, as the form says."""
        versions = asked_versions(await call.form())
        return await self._done(call, self._move(call, versions), "move")

    async def roll_back(self, call: Call) -> Response:
        """Move to an earlier generation."""
        to = (await call.form()).get("to", "")
        return await self._done(call, self._roll_back(call, to), "rollback")

    async def rescan(self, call: Call) -> Response:
        """Read the plugin path anew, and show what has changed."""
        try:
            report = await call.motion.rescan()
        except RefusedError as error:
            return self._reading.show_plugins(call, fault=error.message, code=error.status)
        return self._reading.show_plugins(call, report=report)

    async def _move(self, call: Call, versions: Mapping[str, str | None]) -> None:
        if not versions:
            raise RequestError("The form names no version")
        patch = version_patch(call.worker.config(call.connector), versions)
        await call.worker.patch_config(call.connector, patch, by=call.by)

    async def _roll_back(self, call: Call, to: str) -> None:
        if not (to.isascii() and to.isdigit() and len(to) < _MAX_DIGITS):
            raise RequestError("The form names no generation")
        await call.motion.rollback(call.connector, to=int(to), by=call.by)

    async def _done(self, call: Call, work: Awaitable[object], said: str) -> Response:
        try:
            await work
        except NotFoundError:
            raise
        except RefusedError as error:
            fault = _told(error) + (f"\n{error.hint}" if error.hint else "")
            return await self._reading.show_connector(call, fault=fault, code=error.status)
        where = f"{connector_path(call.connector)}?said={path_segment(said)}"
        return RedirectResponse(where, status_code=303)


def _told(error: RefusedError) -> str:
    """Return the words; faults of a config without Kafka's frame, each once."""
    if isinstance(error, InvalidConnectorConfigError):
        return "\n".join(dict.fromkeys(error.errors))
    return error.message


_MAX_DIGITS = 10
