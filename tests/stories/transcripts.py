"""Transcripts of stories: each step, and what it changed on GitHub, in full."""

import re
from collections.abc import Mapping
from difflib import unified_diff
from pathlib import Path

from sandbox.records import CheckRun, Comment, Deployment
from tests.world import World

HERE = Path(__file__).parent
STATUS_COMMENT = re.compile(r"<!-- longshore:status:[0-9]+ -->")
VARYING = (
    (re.compile(r"http://(?:127\.0\.0\.1|localhost):[0-9]+"), "https://github.example"),
    (re.compile(r"/actions/runs/[0-9]+"), "/actions/runs/N"),
    (re.compile(r"(?:commitcomment-|issuecomment-)[0-9]+"), "comment-N"),
    (re.compile(r"20[0-9]{2}-[01][0-9]-[0-3][0-9][ T][0-9:.]+(?:Z|\+00:00| UTC)"), "TIME"),
    (re.compile(r"<!-- longshore:(?!status).* -->"), "<!-- longshore:reply -->"),
)


class Transcript:
    """What a story did, and what GitHub showed after each step: only what is new or has changed.

    `names` are words for the SHAs of commits.
    """

    def __init__(self, world: World, names: Mapping[str, str]) -> None:
        self._world, self._names = world, dict(names)
        self._seen: dict[str, str] = {}
        self.text = ""
        self._differences()

    async def step(self, said: str) -> None:
        """Let everything happen that follows from a step, and write down what GitHub shows of it."""
        await self._world.show_all()
        changed = self._differences()
        self.text += f"# {self._constant(said)}\n\n" + "".join(f"{item}\n\n" for item in changed or ["(nothing)"])

    def _differences(self) -> list[str]:
        now = {key: self._constant(text) for key, text in self._shown().items()}
        changed = [f"## {self._constant(key)}\n{text}" for key, text in now.items() if self._seen.get(key) != text]
        changed += [f"## {self._constant(key)}\n(gone)" for key in self._seen.keys() - now.keys()]
        self._seen = now
        return changed

    def _shown(self) -> dict[str, str]:
        """Everything on GitHub, by what it is and where, oldest first."""
        repository = self._world.github.repository()
        comments = [*repository.comments.values(), *repository.commit_comments.values()]
        numbered = list(enumerate(sorted(comments, key=lambda each: (each.created_at, each.id)), start=1))
        return {
            **{f"comment {number} {_place(each)} by {each.user.login}": _comment(each) for number, each in numbered},
            **{f"check run {each.name} at {each.head_sha}": _check(each) for each in repository.checks.values()},
            **{
                f"deployment {number} to {each.environment} at {each.sha} ({each.ref})": _deployment(each)
                for number, each in enumerate(repository.deployments.values(), start=1)
            },
            **{
                f"run {number} of {run.workflow} at {run.head_sha}": f"{run.status} {run.conclusion or ''}".strip()
                for number, run in enumerate(self._world.github.runs, start=1)
            },
            **{f"tag {name}": "is there" for name in repository.history.ref_names("refs/tags/")},
        }

    def _constant(self, text: str) -> str:
        for sha, name in self._names.items():
            text = text.replace(sha, f"<{name}>").replace(sha[:12], f"<{name}>").replace(sha[:7], f"<{name}>")
        for pattern, word in VARYING:
            text = pattern.sub(word, text)
        return text


def _place(comment: Comment) -> str:
    return f"on commit {comment.sha}" if comment.sha else f"on pull request {comment.number}"


def _comment(comment: Comment) -> str:
    reactions = " ".join(reaction.content for reaction in comment.reactions)
    return f"{comment.body}\n[{reactions}]" if reactions else comment.body


def _check(check: CheckRun) -> str:
    buttons = [f"[{each['label']}: {each['description']}]" for each in check.actions]
    output = [str(check.output.get(part) or "") for part in ("title", "summary", "text")]
    return "\n".join(filter(None, [f"{check.status} {check.conclusion or ''}".strip(), *output, *buttons]))


def _deployment(deployment: Deployment) -> str:
    lines = [f"by {deployment.creator.login}: {deployment.description or ''} {deployment.payload or ''}".strip()]
    return "\n".join(lines + [f"- {each.state}: {each.description} {each.log_url}" for each in deployment.statuses])


def check_transcript(name: str, text: str) -> None:
    """Compare a transcript with the file of that name; a file that does not exist is written, and fails the test."""
    path = HERE / f"{name}.txt"
    if not path.exists():
        path.write_text(text)
        raise AssertionError(f"{path} has been written: read it")
    expected = path.read_text()
    assert text == expected, "\n".join(unified_diff(expected.splitlines(), text.splitlines(), lineterm=""))
