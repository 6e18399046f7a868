"""The change log: what each request changed, by whom and why, newest first."""

from datetime import datetime
from typing import Any

from api.pdc.crud import field_types, filters
from api.pdc.crud.resource import Field, Resource
from bot.store.content import ChangeSet
from bot.store.lists import Listing

KEYS = ("resource", "resource_id", "old_value", "new_value")


def _duration(of: dict[str, Any]) -> str:
    begun, done = (datetime.fromisoformat(str(of[name])) for name in ("from", "to"))
    return str(done - begun)


def _in_order(changes: Any) -> list[dict[str, Any]]:
    """PostgreSQL keeps keys in an order of its own."""
    return [{key: change[key] for key in KEYS} for change in field_types.listed(changes)]


CHANGESETS = Resource(
    name="changesets",
    title="Changeset",
    description="What each request changed, newest first. Callers give the reason in the header PDC-Change-Comment.",
    listing=Listing(ChangeSet),
    fields=(
        Field("id", field_types.INTEGER, "id"),
        Field("author", field_types.NAME, "author"),
        Field("requested_on", field_types.MOMENT, "requested_on"),
        Field("committed_on", field_types.MOMENT, "committed_on"),
        Field("duration", field_types.NAME, {"from": "requested_on", "to": "committed_on"}, show=lambda _: _duration),
        Field("comment", field_types.NAME, "comment", nullable=True),
        Field("changes", field_types.LIST, "changes", show=lambda _: _in_order),
    ),
    filters={"author": filters.one_of("t.author"), "resource": filters.one_of("t.resource")},
    default_order="-id",
    acts=frozenset(),
    for_strangers=False,
)
