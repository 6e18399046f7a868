"""Signing people in by GitHub: where a browser is sent, and whose account it comes back for.

https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-user-access-token-for-a-github-app
"""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from bot.errors import Refusal, Unavailable, WrongSettings
from bot.github.app import GitHub
from bot.github.fields import required_number, required_text
from bot.github.limits import UNAVAILABLE
from bot.github.transport import ApiError, Credentials
from bot.github.users import Account
from bot.rules.ids import GitHubUserId

AUTHORIZE, ACCESS_TOKEN = "/login/oauth/authorize", "/login/oauth/access_token"
NOT_ACCEPTED = "GitHub does not accept this sign-in: it was used before, or it took too long. Please sign in again."
WRONG_CLIENT = "GitHub refuses our client id or secret"
WRONG_CALLBACK = "GitHub does not know the address to which people come back after they signed in"


@dataclass(frozen=True)
class Authorization:
    """What a browser came back with: a code, and what proves that the same browser was sent to GitHub by us."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    code: str = field(repr=False)
    verifier: str = field(repr=False)


def authorize_url(web_url: str, client_id: str, redirect_uri: str, state: str, verifier: str) -> str:
    """The address at GitHub where somebody confirms who they are; GitHub learns the verifier's SHA-256 only (PKCE)."""
    challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    query = {"client_id": client_id, "redirect_uri": redirect_uri, "state": state}
    return f"{web_url}{AUTHORIZE}?{urlencode({**query, 'code_challenge': challenge, 'code_challenge_method': 'S256'})}"


async def find_account(github: GitHub, authorization: Authorization) -> Account:
    """The account for which somebody was sent back. The token that GitHub gives us for them is used once, for that.

    Refuses a code that was used before, is too old, or belongs to another browser. Raises Unavailable if GitHub does
    not answer, and WrongSettings if it does not know us.
    """
    api = github.api_of_its_own()  # responses are cached by URL alone, and `/user` is somebody else's each time
    body = {
        "client_id": authorization.client_id,
        "client_secret": authorization.client_secret,
        "code": authorization.code,
        "redirect_uri": authorization.redirect_uri,
        "code_verifier": authorization.verifier,
    }
    try:
        token = _token((await api.send_form(f"{github.web_url}{ACCESS_TOKEN}", body)).data, authorization.redirect_uri)
        data = (await api.send("GET", "/user", Credentials(token=token))).data
    except ApiError as error:
        raise Unavailable(UNAVAILABLE, reason=f"it answered {error.status} when somebody signed in") from error
    return Account(GitHubUserId(required_number(data, "id")), required_text(data, "login"), str(data.get("type", "")))


def _token(answer: Any, redirect_uri: str) -> str:
    """The token in an answer, whose errors have the status 200 too."""
    if isinstance(answer, Mapping) and isinstance(answer.get("access_token"), str):
        return str(answer["access_token"])
    error = answer.get("error") if isinstance(answer, Mapping) else None
    if error == "incorrect_client_credentials":
        raise WrongSettings(WRONG_CLIENT, "LONGSHORE_GITHUB_CLIENT_ID and its secret must be those of the App")
    if error == "redirect_uri_mismatch":
        raise WrongSettings(WRONG_CALLBACK, f"{redirect_uri} must be a callback URL of the App")
    if isinstance(error, str):
        raise Refusal(NOT_ACCEPTED, reason=f"GitHub says: {error[:100]}")
    raise Unavailable(UNAVAILABLE, reason="no token in the response")
