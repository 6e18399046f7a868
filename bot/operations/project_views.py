"""The candidates of a project that something about its environments may concern."""

from bot.context import Context
from bot.operations import view_jobs, views
from bot.rules.ids import CandidateId
from bot.store.database import fetch, transaction

CONCERNED = """
SELECT max(id) AS id FROM candidates WHERE project_id = $1
UNION
SELECT d.candidate_id FROM deployments d JOIN environments e ON e.id = d.environment_id
    WHERE e.project_id = $1 AND d.status IN ('pending', 'in_progress', 'canceling')
UNION
SELECT d.candidate_id FROM environments e JOIN deployments d ON d.id IN (
    SELECT s.id FROM deployments s WHERE s.environment_id = e.id AND s.status = 'success'
    ORDER BY s.deploy_end_at DESC, s.id DESC LIMIT 2
) WHERE e.project_id = $1
"""
"""The newest candidate, those whose deployments are unfinished, and on each environment what is and what was live."""


async def show(context: Context, job: view_jobs.ShowProject) -> None:
    """Job: show the candidates anew whose buttons or whose state on an environment may have changed."""
    async with transaction():
        for row in await fetch(CONCERNED, job.project):
            if row["id"] is not None:
                await views.show(CandidateId(row["id"]))
