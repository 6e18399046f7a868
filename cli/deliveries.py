"""`longshore deliveries`: list, show, retry and discard dead letters."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from cli.groups import new_group
from cli.output import show
from cli.tables import format_time, print_table

app = new_group(
    """List, show, retry and discard webhook deliveries that failed.

    They are not tried again on their own. Other jobs that failed for good are listed too.
    """
)
Number = Annotated[int, typer.Argument(help="Its number in the list.", min=1, max=2**63 - 1)]


MAX_ERROR = 100  # characters of an error in the list


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(metavar="<number>", help="Maximum number to list.", min=1, max=10_000)] = 100,
) -> None:
    """List what failed, newest first."""
    from bot.context import Context
    from bot.queue import dead_letters as queue
    from cli.operator import operate

    async def load(context: Context) -> list[queue.DeadLetter]:
        return await queue.dead_letters(limit)

    print_table(
        ("number", "kind", "event", "key", "failed", "attempts", "error"),
        [
            (
                dead_letter.id,
                dead_letter.kind,
                dead_letter.headers.get("event"),
                dead_letter.key,
                format_time(datetime.fromtimestamp(dead_letter.finished_at / 1000, tz=UTC)),
                dead_letter.attempts,
                _shortened(dead_letter.error),
            )
            for dead_letter in operate(load)
        ],
    )


def _shortened(error: str) -> str:
    line = " ".join(error.split())
    return line if len(line) <= MAX_ERROR else f"{line[: MAX_ERROR - 1]}…"


@app.command("show")
def show_(number: Number) -> None:
    """Show one with its error and payload."""
    from bot.context import Context
    from bot.operations import dead_letters
    from bot.queue import dead_letters as queue
    from cli.operator import operate

    async def load(context: Context) -> tuple[queue.DeadLetter, bytes]:
        dead_letter = await queue.dead_letter(number)
        if dead_letter is None:
            raise dead_letters.not_found(number)
        return dead_letter

    dead_letter, payload = operate(load)
    show(f"number:   {dead_letter.id}\nkind:     {dead_letter.kind}\nkey:      {dead_letter.key}")
    show(f"headers:  {', '.join(f'{name}: {value}' for name, value in dead_letter.headers.items())}")
    show(f"attempts: {dead_letter.attempts}\nerror:    {dead_letter.error}\n\n{payload.decode('utf-8', 'replace')}")


@app.command()
def retry(number: Number) -> None:
    """Queue one again, with all of its attempts."""
    from bot.operations import dead_letters
    from cli.operator import operate

    operate(lambda context: dead_letters.retry(context, number))
    show(f"Queued {number} again.")


@app.command()
def discard(number: Number) -> None:
    """Delete one without retrying it."""
    from bot.operations import dead_letters
    from cli.operator import operate

    operate(lambda context: dead_letters.discard(context, number))
    show(f"Discarded {number}.")
