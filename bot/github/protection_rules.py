"""Answers to environments of GitHub that ask whether a job may deploy.

https://docs.github.com/en/rest/actions/workflow-runs#review-custom-deployment-protection-rules-for-a-workflow-run
"""

from typing import Literal

from bot.github.repository import RepositoryClient
from bot.github.transport import ApiError
from bot.rules.ids import RunId
from bot.rules.texts import cut_markdown

MAX_COMMENT = 1_024

Verdict = Literal["approved", "rejected"]


async def respond(
    repository: RepositoryClient, run: RunId, environment: str, verdict: Verdict | None, comment: str
) -> bool:
    """Approve or reject the jobs of a run that wait for an environment; without a verdict, only report progress.

    GitHub takes at most ten reports of progress. Returns False when no job waits for our answer any more.
    """
    body = {"environment_name": environment, "comment": cut_markdown(comment, MAX_COMMENT)}
    if verdict is not None:
        body["state"] = verdict
    url = f"{repository.root}/actions/runs/{run}/deployment_protection_rule"
    try:
        await repository.request("POST", url, purpose="protection rule", data=body)
    except ApiError as error:
        error.raise_unless(404, 422)
        return False
    return True
