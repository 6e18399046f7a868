"""`longshore token`: create, list and revoke API tokens."""

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from bot.errors import Refusal
from cli.groups import new_group
from cli.output import show
from cli.tables import format_time, print_table

if TYPE_CHECKING:
    from bot.store.users import ApiToken

app = new_group("Create, list and revoke API tokens.")
_DURATION = re.compile(r"([1-9][0-9]{0,4})([mhdw])")
_NOTHING = re.compile(r"0+[mhdw]?")
BOTH_USERS = "--user and --github-user both say whose token it is: give one of them."
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Name of the token.")],
    grant: Annotated[
        list[str],
        typer.Option(metavar="<grant>", help="What the token allows; may be repeated, or separated by commas."),
    ],
    user: Annotated[
        str | None,
        typer.Option(metavar="<name>", help="User of the token; by default a user with the name of the token."),
    ] = None,
    github_user: Annotated[
        str | None,
        typer.Option(metavar="<login>", help="Person on GitHub whose token it is: they can approve with it."),
    ] = None,
    project: Annotated[str | None, typer.Option(metavar="<name>", help="Limit the token to this project.")] = None,
    expires: Annotated[
        str | None,
        typer.Option(metavar="<time>", help="How long it lasts, such as 90d, 12h or 30m; never expires by default."),
    ] = None,
) -> None:
    """Create a token and print its secret, which cannot be shown again."""
    from bot.context import Context
    from bot.operations import personal_tokens, users
    from cli.operator import operate

    grants, lifetime = _split_grants(grant), _parse_duration(expires)
    if user is not None and github_user is not None:
        raise Refusal(BOTH_USERS)

    async def create_token(context: Context) -> str:
        _, secret = await users.create_token(context, name, grants=grants, user=user, project=project, expires=lifetime)
        return secret

    async def create_personal_token(context: Context) -> str:
        new = users.NewToken(name, grants, project, lifetime)
        _, secret = await personal_tokens.create_for(context, github_user or "", new)
        return secret

    if github_user is None:
        show(operate(create_token))
    else:
        show(operate(create_personal_token, needs_github=True))


@app.command("list")
def list_() -> None:
    """List tokens."""
    from bot.context import Context
    from bot.store.users import ApiToken
    from cli.operator import operate

    async def load(context: Context) -> list[ApiToken]:
        return await ApiToken.all().order_by("id").select_related("user")

    print_table(
        ("id", "name", "user", "github user", "prefix", "grants", "expires", "last used", "state"),
        [
            (
                token.id,
                token.name,
                token.user.name,
                _github_user(token),
                token.prefix,
                ",".join(token.grants),
                format_time(token.expires_at),
                format_time(token.last_used_at),
                "revoked" if token.revoked_at else "active",
            )
            for token in operate(load)
        ],
    )


@app.command()
def revoke(token: Annotated[str, typer.Argument(help="Id, prefix or name of the token.")]) -> None:
    """Revoke a token."""
    from bot.operations import users
    from cli.operator import operate

    operate(lambda context: users.revoke_token(context, token))
    show(f"Revoked {token}.")


def _github_user(token: "ApiToken") -> str:
    """Whose a personal token is on GitHub, and that an operator made it; empty for other tokens."""
    if not token.personal:
        return ""
    return f"{token.user.name} (made by an operator)" if token.by_operator else token.user.name


def _split_grants(grants: list[str]) -> list[str]:
    """Split grants that are separated by commas or spaces."""
    return [name for text in grants for name in text.replace(",", " ").split()]


def _parse_duration(text: str | None) -> timedelta | None:
    if text is None:
        return None
    if _NOTHING.fullmatch(text):
        raise Refusal(f"--expires: `{text}` must be above 0.")
    match = _DURATION.fullmatch(text)
    if match is None:
        raise Refusal(f"--expires: `{text}` is not a valid duration; use a form such as 90d, 12h or 30m.")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
