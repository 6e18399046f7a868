"""The App's key, its JWTs and its installation tokens."""

import functools
import secrets
from datetime import timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.accounts import Installation, Token
from sandbox.errors import ApiError, invalid
from sandbox.records import Repository
from sandbox.state import State

MAX_JWT_SECONDS = 600
MAX_REPOSITORIES = 500
LEVELS = {"none": 0, "read": 1, "write": 2, "admin": 3}


@functools.cache
def key_pair(number: int = 0) -> tuple[str, str]:
    """Generate an App's private and public key as PEM, once per process: those of the first App by default."""
    key = rsa.generate_private_key(65537, 2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


def check_jwt(state: State, value: str) -> None:
    """Verify an App's JWT; raise GitHub's error when it is not valid."""
    claims = _decode_jwt(state, value)
    now, issued, expires = state.now().timestamp(), claims.get("iat"), claims.get("exp")
    if not isinstance(issued, int) or issued > now:
        claim = "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
        raise ApiError(401, claim)
    if not isinstance(expires, int | float) or expires <= now:
        claim = "'Expiration time' claim ('exp') must be a numeric value representing the future time at which"
        raise ApiError(401, f"{claim} the assertion expires")
    if expires > now + MAX_JWT_SECONDS:
        raise ApiError(401, "'Expiration time' claim ('exp') is too far in the future")


def _decode_jwt(state: State, value: str) -> dict[str, Any]:
    """Find the App that a JWT names, then verify the JWT with its key; times are not checked."""
    try:
        issuer = jwt.decode(value, options={"verify_signature": False}).get("iss")
        if not isinstance(issuer, str):
            raise ApiError(401, "'Issuer' claim ('iss') must be a String")
        if issuer not in (str(state.app_id), state.client_id):
            raise ApiError(404, "Integration not found")
        options: Any = dict.fromkeys(("verify_exp", "verify_iat", "verify_nbf", "verify_aud", "verify_iss"), False)
        claims: dict[str, Any] = jwt.decode(value, key_pair(state.key_number)[1], algorithms=["RS256"], options=options)
    except jwt.InvalidTokenError:
        raise ApiError(401, "A JSON web token could not be decoded") from None
    return claims


def _new_token_value(app_id: int) -> str:
    head, claims, key, signature = (secrets.token_urlsafe(size) for size in (27, 95, 20, 235))
    return f"ghs_{app_id}_{head}.{claims}_-{key}.{signature}"


def create_token(
    state: State, installation: Installation, body: dict[str, Any]
) -> tuple[Token, list[Repository] | None]:
    """Create an installation token, optionally narrowed to some permissions and repositories.

    Raise 422 for more than the installation was granted.
    """
    if installation.suspended_at:
        raise ApiError(403, "This installation has been suspended")
    permissions = _narrow_permissions(installation, body.get("permissions"))
    selected = _narrow_repositories(state, installation, body)
    repositories = selected
    if selected is None and installation.repository_ids is not None:
        repositories = state.covered(installation)
    token = Token(
        _new_token_value(state.app_id),
        installation.id,
        state.now(),
        state.now() + timedelta(hours=1),
        permissions,
        None if selected is None else {repository.id for repository in selected},
    )
    state.tokens[token.value] = token
    return token, repositories


def _narrow_permissions(installation: Installation, requested: Any) -> dict[str, str]:
    if not requested:
        return dict(installation.permissions)
    if not isinstance(requested, dict) or not all(level in LEVELS for level in requested.values()):
        raise invalid("Invalid request.\n\nInvalid permissions.")
    for name, level in requested.items():
        if LEVELS[level] > LEVELS[installation.permissions.get(name, "none")]:
            raise invalid("The permissions requested are not granted to this installation.")
    return {"metadata": "read", **requested}


def _narrow_repositories(state: State, installation: Installation, body: dict[str, Any]) -> list[Repository] | None:
    names, ids = body.get("repositories"), body.get("repository_ids")
    if names is None and ids is None:
        return None
    covered = state.covered(installation)
    requested = [str(name).lower() for name in names or ()] + [str(number) for number in ids or ()]
    by_key = {repo.name.lower(): repo for repo in covered} | {str(repo.id): repo for repo in covered}
    if len(requested) > MAX_REPOSITORIES or not set(requested) <= set(by_key):
        raise invalid(
            "There is at least one repository that does not exist or is not accessible to the parent installation."
        )
    return list({by_key[key].id: by_key[key] for key in requested}.values())


def find_token(state: State, value: str) -> Token | None:
    """Find a token by value; None when it is unknown, expired or its installation is gone."""
    token = state.tokens.get(value)
    if token is None or token.expires_at <= state.now() or token.installation_id not in state.installations:
        return None
    return token


def allows(permissions: dict[str, str], required: str) -> bool:
    """Return whether permissions satisfy a requirement such as `issues:write|pull_requests:write`."""
    for alternative in required.split("|"):
        name, _, level = alternative.partition(":")
        if LEVELS[permissions.get(name, "none")] >= LEVELS[level]:
            return True
    return False
