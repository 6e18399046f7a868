"""`longshore token`: tokens for programs."""

import re
from datetime import timedelta
from typing import Annotated

import typer

from bot.context import Context
from bot.errors import Refusal
from bot.operations import users
from bot.store.users import ApiToken
from cli.operator import operate
from cli.tables import show, when

app = typer.Typer(help="Tokens for programs.", rich_markup_mode=None)
_SPAN = re.compile(r"([1-9][0-9]{0,4})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What the token is called.")],
    grant: Annotated[list[str], typer.Option(help="A grant; several times, or with commas.")],
    user: Annotated[str | None, typer.Option(help="Whose it is; a user called NAME unless given.")] = None,
    project: Annotated[str | None, typer.Option(help="The one project that it is for.")] = None,
    expires: Annotated[str | None, typer.Option(help="When it expires, such as 90d, 12h or 30m.")] = None,
) -> None:
    """Create a token and print it: it cannot be shown again."""

    async def act(context: Context) -> str:
        _, secret = await users.create_token(
            context, name, grants=_split(grant), user=user, project=project, expires=_span(expires)
        )
        return secret

    typer.echo(operate(act))


@app.command("list")
def list_() -> None:
    """List tokens."""

    async def act(context: Context) -> list[ApiToken]:
        return await ApiToken.all().order_by("id").select_related("user")

    show(
        ("id", "name", "user", "begins", "grants", "expires", "last used", "state"),
        [
            (
                token.id,
                token.name,
                token.user.name,
                token.prefix,
                ",".join(token.grants),
                when(token.expires_at),
                when(token.last_used_at),
                "revoked" if token.revoked_at else "in force",
            )
            for token in operate(act)
        ],
    )


@app.command()
def revoke(token: Annotated[str, typer.Argument(help="Its id, its beginning, or its name.")]) -> None:
    """Revoke a token: it is refused from now on."""
    operate(lambda context: users.revoke_token(context, token))
    typer.echo(f"Revoked {token}.")


def _split(grants: list[str]) -> list[str]:
    """Grants given one by one, or several with commas between them."""
    return [name for text in grants for name in text.replace(",", " ").split()]


def _span(text: str | None) -> timedelta | None:
    if text is None:
        return None
    found = _SPAN.fullmatch(text)
    if found is None:
        raise Refusal(f"--expires: `{text}` is no span of time; write it as 90d, 12h or 30m.")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})
