"""`longshore project`: create, change and list projects."""

from dataclasses import asdict, dataclass
from typing import Annotated, Any

import typer

from cli.groups import new_group
from cli.options import expand_options, parse_pairs, refuse_empty
from cli.output import show
from cli.tables import print_table, print_warnings

app = new_group("Create, change and list projects.")

Name = Annotated[str, typer.Argument(help="Name of the project.")]
Repo = Annotated[str | None, typer.Option(metavar="<owner/name>", help="Its repository on GitHub.")]
Workflow = Annotated[
    str | None, typer.Option(metavar="<file>", help="Workflow that builds candidates, such as build.yml; '' for none.")
]
Inputs = Annotated[
    list[str] | None,
    typer.Option("--build-input", metavar="<name=text>", help="Input of the workflow; may be repeated."),
]
Deadline = Annotated[int | None, typer.Option(metavar="<minutes>", help="How long a build may take.")]
Branches = Annotated[
    list[str] | None,
    typer.Option(
        "--allowed-branch",
        metavar="<name>",
        help="Branch that candidates may be cut from; * stands for any characters but /; may be repeated.",
    ),
]
Scheme = Annotated[
    str | None, typer.Option(metavar="<scheme>", help="How versions are written: any, semver or calver.")
]
Tags = Annotated[bool | None, typer.Option(help="Create a git tag for each candidate.")]
TagPrefix = Annotated[str | None, typer.Option(metavar="<text>", help="Prefix of the tags that candidates get.")]
TriggerPrefix = Annotated[
    str | None, typer.Option(metavar="<text>", help="Prefix of the tags that people push to cut a candidate.")
]


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

    permalink: Annotated[
        str | None, typer.Option(metavar="<slug>", help="Its name in URLs; made from the name by default.")
    ] = None


@dataclass(frozen=True, kw_only=True)
class ChangeOptions(ProjectOptions):
    """Changed settings of a project."""

    archived: Annotated[bool | None, typer.Option(help="Archive the project, so that nothing is released from it.")] = (
        None
    )


@app.command()
@expand_options
def create(name: Name, repo: Repo = None, *, options: CreateOptions) -> None:
    """Create a project."""
    from bot.context import Context
    from bot.operations import projects
    from bot.operations.workflows import warnings
    from bot.store.projects import Project
    from cli.operator import operate

    values = options.values()

    async def run(context: Context) -> tuple[Project, list[str]]:
        created = await projects.create(context, name, repo, **values)
        return created, await warnings.about(context, created.id, [created.build_workflow], tell_unchecked=True)

    project, found = operate(run, needs_github=repo is not None)
    print_warnings(found)
    show(f"Created {project.name} ({project.permalink}).")


@app.command("set")
@expand_options
def set_(name: Name, repo: Repo = None, *, options: ChangeOptions) -> None:
    """Change settings of a project; all others stay the same."""
    from bot.context import Context
    from bot.operations import projects
    from bot.operations.workflows import warnings
    from cli.operator import operate

    values = options.values()
    has_repository = operate(lambda context: projects.find(context, name)).repository_id is not None
    refuse_empty({**values, **({} if repo is None else {"repo": repo})}, ChangeOptions, "--repo")
    needs_github = repo is not None or has_repository

    async def run(context: Context) -> list[str]:
        changed = await projects.change(context, name, repo, **values)
        named = await warnings.of_project(changed.id) if repo is not None else [values.get("build_workflow")]
        return await warnings.about(context, changed.id, named, tell_unchecked=True)

    print_warnings(operate(run, needs_github=needs_github, again=True))
    show(f"Changed {name}.")


@app.command("list")
def list_() -> None:
    """List projects."""
    from bot.operations import projects
    from cli.operator import operate

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
