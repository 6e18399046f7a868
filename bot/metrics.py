"""Prometheus metrics, in registries of their own for each application."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import accumulate
from platform import python_version

from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from bot.events.alarms import alarm_names
from bot.events.event import Event
from bot.events.releases import BuildFinished, DeploymentStatusChanged

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
"""Of an exposition: Prometheus's text format, its version and its character set."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNMATCHED = "unmatched"
"""The route of requests for which there is none."""
REQUEST_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)  # seconds
RUN_BUCKETS = (10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)  # seconds: of builds and deployments
REFUSED_DELIVERIES = ("400", "401", "408", "413", "415", "503")
"""Outcomes of deliveries that are not stored."""
WARNINGS = ("github", "queue", "webhooks", "worker")
"""The subjects of warnings."""

Depths = Mapping[str, tuple[int, float]]
"""For each kind of job with due ones: how many are waiting, and for how many seconds the oldest has been due."""


class Registry(CollectorRegistry):
    """A registry without the `_created` series: there would be one for each other series, and nobody looks at them."""

    def collect(self) -> Iterator[Metric]:
        """All metrics."""
        for metric in super().collect():
            metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
            yield metric


class Metrics:
    """The counters, gauges and histograms of one process."""

    def __init__(self) -> None:
        self.registry = Registry()
        self.http, self.queue = HttpRequests(), QueueSize()
        for collector in (self.http, self.queue):
            self.registry.register(collector)
        self.totals, self.details = RunOutcomes(()), RunOutcomes(("project", "environment"))
        self.deliveries = self._counter(
            "webhook_deliveries", "Webhook requests by event and outcome.", "event", "outcome"
        )
        self.jobs = self._counter("jobs", "Jobs by kind and outcome.", "kind", "outcome")
        self.job_seconds = Histogram(
            "longshore_job_seconds", "Seconds that jobs took, by kind.", ["kind"], registry=self.registry
        )
        self.github_calls = self._counter(
            "github_calls", "Requests to GitHub by method and status.", "method", "status"
        )
        self.github_remaining = self._gauge(
            "github_remaining_calls", "Calls left within GitHub's rate limit, as last reported.", "resource"
        )
        self.alarms = self._counter("alarms", "Alarms, by their names in the audit log.", "alarm")
        self.ready = self._gauge("ready", "Whether this process can do its job, as /readyz says: 1 or 0.")
        self.warnings = self._gauge("warnings", "Whether /readyz has a warning, by subject: 1 or 0.", "subject")
        self._add_process_metrics()
        self._add_zeros()

    def describe(self, version: str, database: str) -> None:
        """Set what this process is: the version of Longshore, and the dialect of its database."""
        info = Info("longshore_build", "The version of Longshore, of Python, and the database.", registry=self.registry)
        info.info({"version": version, "python": python_version(), "database": database})

    def watch_worker(self, slots: int, running: Callable[[], float], silence: Callable[[], float]) -> None:
        """Show a worker: its slots, how many of them are in use, and the seconds since its last progress."""
        self._gauge("worker_slots", "Jobs that the worker of this process runs at once, at most.").set(slots)
        self._gauge("worker_running_jobs", "Jobs that the worker of this process is running.").set_function(running)
        self._gauge(
            "worker_last_progress_seconds", "Seconds since the worker of this process last read and wrote the queue."
        ).set_function(silence)

    def on_github_call(self, method: str, status: int, seconds: float, headers: Mapping[str, str]) -> None:
        """Count one request to GitHub; `status` is 0 when there was no response."""
        self.github_calls.labels(method, status or "none").inc()
        remaining = headers.get("x-ratelimit-remaining", "")
        if remaining.isdigit():
            self.github_remaining.labels(headers.get("x-ratelimit-resource", "core")).set(int(remaining))

    def on_event(self, event: Event) -> None:
        """Count alarms, and finished builds and deployments."""
        if event.alarm:
            self.alarms.labels(event.name).inc()
        match event:
            case BuildFinished():
                self.totals.add_build((), event)
                self.details.add_build((event.project,), event)
            case DeploymentStatusChanged(has_ended=True):
                self.totals.add_deployment((), event)
                self.details.add_deployment((event.project, event.environment), event)

    def on_readiness(self, problems: Iterable[str], warnings: Iterable[str]) -> None:
        """Note the subjects of what `/readyz` says."""
        self.ready.set(not any(problems))
        found = set(warnings)
        for subject in found.union(WARNINGS):
            self.warnings.labels(subject).set(subject in found)

    def exposition(self, *, by_project: bool = True) -> bytes:
        """All metrics in Prometheus's text format; builds and deployments by outcome alone unless `by_project`.

        May be called in any thread: it takes milliseconds for each thousand lines.
        """
        outcomes = self.details if by_project else self.totals
        return generate_latest(self.registry) + generate_latest(outcomes.registry)

    def _add_process_metrics(self) -> None:
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)

    def _add_zeros(self) -> None:
        """Begin the series that alerts look at with 0, so that their first increase is seen."""
        for alarm in alarm_names():
            self.alarms.labels(alarm)
        for outcome in REFUSED_DELIVERIES:
            self.deliveries.labels("unknown", outcome)

    def _counter(self, name: str, help_text: str, *labels: str) -> Counter:
        return Counter(f"longshore_{name}", help_text, labels, registry=self.registry)

    def _gauge(self, name: str, help_text: str, *labels: str) -> Gauge:
        return Gauge(f"longshore_{name}", help_text, labels, registry=self.registry)


