"""`longshore project`: what is released."""

from typing import Annotated, Any

import typer

from bot.errors import Refusal
from bot.operations import projects
from cli.operator import operate
from cli.tables import show

app = typer.Typer(help="Projects: what is released.", rich_markup_mode=None)

Name = Annotated[str, typer.Argument(help="The project's name.")]
Repo = Annotated[str | None, typer.Option(help="Its GitHub repository, as owner/name.")]
Workflow = Annotated[str | None, typer.Option(help="The workflow file that builds it; '' for none.")]
Inputs = Annotated[list[str] | None, typer.Option("--build-input", help="name=text; may be given several times.")]
Deadline = Annotated[int | None, typer.Option(help="Minutes in which a build has to end.")]
Branches = Annotated[list[str] | None, typer.Option("--allowed-branch", help="A branch or glob; several times.")]
Scheme = Annotated[str | None, typer.Option(help="any, semver or calver.")]
Tags = Annotated[bool | None, typer.Option(help="Whether candidates get git tags.")]
TagPrefix = Annotated[str | None, typer.Option(help="How candidates' tags begin.")]
TriggerPrefix = Annotated[str | None, typer.Option(help="How pushed tags begin that cut candidates.")]


@app.command()
def create(
    name: Name,
    repo: Repo = None,
    permalink: Annotated[str | None, typer.Option(help="Its slug; made from the name unless given.")] = None,
    build_workflow: Workflow = None,
    build_inputs: Inputs = None,
    build_deadline_minutes: Deadline = None,
    allowed_branches: Branches = None,
    version_scheme: Scheme = None,
    tag_candidates: Tags = None,
    tag_prefix: TagPrefix = None,
    trigger_tag_prefix: TriggerPrefix = None,
) -> None:
    """Create a project."""
    given = {key: value for key, value in locals().items() if key not in ("name", "repo")}
    values = _values(given)
    project = operate(lambda context: projects.create(context, name, repo, **values), asks_github=repo is not None)
    typer.echo(f"Created {project.name} ({project.permalink}).")


@app.command("set")
def set_(
    name: Name,
    repo: Repo = None,
    build_workflow: Workflow = None,
    build_inputs: Inputs = None,
    build_deadline_minutes: Deadline = None,
    allowed_branches: Branches = None,
    version_scheme: Scheme = None,
    tag_candidates: Tags = None,
    tag_prefix: TagPrefix = None,
    trigger_tag_prefix: TriggerPrefix = None,
    archived: Annotated[bool | None, typer.Option(help="Whether anything may still be released from it.")] = None,
) -> None:
    """Change a project's settings: only what is given is changed."""
    given = {key: value for key, value in locals().items() if key not in ("name", "repo")}
    values = _values(given)
    has_repository = operate(lambda context: projects.find(context, name)).repository_id is not None
    asks = repo is not None or has_repository
    operate(lambda context: projects.change(context, name, repo, **values), asks_github=asks)
    typer.echo(f"Changed {name}.")


@app.command("list")
def list_() -> None:
    """List projects."""
    show(
        ("name", "permalink", "repository", "build", "versions", "state"),
        [
            (
                project.name,
                project.permalink,
                project.repository.full_name if project.repository else None,
                project.build_workflow,
                project.version_scheme,
                "archived" if project.archived else "active",
            )
            for project in operate(projects.find_all)
        ],
    )


def _values(given: dict[str, Any]) -> dict[str, Any]:
    values = {name: value for name, value in given.items() if value is not None and value != []}
    if "build_inputs" in values:
        values["build_inputs"] = pairs(values["build_inputs"])
    if values.get("build_workflow") == "":
        values["build_workflow"] = None
    return values


def pairs(texts: list[str]) -> dict[str, str]:
    """`name=text` options as a mapping."""
    found = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign:
            raise Refusal(f"`{text}` must be written as name=text.")
        found[name] = value
    return found
