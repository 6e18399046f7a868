"""What people name when they cut a candidate: a commit, a branch, or a merged pull request."""

import re

from bot.context import Context, allowed
from bot.errors import Refusal
from bot.github import branches, commits, pull_requests
from bot.github.repository import RepositoryClient
from bot.rules.commits import FULL_LENGTH, INVALID
from bot.rules.ids import CommitSha
from bot.store.projects import Project

MAX_WRITTEN = 250  # characters
MIN_DIGITS = 7  # of an abbreviated SHA, as in commands
EXPECTED = f"a SHA of at least {MIN_DIGITS} digits, a branch, or a merged pull request as in #12"
_PULL_REQUEST = re.compile(r"#([1-9][0-9]{0,8})|https?://[^\s]*/pull/([1-9][0-9]{0,8})(?:[/?#].*)?")
_SHA = re.compile(rf"[0-9a-f]{{{MIN_DIGITS},{FULL_LENGTH - 1}}}")
_FULL_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@allowed("release:cut")
async def resolve(context: Context, project: Project, written: str) -> CommitSha:
    """Find the commit that somebody means, by asking GitHub: none written is the tip of the default branch.

    Whether a candidate may be cut there is not decided here. Refuses what GitHub does not know, a pull request that is
    not merged, and digits of a SHA that are also the name of a branch elsewhere.
    """
    if project.repository is None:
        raise Refusal("Release project has no repository", project=project.name)
    text, client = written.strip()[:MAX_WRITTEN], context.client_for(project.repository)
    if _FULL_SHA.fullmatch(text.lower()):
        return CommitSha(text.lower())
    if (match := _PULL_REQUEST.fullmatch(text)) is not None:
        return await _merged(client, int(match[1] or match[2]))
    return await _named(client, text) if text else await _tip(client, project.repository.default_branch)


async def _merged(client: RepositoryClient, number: int) -> CommitSha:
    pull = await pull_requests.get(client, number)
    if pull is None:
        raise Refusal(INVALID, reason=f"there is no pull request {number}", field="commit")
    if pull.merged_sha is None:
        raise Refusal(INVALID, reason=f"pull request {number} is not merged", field="commit")
    return pull.merged_sha


async def _named(client: RepositoryClient, text: str) -> CommitSha:
    """The tip of a branch; if there is no such branch, the commit whose SHA begins with these digits.

    Everyone with write access can name a branch like the SHA that somebody else means.
    """
    digits = text.lower()
    if _SHA.fullmatch(digits) is None:
        return await _tip(client, text)
    tip = await branches.tip(client, text)
    if tip is not None and not tip.startswith(digits):
        reason = (
            f"{text} may be the beginning of a commit's SHA, or the branch of that name, whose tip is {tip}; "
            "write all digits of the commit's SHA"
        )
        raise Refusal(INVALID, reason=reason, field="commit")
    return tip or _known(await commits.find(client, digits))


async def _tip(client: RepositoryClient, branch: str) -> CommitSha:
    return _known(await branches.tip(client, branch))


def _known(found: CommitSha | None) -> CommitSha:
    if found is None:
        reason = f"GitHub knows no such branch, and not exactly one such commit; expected {EXPECTED}"
        raise Refusal(INVALID, reason=reason, field="commit")
    return found