class RunOutcomes:
    """Finished builds and deployments, and how long they took: by outcome, and by those of `labels` that apply."""

    def __init__(self, labels: tuple[str, ...]) -> None:
        self.registry = Registry()
        self._builds, self._build_seconds = self._metrics("build", "candidate", labels[:1])
        self._deployments, self._deployment_seconds = self._metrics("deployment", "deployment", labels)

    def add_build(self, labels: tuple[str, ...], event: BuildFinished) -> None:
        """Count a finished build."""
        self._builds.labels(*labels, event.status).inc()
        if event.seconds is not None:
            self._build_seconds.labels(*labels, event.status).observe(event.seconds)

    def add_deployment(self, labels: tuple[str, ...], event: DeploymentStatusChanged) -> None:
        """Count a finished deployment."""
        self._deployments.labels(*labels, event.status).inc()
        if event.seconds is not None:
            self._deployment_seconds.labels(*labels, event.status).observe(event.seconds)

    def _metrics(self, noun: str, subject: str, labels: tuple[str, ...]) -> tuple[Counter, Histogram]:
        by = (*labels, "outcome")
        counter = Counter(
            f"longshore_{noun}s", f"Finished {noun}s, by the final status of the {subject}.", by, registry=self.registry
        )
        histogram = Histogram(
            f"longshore_{noun}_duration_seconds",
            f"Seconds from the request for a {noun} to its end.",
            by,
            buckets=RUN_BUCKETS,
            registry=self.registry,
        )
        return counter, histogram


class Durations:
    """How many requests took how long: `counts` by bucket, with a last one for those beyond, and the sum of seconds."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(REQUEST_BUCKETS) + 1)
        self.total = 0.0


class HttpRequests(Collector):
    """HTTP requests by route, method and status, and their durations by route and method.

    Only the thread of the event loop counts, so that counting needs no lock: with the library's own counter and
    histogram it would cost six times as much. Another thread may collect: it copies what it iterates over.
    """

    def __init__(self) -> None:
        self._requests: dict[tuple[str, str, int], int] = {}
        self._durations: dict[tuple[str, str], Durations] = {}

    def record(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request. `method` is one of METHODS or `other`."""
        key = (route, method, status)
        self._requests[key] = self._requests.get(key, 0) + 1
        durations = self._durations.get(key[:2])
        if durations is None:
            durations = self._durations[key[:2]] = Durations()
        durations.counts[bisect_left(REQUEST_BUCKETS, seconds)] += 1
        durations.total += seconds

    def collect(self) -> Iterator[Metric]:
        """The two metrics."""
        requests = CounterMetricFamily(
            "longshore_http_requests",
            "HTTP requests by the route's pattern, method and status.",
            labels=["route", "method", "status"],
        )
        for (route, method, status), count in list(self._requests.items()):
            requests.add_metric([route, method, str(status)], count)
        yield requests
        seconds = HistogramMetricFamily(
            "longshore_http_request_duration_seconds",
            "Seconds until the response to an HTTP request was ready, by the route's pattern and method.",
            labels=["route", "method"],
        )
        bounds = [*(str(bound) for bound in REQUEST_BUCKETS), "+Inf"]
        for labels, durations in list(self._durations.items()):
            buckets = list(zip(bounds, map(float, accumulate(list(durations.counts))), strict=True))
            seconds.add_metric(labels, buckets, durations.total)
        yield seconds


class QueueSize(Collector):
    """The due jobs by kind, and the dead letters, as last read; none of them while they cannot be read."""

    def __init__(self) -> None:
        self._depths: Depths = {}
        self._dead_letters: int | None = None

    def set(self, depths: Depths, dead_letters: int, kinds: Iterable[str]) -> None:
        """Note what was read. `kinds` of which no job is due are shown with 0."""
        self._depths = {**dict.fromkeys(kinds, (0, 0.0)), **depths}
        self._dead_letters = dead_letters

    def clear(self) -> None:
        """Note that nothing could be read."""
        self._depths, self._dead_letters = {}, None

    def collect(self) -> Iterator[Metric]:
        """The three metrics."""
        depth = GaugeMetricFamily("longshore_queue_depth", "Due jobs that are waiting, by kind.", labels=["kind"])
        oldest = GaugeMetricFamily(
            "longshore_queue_oldest_seconds",
            "Seconds that the oldest due job has been waiting, by kind.",
            labels=["kind"],
        )
        for kind, (count, seconds) in sorted(self._depths.items()):
            depth.add_metric([kind], count)
            oldest.add_metric([kind], seconds)
        yield from (depth, oldest)
        yield GaugeMetricFamily("longshore_dead_letters", "Jobs that were given up.", value=self._dead_letters)
