"""The host of a connector's own object: begun with what was prepared, asked for tasks, stopped."""

from collections.abc import Callable, Mapping

from launcher.tasks.connector_host import ConnectorHost, TaskClass
from launcher.tasks.threads import in_thread
from launcher.worker.connector_tasks import TASK_CLASS
from launcher.worker.preparing import Prepared
from launcher.worker.references import with_references
from manager.errors import VenvoyError

__all__ = ["OwnHost"]


class OwnHost:
    """One host at a time. `on_failure` and `on_reconfigure` hear the one that is there."""

    def __init__(
        self,
        *,
        on_failure: Callable[[VenvoyError], None],
        on_reconfigure: Callable[[], None],
    ) -> None:
        self.begun_with: Mapping[str, str] = {}
        """The config, as it was written, that the connector was begun with last."""
        self._on_failure = on_failure
        self._on_reconfigure = on_reconfigure
        self._host: ConnectorHost | None = None
        self._task_class: TaskClass | None = None

    @property
    def is_there(self) -> bool:
        """Whether it was begun and not stopped; it may have failed."""
        return self._host is not None

    async def begin(self, prepared: Prepared, config: Mapping[str, str]) -> None:
        """Start the connector; raises what the plugin or its host fails with."""
        self.begun_with = config
        plan = prepared.plan
        segment = next(one for one in plan.segments if plan.connector in one.stages)
        host = await ConnectorHost.start(plan, segment, prepared.runtime)
        self._host = host
        host.on_failure = lambda error: self._on_failure(error) if self._host is host else None
        host.on_reconfigure = self._on_reconfigure
        is_source = plan.kind == "source"
        offsets = await prepared.runtime.log.source_offsets(plan.name) if is_source else ()
        self._task_class = await host.begin(offsets)

    async def task_configs(self, prepared: Prepared) -> tuple[Mapping[str, str], ...] | None:
        """Return the configs of its tasks as they may be stored; None when it is not there."""
        host, task_class, config = self._host, self._task_class, self.begun_with
        if host is None or task_class is None:
            return None
        made = await host.task_configs()
        return await in_thread(
            lambda: tuple(
                {
                    TASK_CLASS: f"{task_class.module}:{task_class.qualname}",
                    **with_references(one, written=config, resolve=prepared.resolve),
                }
                for one in made
            )
        )

    async def stop(self) -> None:
        """End it in order, if it is there."""
        host, self._host = self._host, None
        if host is not None:
            await host.stop()
