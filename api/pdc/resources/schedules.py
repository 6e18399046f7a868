"""Release schedules: the date until which an SLA applies to a release."""

from collections.abc import Callable
from functools import partial

from api.pdc.crud import field_types, filters
from api.pdc.crud.resource import Field, Orderings, PdcError, RenderContext, Resource, Serializer
from api.pdc.resources.products import SLAS, unique_together
from api.pdc.resources.releases import RELEASES
from bot.store.content import Schedule
from bot.store.lists import ModelQuery

BOOLEANS = {**filters.BOOLEANS, "True": True, "False": False}


def _parse_active(value: str) -> bool:
    if value not in BOOLEANS:
        raise PdcError([f"Value [{value}] is not a boolean"])
    return BOOLEANS[value]


def _active(context: RenderContext) -> Serializer:
    today = str(context.today)
    return lambda day: str(day) >= today


def _link(resource: str) -> Callable[[RenderContext], Serializer]:
    return lambda context: partial(context.url, resource)


SCHEDULES = Resource(
    name="release-schedules",
    title="Release Schedule",
    description="Until when an SLA binds a release. Warning: This is an experimental API.",
    query=ModelQuery(Schedule, project="release__project_id"),
    fields=(
        Field("id", field_types.INTEGER, "id"),
        Field("release", field_types.NAME, "release__release_id", "release_id", reference=field_types.RELEASE),
        Field("sla", field_types.NAME, "sla__name", "sla_id", reference=field_types.SLA),
        Field("date", field_types.DATE, "date", "date"),
        Field("active", field_types.BOOLEAN, "date", serializer=_active),
        Field("release_url", field_types.URL, "release__release_id", serializer=_link("releases")),
        Field("sla_url", field_types.URL, "sla_id", serializer=_link("component-sla-types")),
    ),
    unique=(unique_together("release", "sla", columns=("release_id", "sla_id")),),
    filters={
        "date": filters.compare_date("t.date"),  # first, so that an invalid date hides errors in other filters
        "date_after": filters.compare_date("t.date", ">="),
        "date_before": filters.compare_date("t.date", "<="),
        "active": filters.boolean("t.date >= {}", _parse_active),
        "release": filters.exact("t.release_id = (SELECT id FROM releases WHERE release_id = {})"),
        "product_version": filters.exact(
            "t__release.product_version_id = (SELECT id FROM product_versions WHERE product_version_id = {})"
        ),
        "sla": filters.one_of_existing(
            "t.sla_id", "SELECT id FROM slas WHERE name IN ({})", "SELECT count(*) FROM slas WHERE name IN ({})"
        ),
    },
    orderings=Orderings(
        {"release_url": ("{release__release_id}",), "sla_url": ("{sla__name}",)},
        {"release": ("release", RELEASES.order_names), "sla": ("sla", SLAS.order_names)},
    ),
    default_ordering="date",
)
