"""Sign people in for the App: codes, the tokens that they are exchanged for, and their revocation."""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta

from sandbox.accounts import Account, Code, UserToken
from sandbox.events import emit_about_account
from sandbox.state import State

CODE_LASTS = timedelta(minutes=10)
TOKEN_SECONDS, REFRESH_SECONDS = 28_800, 15_811_200
ERRORS = {
    "incorrect_client_credentials": "The client_id and/or client_secret passed are incorrect.",
    "redirect_uri_mismatch": "The redirect_uri MUST match the registered callback URL for this application.",
    "bad_verification_code": "The code passed is incorrect or expired.",
}


class SignInError(Exception):
    """GitHub refuses to sign somebody in. It answers with status 200 and an error."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.body = {
            "error": error,
            "error_description": ERRORS[error],
            "error_uri": "https://docs.github.com/apps/managing-oauth-apps/troubleshooting-oauth-app-access-token-request-errors/"
            f"#{error.replace('_', '-')}",
        }


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request to exchange a code for a token."""

    client_id: str
    client_secret: str
    code: str
    redirect_uri: str
    verifier: str


def is_callback(state: State, redirect_uri: str) -> bool:
    """Whether browsers may be sent back to an address."""
    return bool(redirect_uri) and (not state.callback_urls or redirect_uri in state.callback_urls)


def issue_code(state: State, account: Account, redirect_uri: str, challenge: str) -> str:
    """Authorize the App for an account, and return the code that its browser is sent back with."""
    value = secrets.token_hex(10)
    state.codes[value] = Code(account, redirect_uri, challenge, state.now() + CODE_LASTS)
    return value


def exchange(state: State, request: Exchange) -> dict[str, object]:
    """Exchange a code, which is used up by that; raise SignInError for one that is wrong, old or used."""
    if request.client_id != state.client_id or not hmac.compare_digest(request.client_secret, state.client_secret):
        raise SignInError("incorrect_client_credentials")
    code = state.codes.get(request.code)
    if code is None or code.expires_at <= state.now():
        raise SignInError("bad_verification_code")
    if request.redirect_uri not in ("", code.redirect_uri):
        raise SignInError("redirect_uri_mismatch")
    del state.codes[request.code]
    if code.challenge and not hmac.compare_digest(challenge_of(request.verifier), code.challenge):
        raise SignInError("bad_verification_code")
    token = f"ghu_{secrets.token_urlsafe(27)}"
    state.user_tokens[token] = UserToken(code.account, state.now() + timedelta(seconds=TOKEN_SECONDS))
    return {
        "access_token": token,
        "expires_in": TOKEN_SECONDS,
        "refresh_token": f"ghr_{secrets.token_urlsafe(57)}",
        "refresh_token_expires_in": REFRESH_SECONDS,
        "token_type": "bearer",
        "scope": "",
    }


def challenge_of(verifier: str) -> str:
    """The challenge of a PKCE verifier (S256): its SHA-256 in base64url, without padding."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def revoke(state: State, account: Account) -> None:
    """End all tokens of an account, and tell the App that it may no longer act for it."""
    for mapping in (state.codes, state.user_tokens):
        for value in [value for value, issued in mapping.items() if issued.account is account]:
            mapping.pop(value)
    emit_about_account(state, "github_app_authorization", account, {"action": "revoked"})
