"""The change log: what each request changed, by whom and why, newest first."""

from datetime import datetime
from typing import Any

from api.pdc import filters, kinds
from api.resource import Field, Resource
from bot.store.content import ChangeSet
from bot.store.lists import Listing


def _duration(of: dict[str, Any]) -> str:
    begun, done = (datetime.fromisoformat(str(of[name])) for name in ("from", "to"))
    return str(done - begun)


CHANGESETS = Resource(
    name="changesets",
    title="Changeset",
    description="What each request changed, newest first. Callers give the reason in the header PDC-Change-Comment.",
    listing=Listing(ChangeSet),
    fields=(
        Field("id", kinds.INTEGER, "id"),
        Field("author", kinds.NAME, "author"),
        Field("requested_on", kinds.MOMENT, "requested_on"),
        Field("committed_on", kinds.MOMENT, "committed_on"),
        Field("duration", kinds.NAME, {"from": "requested_on", "to": "committed_on"}, show=lambda _: _duration),
        Field("comment", kinds.NAME, "comment"),
        Field("changes", kinds.LIST, "changes"),
    ),
    filters={"author": filters.one_of("t.author"), "resource": filters.one_of("t.resource")},
    default_order="-id",
    acts=frozenset(),
    for_strangers=False,
)
