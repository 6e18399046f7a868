"""`longshore environment`: create, change and list environments."""

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from cli.groups import new_group
from cli.options import expand_options, parse_pairs, refuse_empty
from cli.output import show
from cli.tables import print_table, print_warnings

MAX_LISTED = 10_000  # environments of a project

app = new_group("Create, change and list environments.")

Project = Annotated[str, typer.Argument(help="Name of the project.")]
Name = Annotated[str, typer.Argument(help="Name of the environment.")]
TierOption = typer.Option(metavar="<tier>", help="production, staging or development.")
Workflow = Annotated[
    str | None, typer.Option(metavar="<file>", help="Workflow that deploys to it, such as deploy.yml; '' for none.")
]
Inputs = Annotated[
    list[str] | None,
    typer.Option("--input", metavar="<name=text>", help="Input of the workflow; may be repeated."),
]
Order = Annotated[int | None, typer.Option(metavar="<number>", help="Its position in lists of environments.")]
Deadline = Annotated[int | None, typer.Option(metavar="<minutes>", help="How long a deployment may take.")]


@dataclass(frozen=True, kw_only=True)
class EnvironmentOptions:
    """Settings of an environment; None for options that were not passed."""

    workflow: Workflow = None
    inputs: Inputs = None
    order: Order = None
    deploy_deadline_minutes: Deadline = None

    def values(self) -> dict[str, Any]:
        """Return the passed settings as keyword arguments of the operations."""
        settings: dict[str, Any] = {
            "workflow": self.workflow,
            "inputs": parse_pairs(self.inputs) if self.inputs else None,
            "position": self.order,
            "deploy_deadline_minutes": self.deploy_deadline_minutes,
        }
        values = {name: value for name, value in settings.items() if value is not None}
        return {**values, "workflow": None} if self.workflow == "" else values


@app.command()
@expand_options
def create(project: Project, name: Name, tier: Annotated[str, TierOption], *, options: EnvironmentOptions) -> None:
    """Create an environment."""
    from bot.context import Context
    from bot.operations import environments
    from bot.operations.workflows import warnings
    from cli.operator import operate

    values = {**options.values(), "tier": tier}

    async def run(context: Context) -> list[str]:
        created = await environments.create(context, project, name, **values)
        return await warnings.about(context, created.project_id, [options.workflow or None], tell_unchecked=True)

    print_warnings(operate(run, uses_github=bool(options.workflow)))
    show(f"Created {project}/{name}.")


@app.command("set")
@expand_options
def set_(
    project: Project, name: Name, tier: Annotated[str | None, TierOption] = None, *, options: EnvironmentOptions
) -> None:
    """Change settings of an environment; all others stay the same."""
    from bot.context import Context
    from bot.operations import environments
    from bot.operations.workflows import warnings
    from cli.operator import operate

    values = {**options.values(), **({} if tier is None else {"tier": tier})}
    if not values:
        operate(lambda context: environments.find(context, project, name))
    refuse_empty(values, EnvironmentOptions, "--tier")

    async def run(context: Context) -> list[str]:
        changed = await environments.change(context, project, name, **values)
        return await warnings.about(context, changed.project_id, [options.workflow or None], tell_unchecked=True)

    print_warnings(operate(run, uses_github=bool(options.workflow)))
    show(f"Changed {project}/{name}.")


@app.command("list")
def list_(project: Project) -> None:
    """List the environments of a project."""
    from bot.context import Context
    from bot.operations import environments, statuses
    from bot.rules.status_replies import ProjectStatus
    from bot.store.projects import Environment
    from cli.operator import operate

    async def load(context: Context) -> tuple[list[Environment], ProjectStatus]:
        rows = await environments.find_all(context, project, limit=MAX_LISTED)
        return rows, await statuses.project_status(context, project)

    rows, status = operate(load)
    live = {environment.name: environment.live for environment in status.environments}
    print_table(
        ("name", "tier", "workflow", "live"),
        [(row.name, row.tier, row.workflow, live.get(row.name)) for row in rows],
    )
