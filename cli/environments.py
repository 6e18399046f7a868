"""`longshore environment`: where projects are deployed to."""

from typing import Annotated, Any

import typer

from bot.operations import environments
from cli.operator import operate
from cli.projects import pairs

app = typer.Typer(help="Environments: where projects are deployed to.", rich_markup_mode=None)

Project = Annotated[str, typer.Argument(help="The project's name.")]
Name = Annotated[str, typer.Argument(help="The environment's name.")]
Tier = Annotated[str, typer.Option(help="production, staging or development.")]
Workflow = Annotated[str | None, typer.Option(help="The workflow file that deploys to it; '' for none.")]
Inputs = Annotated[list[str] | None, typer.Option("--input", help="name=text; may be given several times.")]
Order = Annotated[int | None, typer.Option(help="Its place in lists.")]
Deadline = Annotated[int | None, typer.Option(help="Minutes in which a deployment has to end.")]


@app.command()
def create(
    project: Project,
    name: Name,
    tier: Tier,
    workflow: Workflow = None,
    inputs: Inputs = None,
    order: Order = None,
    deploy_deadline_minutes: Deadline = None,
) -> None:
    """Create an environment."""
    values = _values(workflow, inputs, order, deploy_deadline_minutes, tier)
    operate(lambda context: environments.create(context, project, name, **values))
    typer.echo(f"Created {project}/{name}.")


@app.command("set")
def set_(
    project: Project,
    name: Name,
    tier: Annotated[str | None, typer.Option(help="production, staging or development.")] = None,
    workflow: Workflow = None,
    inputs: Inputs = None,
    order: Order = None,
    deploy_deadline_minutes: Deadline = None,
) -> None:
    """Change an environment's settings: only what is given is changed."""
    values = _values(workflow, inputs, order, deploy_deadline_minutes, tier)
    operate(lambda context: environments.change(context, project, name, **values))
    typer.echo(f"Changed {project}/{name}.")


def _values(
    workflow: str | None, inputs: list[str] | None, order: int | None, deadline: int | None, tier: str | None
) -> dict[str, Any]:
    given: dict[str, Any] = {
        "workflow": workflow,
        "inputs": pairs(inputs) if inputs else None,
        "position": order,
        "deploy_deadline_minutes": deadline,
        "tier": tier,
    }
    values = {name: value for name, value in given.items() if value is not None}
    return {**values, "workflow": None} if workflow == "" else values
