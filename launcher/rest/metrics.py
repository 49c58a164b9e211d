"""`/metrics` for Prometheus: Kafka Connect's groups, with the versions of everything that runs.

Kafka's `connector-task-metrics` are `venvoy_connector_task_*` here, and so on; what is text there
(a class, a version, a state) is a label of a metric that is 1.
"""

import time
from collections.abc import Iterable, Iterator

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.responses import Response

from launcher.interface.connectors import WorkerInterface
from launcher.interface.faults import NotFoundError
from launcher.interface.views import (
    ConnectorStatus,
    StageVersion,
    State,
    TaskCounters,
    TaskState,
)
from launcher.rest.about import KAFKA_VERSION, venvoy_version
from launcher.rest.call import Call
from launcher.rest.operation import Answer, Operation

__all__ = ["Metrics"]

_TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"
_UNDEFINED = "undefined"
_BUCKETS_S = (0.005, 0.025, 0.1, 0.5, 2.5, 10, 60)
_METHODS = frozenset(("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"))
_CONVERTERS = ("key.converter", "value.converter", "header.converter")
_ERRORS = {
    "total-record-failures": ("record_failures", "Failures of records, retries too"),
    "total-record-errors": ("record_errors", "Records that failed"),
    "total-records-skipped": ("records_skipped", "Records skipped because of errors"),
    "total-retries": ("retries", "Operations retried"),
    "total-errors-logged": ("errors_logged", "Errors logged"),
    "deadletterqueue-produce-requests": (
        "deadletterqueue_produce_requests",
        "Records sent to the dead letter topic",
    ),
    "deadletterqueue-produce-failures": (
        "deadletterqueue_produce_failures",
        "Records that the dead letter topic could not take",
    ),
}


class Metrics:
    """One worker's metrics: what the worker counts, and what REST counts of its own requests."""

    def __init__(self, worker: WorkerInterface) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # theirs
        self._registry = CollectorRegistry()
        self._registry.register(_WorkerCollector(worker))
        labels = ("method", "path")
        self._requests = Counter(
            "venvoy_rest_requests",
            "HTTP requests by method, route and status",
            (*labels, "status"),
            registry=self._registry,
        )
        self._durations = Histogram(
            "venvoy_rest_request_duration_seconds",
            "Time from a request's head to the end of its answer",
            labels,
            buckets=_BUCKETS_S,
            registry=self._registry,
        )

    def observe(self, *, method: str, path: str, status: int, duration_s: float) -> None:
        """Count one request; `path` is the route's, so that its values are few."""
        known = method if method in _METHODS else "other"
        self._requests.labels(known, path, str(status)).inc()
        self._durations.labels(known, path).observe(duration_s)

    def text(self) -> bytes:
        """Return everything in Prometheus's text format."""
        return generate_latest(self._registry)

    @property
    def operation(self) -> Operation:
        """The operation that answers the metrics."""

        async def show_metrics(call: Call) -> Response:  # noqa: ARG001 (the same to all)
            return Response(self.text(), headers={"Content-Type": _TEXT_FORMAT})

        return Operation(
            method="GET",
            path="/metrics",
            name="showMetrics",
            tag="worker",
            summary="Show metrics in Prometheus's text format",
            endpoint=show_metrics,
            answers={
                200: Answer(
                    description="metrics", schema={"type": "string"}, media_type="text/plain"
                )
            },
        )


class _WorkerCollector(Collector):
    """Reads the worker anew at each scrape, so that nothing outlives its connector."""

    def __init__(self, worker: WorkerInterface) -> None:
        self._worker = worker
        self._started = time.monotonic()

    def collect(self) -> Iterator[Metric]:
        """Return every family, also those without a sample."""
        pairs = tuple(_statuses(self._worker))
        yield from self._worker_families([status for status, _ in pairs])
        yield from _connector_families(pairs)
        yield from _task_families(pairs)
        yield from _stage_families([status for status, _ in pairs])
        counters = self._worker.counters()
        yield from _record_families(counters, {status.name: status.type for status, _ in pairs})
        yield from _error_families(counters)

    def _worker_families(self, statuses: Iterable[ConnectorStatus]) -> Iterator[Metric]:
        info = InfoMetricFamily("venvoy_worker", "The worker")
        info.add_metric(
            (),
            {
                "venvoy_version": venvoy_version(),
                "kafka_version": KAFKA_VERSION,
                "worker_id": self._worker.worker_id,
                "kafka_cluster_id": self._worker.cluster_id,
            },
        )
        yield info
        every = tuple(statuses)
        tasks = sum(len(status.tasks) for status in every)
        for name, documentation, value in (
            ("uptime_seconds", "Since the start", time.monotonic() - self._started),
            ("connector_count", "Connectors", len(every)),
            ("task_count", "Tasks", tasks),
        ):
            yield GaugeMetricFamily(f"venvoy_worker_{name}", documentation, value)


