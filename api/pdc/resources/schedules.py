"""Release schedules: until when an SLA binds a release."""

from collections.abc import Callable
from functools import partial

from api.pdc.crud import field_types, filters
from api.pdc.crud.resource import Field, Invalid, Resource, Show, View
from api.pdc.resources.products import SLAS, unique
from api.pdc.resources.releases import RELEASES
from bot.store.content import Schedule
from bot.store.lists import Listing


def _no_boolean(value: str) -> Invalid:
    return Invalid([f"Value [{value}] is not a boolean"])


def _active(view: View) -> Show:
    today = str(view.today)
    return lambda day: str(day) >= today


def _link(resource: str) -> Callable[[View], Show]:
    return lambda view: partial(view.url, resource)


SCHEDULES = Resource(
    name="release-schedules",
    title="Release Schedule",
    description="Until when an SLA binds a release. Warning: This is an experimental API.",
    listing=Listing(Schedule, project="release__project_id"),
    fields=(
        Field("id", field_types.INTEGER, "id"),
        Field("release", field_types.NAME, "release__release_id", "release_id", refers=field_types.RELEASE),
        Field("sla", field_types.NAME, "sla__name", "sla_id", refers=field_types.SLA),
        Field("date", field_types.DAY, "date", "date"),
        Field("active", field_types.FLAG, "date", show=_active),
        Field("release_url", field_types.LINK, "release__release_id", show=_link("releases")),
        Field("sla_url", field_types.LINK, "sla_id", show=_link("component-sla-types")),
    ),
    unique=(unique("release", "sla", columns=("release_id", "sla_id")),),
    filters={
        "date": filters.day("t.date"),  # no date at all leaves nothing, whatever is wrong with the others
        "date_after": filters.day("t.date", ">="),
        "date_before": filters.day("t.date", "<="),
        "active": filters.flag("t.date >= {}", _no_boolean, filters.CASED),
        "release": filters.exact("t.release_id = (SELECT id FROM releases WHERE release_id = {})"),
        "product_version": filters.exact(
            "t__release.product_version_id = (SELECT id FROM product_versions WHERE product_version_id = {})"
        ),
        "sla": filters.all_known(
            "t.sla_id", "SELECT id FROM slas WHERE name IN ({})", "SELECT count(*) FROM slas WHERE name IN ({})"
        ),
    },
    order={"release_url": "release__release_id", "sla_url": "sla__name"},
    nested={"release": ("release", RELEASES), "sla": ("sla", SLAS)},
    default_order="date",
)
