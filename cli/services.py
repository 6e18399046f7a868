"""`longshore serve`, `work`, `migrate` and `openapi`."""

from typing import Annotated

import typer


def serve(
    worker: Annotated[bool, typer.Option(help="Also process the job queue.")] = True,
) -> None:
    """Receive webhooks, serve the API and process the job queue.

    Creates the database if it does not exist, and brings it up to date.
    """
    from cli import processes

    processes.serve(worker)


def work() -> None:
    """Only process the job queue.

    Any number of processes can do so on PostgreSQL, but only one with SQLite.
    """
    from cli import processes

    processes.work()


def migrate() -> None:
    """Create the database, or bring it up to date.

    `longshore serve` and `longshore work` do the same when they start.
    """
    from cli import processes

    processes.migrate()


def openapi() -> None:
    """Print the OpenAPI 3.1 document of the API.

    A running service also serves it at /api/openapi.json.
    """
    from cli import processes

    processes.openapi()
