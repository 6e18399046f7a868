"""`longshore deliveries`: deliveries and other work that was given up."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from bot.context import Context
from bot.operations import dead_letters
from bot.queue import jobs
from cli.operator import operate
from cli.tables import show, when

app = typer.Typer(help="Deliveries and other work that was given up.", rich_markup_mode=None)
Number = Annotated[int, typer.Argument(help="Its number, as `list` shows it.", min=1, max=2**63 - 1)]


@app.command("list")
def list_(limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=10_000)] = 100) -> None:
    """List what was given up, the latest first."""

    async def act(context: Context) -> list[jobs.DeadLetter]:
        return await jobs.dead_letters(limit)

    show(
        ("number", "kind", "event", "key", "given up", "attempts", "error"),
        [
            (
                letter.id,
                letter.kind,
                letter.headers.get("event"),
                letter.key,
                when(datetime.fromtimestamp(letter.finished_at / 1000, tz=UTC)),
                letter.attempts,
                " ".join(letter.error.split())[:100],
            )
            for letter in operate(act)
        ],
    )


@app.command("show")
def show_(number: Number) -> None:
    """Show one with its payload."""

    async def act(context: Context) -> tuple[jobs.DeadLetter, bytes]:
        found = await jobs.dead_letter(number)
        if found is None:
            raise dead_letters.not_found(number)
        return found

    letter, payload = operate(act)
    typer.echo(f"number:   {letter.id}\nkind:     {letter.kind}\nkey:      {letter.key}\nheaders:  {letter.headers}")
    typer.echo(f"attempts: {letter.attempts}\nerror:    {letter.error}\n\n{payload.decode('utf-8', 'replace')}")


@app.command()
def retry(number: Number) -> None:
    """Put one back into the queue, with all its attempts."""
    operate(lambda context: dead_letters.retry(context, number))
    typer.echo(f"Queued {number} again.")


@app.command()
def discard(number: Number) -> None:
    """Give one up for good."""
    operate(lambda context: dead_letters.discard(context, number))
    typer.echo(f"Discarded {number}.")