def _statuses(worker: WorkerInterface) -> Iterator[tuple[ConnectorStatus, str]]:
    """Return each connector that has a status, and its class: found, or as the config has it."""
    for name in worker.connectors():
        try:
            status = worker.status(name)
            asked = worker.config(name).get("connector.class", _UNDEFINED)
        except NotFoundError:
            continue
        yield status, status.class_name or asked


def _connector_families(pairs: Iterable[tuple[ConnectorStatus, str]]) -> Iterator[Metric]:
    info = InfoMetricFamily("venvoy_connector", "A connector", labels=("connector",))
    state = _states("venvoy_connector_status", "A connector's state", ("connector",))
    for status, class_name in pairs:
        info.add_metric(
            (status.name,),
            {
                "connector_class": class_name,
                "connector_version": status.connector.version or _UNDEFINED,
                "connector_type": status.type,
                "environment": status.connector.environment or "",
            },
        )
        _add_state(state, (status.name,), status.connector.state)
    yield from (info, state)


def _task_families(pairs: Iterable[tuple[ConnectorStatus, str]]) -> Iterator[Metric]:
    labels = ("connector", "task")
    info = InfoMetricFamily("venvoy_connector_task", "A task's plugins", labels=labels)
    state = _states("venvoy_connector_task_status", "A task's state", labels)
    for status, class_name in pairs:
        for task in status.tasks:
            who = (status.name, str(task.id))
            info.add_metric(who, _task_labels(status, class_name, task))
            _add_state(state, who, task.state)
    yield from (info, state)


def _task_labels(status: ConnectorStatus, class_name: str, task: TaskState) -> dict[str, str]:
    labels = {
        "connector_class": class_name,
        "connector_version": task.version or _UNDEFINED,
        "connector_type": status.type,
        "environment": status.connector.environment or "",
    }
    stages = {stage.role: stage for stage in status.stages}
    for role in _CONVERTERS:
        stage = stages.get(role)
        prefix = role.replace(".", "_")
        labels[f"{prefix}_class"] = stage.class_name if stage else _UNDEFINED
        labels[f"{prefix}_version"] = stage.version if stage else _UNDEFINED
    return labels


def _stage_families(statuses: Iterable[ConnectorStatus]) -> Iterator[Metric]:
    """Return Kafka's connector-transform-metrics and connector-predicate-metrics.

    A predicate that several transformations have is told once.
    """
    families = {
        role: InfoMetricFamily(
            f"venvoy_connector_{word}", f"A {role} of a task", labels=("connector", "task", word)
        )
        for role, word in (("transformation", "transform"), ("predicate", "predicate"))
    }
    for status in statuses:
        stages = {(stage.role, stage.alias): stage for stage in status.stages}
        for (role, _), stage in stages.items():
            if role in families:
                _add_stage(families[role], status, stage)
    yield from families.values()


def _add_stage(family: InfoMetricFamily, status: ConnectorStatus, stage: StageVersion) -> None:
    word = family.name.removeprefix("venvoy_connector_")
    for task in status.tasks:
        family.add_metric(
            (status.name, str(task.id), stage.alias or ""),
            {
                f"{word}_class": stage.class_name,
                f"{word}_version": stage.version,
                "environment": stage.environment or "",
            },
        )


def _record_families(counters: Iterable[TaskCounters], types: dict[str, str]) -> Iterator[Metric]:
    """Return Kafka's source-task-metrics and sink-task-metrics."""
    for kind, words in (
        ("source", (("poll", "polled"), ("write", "written to topics"))),
        ("sink", (("read", "read from topics"), ("send", "put"))),
    ):
        taken, given = (
            CounterMetricFamily(
                f"venvoy_{kind}_task_record_{word}",
                f"Records {done} since the task started",
                labels=("connector", "task"),
            )
            for word, done in words
        )
        for task in counters:
            if types.get(task.connector) == kind:
                taken.add_metric((task.connector, str(task.task)), task.records_in)
                given.add_metric((task.connector, str(task.task)), task.records_out)
        yield from (taken, given)


def _error_families(counters: Iterable[TaskCounters]) -> Iterator[Metric]:
    """Return Kafka's task-error-metrics."""
    labels = ("connector", "task")
    for name, (word, documentation) in _ERRORS.items():
        family = CounterMetricFamily(f"venvoy_task_error_{word}", documentation, labels=labels)
        for task in counters:
            family.add_metric((task.connector, str(task.task)), task.errors.get(name, 0))
        yield family
    last = GaugeMetricFamily(
        "venvoy_task_error_last_error_timestamp_seconds", "When the last error was", labels=labels
    )
    for task in counters:
        milliseconds = task.errors.get("last-error-timestamp", 0)
        last.add_metric((task.connector, str(task.task)), milliseconds / 1000)
    yield last


def _states(name: str, documentation: str, labels: tuple[str, ...]) -> GaugeMetricFamily:
    return GaugeMetricFamily(
        name, f"{documentation}: 1 for the one it has", labels=(*labels, "status")
    )


def _add_state(family: GaugeMetricFamily, who: tuple[str, ...], state: State) -> None:
    for each in State:
        family.add_metric((*who, each.lower()), float(each == state))
