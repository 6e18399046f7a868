"""Prometheus metrics, in a registry of their own for each application."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from bot.events.event import Event
from bot.events.releases import BuildFinished, DeploymentStatusChanged


class Metrics:
    """The counters, gauges and histograms of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.deliveries = self._counter(
            "webhook_deliveries", "Webhook requests by event and outcome.", "event", "outcome"
        )
        self.jobs = self._counter("jobs", "Jobs by kind and outcome.", "kind", "outcome")
        self.job_seconds = Histogram(
            "longshore_job_seconds", "Seconds that jobs took, by kind.", ["kind"], registry=self.registry
        )
        self.queue_depth = self._gauge("queue_depth", "Due jobs that are waiting, by kind.", "kind")
        self.queue_oldest = self._gauge(
            "queue_oldest_seconds", "Seconds that the oldest due job has been waiting, by kind.", "kind"
        )
        self.dead_letters = self._gauge("dead_letters", "Jobs that were given up.")
        self.github_calls = self._counter(
            "github_calls", "Requests to GitHub by method and status.", "method", "status"
        )
        self.github_remaining = self._gauge(
            "github_remaining_calls", "Calls left within GitHub's rate limit, as last reported.", "resource"
        )
        self.builds = self._counter("builds", "Finished builds, by the resulting status of their candidate.", "outcome")
        self.deployments = self._counter("deployments", "Finished deployments, by outcome.", "outcome")
        self.alarms = self._counter("alarms", "Alarms, by their names in the audit log.", "alarm")

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
            case BuildFinished(status=status):
                self.builds.labels(status).inc()
            case DeploymentStatusChanged(has_ended=True, status=status):
                self.deployments.labels(status).inc()

    def exposition(self) -> bytes:
        """All metrics in Prometheus's text format."""
        return generate_latest(self.registry)

    def _counter(self, name: str, help_text: str, *labels: str) -> Counter:
        return Counter(f"longshore_{name}", help_text, labels, registry=self.registry)

    def _gauge(self, name: str, help_text: str, *labels: str) -> Gauge:
        return Gauge(f"longshore_{name}", help_text, labels, registry=self.registry)
