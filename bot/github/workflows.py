"""Workflow files, and dispatching them. https://docs.github.com/en/rest/actions/workflows"""

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from bot.errors import Refusal, Unavailable
from bot.github.fields import required
from bot.github.limits import UNAVAILABLE
from bot.github.repository import RepositoryClient
from bot.github.tags import ARCHIVED
from bot.github.transport import ApiError, BeforeWrite, is_permission_missing
from bot.rules.ids import RunId
from bot.rules.runs import workflow_file, workflow_path
from bot.rules.workflow_files import InvalidWorkflow, Workflow, read_workflow

FOLDER = ".github/workflows"
NO_FILES = {"dir": "a directory", "symlink": "a symbolic link", "submodule": "a submodule"}
TOO_LARGE = "is larger than a megabyte, which GitHub Actions does not read: shorten it."

RUN_DETAILS = "return_run_details"


class DispatchDenied(Refusal):
    """GitHub does not start the workflow; the sentence says what to change.

    `inputs`: because of the inputs. `ref`: because GitHub does not find the branch or tag. `missing`: there is no such
    file.
    """

    def __init__(self, sentence: str, *, inputs: bool = False, ref: bool = False, missing: bool = False) -> None:
        super().__init__(sentence)
        self.inputs, self.ref, self.missing = inputs, ref, missing


@dataclass(frozen=True)
class WorkflowFile:
    """A workflow file: the SHA of its blob, and what it says."""

    sha: str
    content: Workflow


async def get_file(repository: RepositoryClient, workflow: str, ref: str, ref_name: str) -> WorkflowFile:
    """Get a workflow file at a ref, which refusals call `ref_name`. Refuses a file that cannot be dispatched."""
    path = workflow_path(workflow)
    try:
        url = f"{repository.root}/contents/{quote(path)}?ref={quote(ref, safe='')}"
        answer = (await repository.request("GET", url)).data
    except ApiError as error:
        if "too large" in error.message:
            raise DispatchDenied(f"`{path}` {TOO_LARGE}") from error
        error.raise_unless(404)
        sentence = f"There is no workflow file `{path}` at `{ref_name}`: add it, or name another."
        raise DispatchDenied(sentence, missing=True) from error
    try:
        return await asyncio.to_thread(_read_file, answer, path)
    except InvalidWorkflow as invalid:
        raise DispatchDenied(invalid.sentence) from invalid


async def list_files(repository: RepositoryClient, ref: str) -> list[str]:
    """List the names of the workflow files at a ref; none if there is no folder of them."""
    try:
        url = f"{repository.root}/contents/{FOLDER}?ref={quote(ref, safe='')}"
        entries = (await repository.request("GET", url)).data
    except ApiError as error:
        error.raise_unless(404)
        return []
    if not isinstance(entries, list):  # the folder is a file or a link
        return []
    names = [str(required(entry, "name")) for entry in entries if required(entry, "type") == "file"]
    return [name for name in names if name.endswith((".yml", ".yaml"))]


async def dispatch(
    repository: RepositoryClient, workflow: str, ref: str, inputs: Mapping[str, str], before: BeforeWrite
) -> RunId | None:
    """Start a workflow on a branch or tag; returns the id of its run, or None when it runs but GitHub does not name it.

    `before` is awaited at the last moment before a request is sent; if it raises, nothing is sent. After
    `ResponseLost` the run has to be searched for before this is called again. Raises `DispatchDenied`.
    """
    path, server = workflow_path(workflow), repository.server
    url = f"{repository.root}/actions/workflows/{workflow_file(path)}/dispatches"
    body: dict[str, Any] = {"ref": ref, "inputs": dict(inputs)}
    while True:
        details = {RUN_DETAILS: True} if server.takes_run_details else {}
        try:
            data = (await repository.request("POST", url, purpose="run", data=body | details, before=before)).data
        except ApiError as error:
            if details and _refuses_run_details(error):  # and so has started nothing
                server.takes_run_details = server.names_runs = False
                continue
            if error.status == 401:
                raise
            raise _why_denied(path, ref, error) from error
        server.names_runs = isinstance(data, dict) and "workflow_run_id" in data
        return RunId(int(data["workflow_run_id"])) if server.names_runs else None


def _read_file(answer: Any, path: str) -> WorkflowFile:
    """Read what GitHub has at a path, which need not be a file."""
    kind = "dir" if isinstance(answer, list) else str(required(answer, "type"))
    if kind != "file":
        raise DispatchDenied(f"`{path}` is {NO_FILES.get(kind, 'not a file')}: put the workflow itself there.")
    if answer.get("encoding") == "none":
        raise DispatchDenied(f"`{path}` {TOO_LARGE}")
    try:
        content = base64.b64decode(required(answer, "content"))
    except (ValueError, TypeError) as error:
        raise Unavailable(UNAVAILABLE, reason="a file's content cannot be read") from error
    return WorkflowFile(str(required(answer, "sha")), read_workflow(content, path))


def _refuses_run_details(error: ApiError) -> bool:
    """Whether a server refuses a dispatch because it does not know that the run can be asked for."""
    return error.status in (400, 422) and RUN_DETAILS in error.message and not _is_about_inputs(error.message)


def _is_about_inputs(message: str) -> bool:
    return any(words in message for words in ("Unexpected inputs", "Required input", "Provided value"))


def _why_denied(path: str, ref: str, error: ApiError) -> DispatchDenied:
    message = " ".join(error.message.split())
    if "archived" in message:
        return DispatchDenied(ARCHIVED)
    if error.status == 404:
        return DispatchDenied(f"There is no workflow `{path}` on the default branch: add it there, or name another.")
    if error.status == 403:
        return DispatchDenied(_why_forbidden(path, ref, message))
    if "No ref found" in message:
        return DispatchDenied(f"GitHub finds no branch or tag `{ref}` to run `{path}` on.", ref=True)
    if "disabled workflow" in message:
        return DispatchDenied(f"The workflow `{path}` is disabled on GitHub: enable it under Actions.")
    if "does not have 'workflow_dispatch'" in message:
        return DispatchDenied(f"`{path}` has no `workflow_dispatch` trigger at `{ref}`: add it to the file.")
    if _is_about_inputs(message):
        sentence = f"`{path}` refuses the inputs: {message}. Change the `inputs` of the file, or those in the settings."
        return DispatchDenied(sentence, inputs=True)
    return DispatchDenied(f"GitHub refused to start `{path}` on `{ref}`: {message}")


def _why_forbidden(path: str, ref: str, message: str) -> str:
    if is_permission_missing(message):
        return "The App may not start workflows here: grant it `actions: write`."
    sentence = f"GitHub refused to start `{path}` on `{ref}`: {message.rstrip('.')}."
    if "to trigger Actions workflows" in message:
        return f"{sentence} Let the App and `workflow_dispatch` pass the workflow execution protections."
    return sentence
