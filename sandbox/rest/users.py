"""People and what they may do."""

from sandbox.errors import not_found
from sandbox.rest.core import Answer, Asked, route
from sandbox.serializers import accounts as shapes


@route("GET", "/users/{login}", "any")
async def get_user(asked: Asked) -> Answer:
    """Find an account by login."""
    found = asked.state.people.get(asked.part("login").lower())
    if found is None:
        raise not_found()
    return Answer(shapes.public_user(asked.state, found))


@route("GET", "/user/{account_id}", "any")
async def get_user_by_id(asked: Asked) -> Answer:
    """Find an account by id."""
    number = asked.number("account_id")
    for one in asked.state.people.values():
        if one.id == number:
            return Answer(shapes.public_user(asked.state, one))
    raise not_found()


@route("GET", "{repo}/collaborators/{login}/permission", "metadata:read")
async def get_permission(asked: Asked) -> Answer:
    """Tell a person's permission; maintain shows as write and triage as read, ``role_name`` says which."""
    found = asked.state.people.get(asked.part("login").lower())
    if found is None:
        raise not_found()
    permission, role = asked.state.role(asked.repository, found)
    level = ("read", "triage", "write", "maintain", "admin")
    basis = role if role in level else permission
    rank = level.index(basis) if basis in level else -1
    names = ("pull", "triage", "push", "maintain", "admin")
    may = {name: rank >= place for place, name in enumerate(names)}
    user = {**shapes.user(asked.state, found), "permissions": may, "role_name": role}
    return Answer({"permission": permission, "role_name": role, "user": user})
