"""The table of metrics, made of what a process registers."""

from collections.abc import Sequence

from prometheus_client.metrics_core import Metric

from bot.events.releases import BuildFinished, DeploymentFinished
from bot.metrics import Metrics
from bot.rules.command_pages import markdown_table
from bot.rules.ids import DeploymentId

_NAMES = {"counter": "{}_total", "info": "{}_info"}


def table() -> str:
    """A row for each metric of ours: its name, type and labels, and what it says."""
    metrics = _with_samples()
    families = [*metrics.registry.collect(), *metrics.details.registry.collect()]
    rows = [_row(family) for family in families if family.name.startswith("longshore_")]
    return markdown_table(("metric", "type", "labels", "meaning"), rows)


def _row(family: Metric) -> Sequence[str]:
    name = _NAMES.get(family.type, "{}").format(family.name)
    labels = dict.fromkeys(label for sample in family.samples for label in sample.labels if label != "le")
    return f"`{name}`", family.type, ", ".join(f"`{label}`" for label in labels), family.documentation


def _with_samples() -> Metrics:
    """The metrics of a process, each with a sample, which shows its labels."""
    metrics = Metrics()
    metrics.describe("", "")
    metrics.watch_worker(0, lambda: 0, lambda: 0)
    metrics.on_readiness((), ())
    metrics.on_github_call("GET", 200, 0, {"x-ratelimit-remaining": "0"})
    metrics.http.record("", "GET", 200, 0)
    metrics.queue.set({"": (0, 0)}, 0, ())
    metrics.jobs.labels("", "")
    metrics.job_seconds.labels("")
    metrics.on_event(BuildFinished(version="", project="", status="", reason="", seconds=0))
    metrics.on_event(
        DeploymentFinished(
            environment="",
            version="",
            deployment_id=DeploymentId(0),
            old_status="",
            status="success",
            message="",
            project="",
            seconds=0,
        )
    )
    return metrics
