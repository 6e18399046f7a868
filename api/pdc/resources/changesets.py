"""The change log: what each request changed, by whom and why, newest first."""

from collections.abc import Mapping
from datetime import datetime

import orjson

from api.pdc.crud import field_types, filters
from api.pdc.crud.resource import Field, Item, Resource
from bot.store.content import ChangeSet
from bot.store.lists import ModelQuery

KEYS = ("resource", "resource_id", "old_value", "new_value")


def _duration(times: Mapping[str, object]) -> str:
    start, end = (datetime.fromisoformat(str(times[name])) for name in ("from", "to"))
    return str(end - start)


def _order_keys(changes: str | list[Item]) -> list[Item]:
    """Restore the order of keys, which PostgreSQL does not keep."""
    decoded: list[Item] = orjson.loads(changes) if isinstance(changes, str) else changes
    return [{key: change[key] for key in KEYS} for change in decoded]


CHANGESETS = Resource(
    name="changesets",
    title="Changeset",
    description="What each request changed, newest first. Callers give the reason in the header PDC-Change-Comment.",
    query=ModelQuery(ChangeSet),
    fields=(
        Field("id", field_types.INTEGER, "id"),
        Field("author", field_types.NAME, "author"),
        Field("requested_on", field_types.DATETIME, "requested_on"),
        Field("committed_on", field_types.DATETIME, "committed_on"),
        Field(
            "duration", field_types.NAME, {"from": "requested_on", "to": "committed_on"}, serializer=lambda _: _duration
        ),
        Field("comment", field_types.NAME, "comment", nullable=True),
        Field("changes", field_types.LIST, "changes", serializer=lambda _: _order_keys),
    ),
    filters={"author": filters.one_of("t.author"), "resource": filters.one_of("t.resource")},
    default_ordering="-id",
    actions=frozenset(),
    anonymous_access=False,
)
