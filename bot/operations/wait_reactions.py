"""The reaction to a comment that has asked for a deployment that waited: added when the wait ends."""

from bot.operations import gate_jobs
from bot.queue.jobs import enqueue
from bot.rules.comments import COMMENT_ORIGIN, Thread
from bot.rules.ids import CommentId
from bot.store.candidates import Candidate
from bot.store.deployments import Deployment


async def add(deployment: Deployment, reaction: str) -> None:
    """Enqueue the reaction, in the transaction that ends the wait, if a comment has asked for the deployment."""
    match = COMMENT_ORIGIN.fullmatch(deployment.origin or "")
    if match is None:
        return
    candidate = await Candidate.get(id=deployment.candidate_id)
    thread: Thread = "pull" if match["thread"] == "pull" else "commit"
    await enqueue(gate_jobs.React(candidate.repository_id, thread, CommentId(int(match["comment"])), reaction))
