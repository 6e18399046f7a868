"""Check runs of our own. https://docs.github.com/en/rest/checks/runs"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from bot.github.fields import optional_text, required_number, required_text
from bot.github.refusals import refused
from bot.github.repository import RepositoryClient
from bot.github.transport import ApiError
from bot.rules.checks import Annotation, CheckAction, CheckRunContent
from bot.rules.ids import CommitSha
from bot.rules.texts import cut, cut_bytes, cut_markdown_bytes

MAX_TEXT = 65_535  # of a summary and of a text
MAX_TITLE = 255
ANNOTATIONS = 50  # in one request; GitHub adds them to those that are there


@dataclass(frozen=True)
class CheckRunFact:
    """A check run of our App as GitHub reports it. `external_id` is our own id of it."""

    id: int
    name: str
    head_sha: CommitSha
    external_id: str
    status: str
    conclusion: str | None
    url: str


async def create(repository: RepositoryClient, content: CheckRunContent) -> CheckRunFact:
    """Create a check run. Refuses what GitHub refuses, such as one at a commit that it does not know.

    After `ResponseLost`, search for it with `find_own` before this is called again.
    """
    body = {**_body(content, content.annotations[:ANNOTATIONS]), "head_sha": content.head_sha}
    try:
        data = (await repository.request("POST", f"{repository.root}/check-runs", purpose="check", data=body)).data
    except ApiError as error:
        raise refused(f"the check run `{content.name}`", error) from error
    fact = _fact(data)
    await _add_annotations(repository, fact.id, content, ANNOTATIONS)
    return fact


async def update(repository: RepositoryClient, check_run: int, content: CheckRunContent) -> bool:
    """Change all that a check run of ours shows; returns False when it no longer exists.

    Its annotations are added to those that it has, so give the new ones only.
    """
    url = f"{repository.root}/check-runs/{check_run}"
    body = _body(content, content.annotations[:ANNOTATIONS])
    try:
        await repository.request("PATCH", url, purpose="check", data=body)
    except ApiError as error:
        if error.status == 404:
            return False
        raise refused(f"a change of the check run `{content.name}`", error) from error
    await _add_annotations(repository, check_run, content, ANNOTATIONS)
    return True


async def find_own(repository: RepositoryClient, sha: CommitSha, name: str, external_id: str) -> CheckRunFact | None:
    """Find the newest check run of our App by its commit, its name and our own id; None when there is none."""
    app = f"&app_id={repository.app_id}" if repository.app_id.isdecimal() else ""  # the filter knows no client ids
    query = f"check_name={quote(name, safe='')}&filter=all&per_page=100{app}"
    url = f"{repository.root}/commits/{sha}/check-runs?{query}"
    runs = await repository.list(url, "check_runs", purpose="check")
    facts = [_fact(run) for run in runs if repository.is_own(run.get("app"))]
    found = [fact for fact in facts if fact.external_id == external_id and fact.name == name]
    return max(found, key=lambda fact: fact.id, default=None)


async def _add_annotations(repository: RepositoryClient, check_run: int, content: CheckRunContent, start: int) -> None:
    url = f"{repository.root}/check-runs/{check_run}"
    for first in range(start, len(content.annotations), ANNOTATIONS):
        output = _output(content, content.annotations[first : first + ANNOTATIONS])
        await repository.request("PATCH", url, purpose="check", data={"output": output})


def _body(content: CheckRunContent, annotations: tuple[Annotation, ...]) -> dict[str, Any]:
    """The fields that a check run is created and changed with. An empty list of buttons takes them away."""
    optional = {"conclusion": content.conclusion, "details_url": content.details_url}
    return {
        "name": content.name,
        "external_id": content.external_id,
        "status": content.status,
        "output": _output(content, annotations),
        "actions": [_action(action) for action in content.actions],
        **{name: value for name, value in optional.items() if value is not None},
    }


def _output(content: CheckRunContent, annotations: tuple[Annotation, ...]) -> dict[str, Any]:
    return {
        "title": cut(content.title, MAX_TITLE),
        "summary": cut_markdown_bytes(content.summary or content.title, MAX_TEXT),
        "text": cut_markdown_bytes(content.text, MAX_TEXT),
        "annotations": [_annotation(annotation) for annotation in annotations],
    }


def _action(action: CheckAction) -> dict[str, str]:
    return {"label": action.label, "description": action.description, "identifier": action.identifier}


def _annotation(annotation: Annotation) -> dict[str, Any]:
    return {
        "path": annotation.path,
        "start_line": annotation.start_line,
        "end_line": annotation.end_line,
        "annotation_level": annotation.level,
        "message": cut_bytes(annotation.message, MAX_TEXT),
        **({"title": cut(annotation.title, MAX_TITLE)} if annotation.title else {}),
    }


def _fact(data: Any) -> CheckRunFact:
    return CheckRunFact(
        id=required_number(data, "id"),
        name=required_text(data, "name"),
        head_sha=CommitSha(required_text(data, "head_sha")),
        external_id=optional_text(data, "external_id") or "",
        status=required_text(data, "status"),
        conclusion=optional_text(data, "conclusion"),
        url=optional_text(data, "html_url") or "",
    )
