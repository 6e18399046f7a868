"""What is counted, in a registry of its own for each application."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


class Metrics:
    """Counters, gauges and histograms of one process, in Prometheus's terms."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.deliveries = self._counter(
            "webhook_deliveries", "Webhook requests by event and outcome.", "event", "outcome"
        )
        self.jobs = self._counter("jobs", "Jobs by kind and outcome.", "kind", "outcome")
        self.job_seconds = Histogram(
            "longshore_job_seconds", "Seconds that jobs took, by kind.", ["kind"], registry=self.registry
        )
        self.queue_depth = self._gauge("queue_depth", "Jobs that are due and wait, by kind.", "kind")
        self.queue_oldest = self._gauge(
            "queue_oldest_seconds", "Seconds the oldest due job has waited, by kind.", "kind"
        )
        self.dead_letters = self._gauge("dead_letters", "Jobs that were given up.")
        self.github_calls = self._counter(
            "github_calls", "Requests to GitHub by method and status.", "method", "status"
        )
        self.github_remaining = self._gauge(
            "github_remaining_calls", "What GitHub last said is left of its limit.", "resource"
        )
        self.builds = self._counter("builds", "Builds that ended, by what became of their candidate.", "outcome")
        self.deployments = self._counter("deployments", "Deployments that ended, by outcome.", "outcome")

    def called(self, method: str, status: int, seconds: float, headers: Mapping[str, str]) -> None:
        """Count one request to GitHub."""
        self.github_calls.labels(method, status or "none").inc()
        remaining = headers.get("x-ratelimit-remaining", "")
        if remaining.isdigit():
            self.github_remaining.labels(headers.get("x-ratelimit-resource", "core")).set(int(remaining))

    def shown(self) -> bytes:
        """Everything in the text format that Prometheus reads."""
        return generate_latest(self.registry)

    def _counter(self, name: str, says: str, *labels: str) -> Counter:
        return Counter(f"longshore_{name}", says, labels, registry=self.registry)

    def _gauge(self, name: str, says: str, *labels: str) -> Gauge:
        return Gauge(f"longshore_{name}", says, labels, registry=self.registry)
