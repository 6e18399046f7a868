"""The App's key, its JWTs and its installation tokens."""

import functools
import secrets
from datetime import timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.errors import Refused, invalid
from sandbox.records import Installation, Repository, Token
from sandbox.state import State

LONGEST_JWT = 600
MOST_REPOSITORIES = 500
LEVELS = {"none": 0, "read": 1, "write": 2, "admin": 3}


@functools.cache
def key_pair() -> tuple[str, str]:
    """Make the App's private and public key as PEM, once per process."""
    key = rsa.generate_private_key(65537, 2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


def check_jwt(state: State, value: str) -> None:
    """Refuse a JWT that the platform would refuse, in its words."""
    options: Any = dict.fromkeys(("verify_exp", "verify_iat", "verify_nbf", "verify_aud", "verify_iss"), False)
    try:
        claims = jwt.decode(value, key_pair()[1], algorithms=["RS256"], options=options)
    except jwt.InvalidTokenError:
        raise Refused(401, "A JSON web token could not be decoded") from None
    now, issued, expires = state.now().timestamp(), claims.get("iat"), claims.get("exp")
    if not isinstance(issued, int) or issued > now:
        claim = "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
        raise Refused(401, claim)
    if not isinstance(expires, int | float) or expires <= now:
        claim = "'Expiration time' claim ('exp') must be a numeric value representing the future time at which"
        raise Refused(401, f"{claim} the assertion expires")
    if expires > now + LONGEST_JWT:
        raise Refused(401, "'Expiration time' claim ('exp') is too far in the future")
    if not isinstance(claims.get("iss"), str):
        raise Refused(401, "'Issuer' claim ('iss') must be a String")
    if claims["iss"] not in (str(state.app_id), state.client_id):
        raise Refused(404, "Integration not found")


def _value(app_id: int) -> str:
    head, claims, key, signature = (secrets.token_urlsafe(size) for size in (27, 95, 20, 235))
    return f"ghs_{app_id}_{head}.{claims}_-{key}.{signature}"


def mint(state: State, installation: Installation, body: dict[str, Any]) -> tuple[Token, list[Repository] | None]:
    """Make an installation token, narrowed as asked; asking for more than was granted is refused."""
    if installation.suspended_at:
        raise Refused(403, "This installation has been suspended")
    permissions = _permissions(installation, body.get("permissions"))
    chosen = _repositories(state, installation, body)
    listed = chosen
    if chosen is None and installation.repositories is not None:
        listed = state.covered(installation)
    one = Token(
        _value(state.app_id),
        installation.id,
        state.now() + timedelta(hours=1),
        permissions,
        None if chosen is None else {each.id for each in chosen},
    )
    state.tokens[one.value] = one
    return one, listed


def _permissions(installation: Installation, asked: Any) -> dict[str, str]:
    if not asked:
        return dict(installation.permissions)
    if not isinstance(asked, dict) or not all(level in LEVELS for level in asked.values()):
        raise invalid("Invalid request.\n\nInvalid permissions.")
    for name, level in asked.items():
        if LEVELS[level] > LEVELS[installation.permissions.get(name, "none")]:
            raise invalid("The permissions requested are not granted to this installation.")
    return {"metadata": "read", **asked}


def _repositories(state: State, installation: Installation, body: dict[str, Any]) -> list[Repository] | None:
    names, ids = body.get("repositories"), body.get("repository_ids")
    if names is None and ids is None:
        return None
    covered = state.covered(installation)
    wanted = [str(one).lower() for one in names or ()] + [str(one) for one in ids or ()]
    known = {one.name.lower(): one for one in covered} | {str(one.id): one for one in covered}
    if len(wanted) > MOST_REPOSITORIES or not set(wanted) <= set(known):
        raise invalid(
            "There is at least one repository that does not exist or is not accessible to the parent installation."
        )
    return list({known[one].id: known[one] for one in wanted}.values())


def find(state: State, value: str) -> Token | None:
    """Find a token that is still good."""
    one = state.tokens.get(value)
    if one is None or one.expires_at <= state.now() or one.installation not in state.installations:
        return None
    return one


def allows(permissions: dict[str, str], needs: str) -> bool:
    """Tell whether permissions satisfy a need such as ``issues:write|pull_requests:write``."""
    for choice in needs.split("|"):
        name, _, level = choice.partition(":")
        if LEVELS[permissions.get(name, "none")] >= LEVELS[level]:
            return True
    return False
