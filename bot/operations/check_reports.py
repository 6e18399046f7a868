"""Checks and commit statuses that others report: what waits for them at that commit is evaluated at once.

There are many: each costs one read by indexes, and nothing else unless something waits for it.
"""

from dataclasses import dataclass

from bot.context import Context
from bot.operations import gate_jobs, waiting
from bot.rules import gate_settings
from bot.rules.gate_checks import is_required
from bot.rules.ids import CommitSha, DeploymentId, EnvironmentId, ProtectionRequestId, RepositoryId
from bot.store.database import fetch
from bot.store.gate_queries import from_json

WAITING = """
SELECT d.id AS deployment, d.environment_id AS environment, e.gate_settings AS settings, NULL AS request
FROM candidates c JOIN deployments d ON d.candidate_id = c.id JOIN environments e ON e.id = d.environment_id
WHERE c.repository_id = $1 AND c."commit" = $2 AND d.waiting
UNION ALL SELECT NULL, NULL, NULL, id FROM protection_requests
WHERE repository_id = $1 AND "commit" = $2 AND state = 'waiting'
"""


@dataclass(frozen=True)
class CheckReport:
    """A check run that has been completed, or a commit status that is no longer pending, by its name."""

    repository: RepositoryId
    commit: CommitSha
    name: str


async def on_report(context: Context, report: CheckReport) -> None:
    """Enqueue an evaluation of the deployments that wait at that commit for that check, and of protection requests."""
    for row in await fetch(WAITING, report.repository, report.commit):
        if row["request"] is not None:
            await waiting.enqueue_request(ProtectionRequestId(row["request"]))
        elif is_required(gate_settings.read(from_json(row["settings"])), report.name):
            deployment, environment = DeploymentId(row["deployment"]), EnvironmentId(row["environment"])
            await waiting.enqueue_evaluation(gate_jobs.EvaluateWaiting(deployment, environment))
