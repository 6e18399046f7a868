"""Signing in to the pages with an account on GitHub."""

import secrets
from dataclasses import dataclass, field

from bot.context import Actor, Context
from bot.github import sign_in as github
from bot.github.sign_in import Authorization as Authorization  # callers know it from here
from bot.operations import sessions, users
from bot.rules.ids import GitHubUserId, SessionId


@dataclass(frozen=True)
class SignInRequest:
    """Somebody who is sent to GitHub: the address there, and what their browser keeps until it comes back."""

    url: str = field(repr=False)
    state: str = field(repr=False)
    verifier: str = field(repr=False)


def begin(context: Context, client_id: str, redirect_uri: str) -> SignInRequest:
    """Send somebody to GitHub, to confirm there who they are."""
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    url = github.authorize_url(context.github.web_url, client_id, redirect_uri, state, verifier)
    return SignInRequest(url, state, verifier)


async def complete(
    context: Context, authorization: Authorization, browser: str, *, replaces: SessionId | None = None
) -> str:
    """Begin a session of the person for whom GitHub sent a browser back; returns its secret, which is not stored.

    `browser` is the User-Agent header; `replaces` is an earlier session of this browser, which ends. The
    person's roles are asked for anew. Refuses what GitHub does not accept, and raises Unavailable if it does not
    answer.
    """
    account = await github.find_account(context.github, authorization)
    context.github.people.forget_person(GitHubUserId(account.id), account.login)
    user = await users.from_github(context, account.id, account.login)
    actor = Actor(user.id, user.name, frozenset(), github_id=GitHubUserId(account.id))
    return await sessions.begin(context.acting_as(actor, context.channel), user, browser, replaces=replaces)
