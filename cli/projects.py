"""`longshore project`: create, change and list projects."""

from dataclasses import asdict, dataclass
from typing import Annotated, Any

import typer

from bot.context import Context
from bot.operations import projects
from bot.operations.workflows import warnings
from bot.store.projects import Project
from cli.operator import operate
from cli.options import expand_options, parse_pairs, refuse_empty
from cli.tables import print_table, print_warnings

app = typer.Typer(help="Create, change and list projects.", rich_markup_mode=None)

Name = Annotated[str, typer.Argument(help="Name of the project.")]
Repo = Annotated[str | None, typer.Option(help="GitHub repository, as owner/name.")]
Workflow = Annotated[str | None, typer.Option(help="Workflow file that builds candidates; '' for none.")]
Inputs = Annotated[list[str] | None, typer.Option("--build-input", help="Workflow input, as name=text; repeatable.")]
Deadline = Annotated[int | None, typer.Option(help="Deadline of a build, in minutes.")]
Branches = Annotated[
    list[str] | None,
    typer.Option("--allowed-branch", help="Branch or glob that candidates may be cut from; repeatable."),
]
Scheme = Annotated[str | None, typer.Option(help="Version scheme: any, semver or calver.")]
Tags = Annotated[bool | None, typer.Option(help="Create git tags for candidates.")]
TagPrefix = Annotated[str | None, typer.Option(help="Prefix of the tags of candidates.")]
TriggerPrefix = Annotated[str | None, typer.Option(help="Prefix of pushed tags that cut candidates.")]


@dataclass(frozen=True, kw_only=True)
class ProjectOptions:
    """Settings of a project; None for options that were not passed."""

    build_workflow: Workflow = None
    build_inputs: Inputs = None
    build_deadline_minutes: Deadline = None
    allowed_branches: Branches = None
    version_scheme: Scheme = None
    tag_candidates: Tags = None
    tag_prefix: TagPrefix = None
    trigger_tag_prefix: TriggerPrefix = None

    def values(self) -> dict[str, Any]:
        """Return the passed settings as keyword arguments of the operations."""
        values = {name: value for name, value in asdict(self).items() if value is not None and value != []}
        if self.build_inputs:
            values["build_inputs"] = parse_pairs(self.build_inputs)
        if self.build_workflow == "":
            values["build_workflow"] = None
        return values


@dataclass(frozen=True, kw_only=True)
class CreateOptions(ProjectOptions):
    """Settings of a new project."""

    permalink: Annotated[str | None, typer.Option(help="Slug; derived from the name by default.")] = None


@dataclass(frozen=True, kw_only=True)
class ChangeOptions(ProjectOptions):
    """Changed settings of a project."""

    archived: Annotated[bool | None, typer.Option(help="Archive the project: nothing can be released from it.")] = None


@app.command()
@expand_options
def create(name: Name, repo: Repo = None, *, options: CreateOptions) -> None:
    """Create a project."""
    values = options.values()

    async def run(context: Context) -> tuple[Project, list[str]]:
        created = await projects.create(context, name, repo, **values)
        return created, await warnings.about(context, created.id, [created.build_workflow])

    project, found = operate(run, needs_github=repo is not None)
    print_warnings(found)
    typer.echo(f"Created {project.name} ({project.permalink}).")


@app.command("set")
@expand_options
def set_(name: Name, repo: Repo = None, *, options: ChangeOptions) -> None:
    """Change settings of a project; all others stay the same."""
    values = options.values()
    has_repository = operate(lambda context: projects.find(context, name)).repository_id is not None
    refuse_empty({**values, **({} if repo is None else {"repo": repo})}, ChangeOptions, "--repo")
    needs_github = repo is not None or has_repository

    async def run(context: Context) -> list[str]:
        changed = await projects.change(context, name, repo, **values)
        named = await warnings.of_project(changed.id) if repo is not None else [values.get("build_workflow")]
        return await warnings.about(context, changed.id, named)

    print_warnings(operate(run, needs_github=needs_github))
    typer.echo(f"Changed {name}.")


@app.command("list")
def list_() -> None:
    """List projects."""
    print_table(
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
