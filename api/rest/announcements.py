"""The dialect `announcements`: the data API of Freecode, in JSON (`.json`) and in XML (`.xml`).

An `auth_code` in the query or the body is accepted as credentials. Invalid values get 409, as they did in Freecode.
Its contract is docs/announcements.md.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from pydantic import BaseModel
from yarl import URL

from api.http.bodies import JSON, BadRequest, JsonObject
from api.http.endpoints import AnyEndpoint, Call, Dialect, Endpoint, Result
from api.http.errors import status_of
from api.http.pagination import adjacent_links, limit_and_offset
from api.http.xml import xml_codec
from api.rest.announcement_schemas import (
    AnnouncementsError,
    ChangeProfileBody,
    LinkBody,
    LinkEnvelope,
    PageNumberQuery,
    ProjectEnvelope,
    ProjectLink,
    ProjectProfile,
    RedirectTarget,
    ReleaseEnvelope,
    SubmitReleaseBody,
    format_seconds,
    parse_tags,
)
from bot.context import Context
from bot.errors import Problem
from bot.operations import announcements, links
from bot.rules.announcements import InvalidFields
from bot.rules.names import advice
from bot.store.announcement_queries import AnnouncementRow
from bot.store.announcements import Link

PROJECT = "/projects/{permalink}"
RELEASES = f"{PROJECT}/releases"
RELEASE = f"{RELEASES}/{{id}}"
LINKS = f"{PROJECT}/urls"
LINK = f"{LINKS}/{{link}}"
PAGE_SIZE = 100  # clients read the first page only
RECENT_RELEASES = 5
READ = "content:read"
FORMATS = (JSON, xml_codec())

PageCall = Call[None, PageNumberQuery]
PlainCall = Call[None, None]


async def list_approved(context: Context, call: PageCall) -> Result:
    """List the approved releases of a project, newest first."""
    permalink, (limit, offset) = call.path["permalink"], limit_and_offset(call.query.page, PAGE_SIZE)
    rows = await announcements.list_approved(context, permalink, limit=limit, offset=offset)
    page = _page(call, rows)
    return replace(page, value=[{"release": _serialize_release(row)} for row in rows[:PAGE_SIZE]])


async def list_pending(context: Context, call: PageCall) -> Result:
    """List the pending releases that the caller has submitted."""
    permalink, (limit, offset) = call.path["permalink"], limit_and_offset(call.query.page, PAGE_SIZE)
    rows = await announcements.list_pending(context, permalink, limit=limit, offset=offset)
    return _page(call, rows)


async def show_release(context: Context, call: PlainCall) -> object:
    """Show a release. Only its submitter and callers who may approve it see a pending one."""
    return {"release": await announcements.find(context, call.path["permalink"], call.row_id("id"))}


async def submit_release(context: Context, call: Call[SubmitReleaseBody, None]) -> object:
    """Submit a release for approval."""
    values = _present_fields(call.body.release)
    return {"release": await announcements.submit(context, call.path["permalink"], **values)}


async def withdraw_release(context: Context, call: PlainCall) -> object:
    """Withdraw a pending release that the caller has submitted."""
    return {"release": await announcements.withdraw(context, call.path["permalink"], call.row_id("id"))}


async def show_project(context: Context, call: PlainCall) -> object:
    """Show the public description of a project, with its links and newest releases."""
    profile = await announcements.get_profile(context, call.path["permalink"], recent=RECENT_RELEASES)
    return _profile(call.base_url, profile)


async def change_project(context: Context, call: Call[ChangeProfileBody, None]) -> object:
    """Change the public description of a project; only the fields that are sent are changed."""
    permalink, values = call.path["permalink"], _present_fields(call.body.project)
    profile = await announcements.change_profile(context, permalink, recent=RECENT_RELEASES, **values)
    return _profile(call.base_url, profile)


async def list_links(context: Context, call: PlainCall) -> object:
    """List the links of a project."""
    permalink = call.path["permalink"]
    return [_link(call.base_url, permalink, link) for link in await links.find_all(context, permalink)]


async def show_link(context: Context, call: PlainCall) -> object:
    """Show a link of a project."""
    permalink = call.path["permalink"]
    return _link(call.base_url, permalink, await links.find(context, permalink, call.path["link"]))


async def create_link(context: Context, call: Call[LinkBody, None]) -> object:
    """Add a link to a project."""
    permalink, values = call.path["permalink"], _present_fields(call.body.url)
    return _link(call.base_url, permalink, await links.create(context, permalink, **values))


async def change_link(context: Context, call: Call[LinkBody, None]) -> object:
    """Change the label or the target of a link, but not its permalink."""
    permalink, values = call.path["permalink"], _present_fields(call.body.url)
    return _link(call.base_url, permalink, await links.change(context, permalink, call.path["link"], **values))


async def remove_link(context: Context, call: PlainCall) -> object:
    """Remove a link from a project."""
    permalink = call.path["permalink"]
    return _link(call.base_url, permalink, await links.remove(context, permalink, call.path["link"]))


async def follow_link(context: Context, call: PlainCall) -> Result:
    """Redirect to the target of a link.

    The target was stored by someone with write access to the project and is never taken from the request. The URL of
    the request may contain an `auth_code`, so browsers are told not to send it as the referrer.
    """
    link = await links.find(context, call.path["permalink"], call.path["link"])
    return Result({"location": link.location}, 302, {"Location": link.location, "Referrer-Policy": "no-referrer"})


# --- responses


def _page(call: PageCall, rows: list[AnnouncementRow]) -> Result:
    """A page of releases. Its links omit the `auth_code`, since headers must not contain credentials."""
    url = str(URL(call.url).without_query_params("auth_code")) if "auth_code" in call.url else call.url
    links = adjacent_links(url, call.query.page, more=len(rows) > PAGE_SIZE)
    return Result([{"release": row} for row in rows[:PAGE_SIZE]], 200, links)


def _serialize_release(row: Mapping[str, Any]) -> dict[str, object]:
    """Serialize a row of a list of releases as an AnnouncedRelease."""
    approved_at = row["approved_at"]
    return {
        "id": row["id"],
        "version": row["version"],
        "tag_list": parse_tags(row["tag_list"]),
        "hidden_from_frontpage": bool(row["hidden_from_frontpage"]),
        "approved_at": approved_at and format_seconds(approved_at),
        "created_at": format_seconds(row["created_at"]),
        "changelog": row["changelog"],
    }


def _profile(base_url: str, profile: announcements.ProjectProfile) -> dict[str, object]:
    project = profile.project
    columns = {name: getattr(project, name) for name in ProjectProfile.model_fields if hasattr(project, name)}
    urls = [_project_link(base_url, project.permalink, link).model_dump() for link in profile.links]
    return {"project": {**columns, "approved_urls": urls, "recent_releases": profile.recent}}


def _link(base_url: str, permalink: str, link: Link) -> dict[str, ProjectLink]:
    return {"url": _project_link(base_url, permalink, link)}


def _project_link(base_url: str, permalink: str, link: Link) -> ProjectLink:
    return ProjectLink(
        id=link.id,
        label=link.label,
        permalink=link.permalink,
        host=urlsplit(link.location).hostname or "",
        location=link.location,
        redirector=f"{base_url}/projects/{permalink}/urls/{link.permalink}",
    )


def _present_fields(record: BaseModel) -> dict[str, Any]:
    return record.model_dump(exclude_unset=True)


# --- the dialect


def find_auth_code(request: web.Request, body: JsonObject) -> str | None:
    """The `auth_code` of a request: in the query, in the body, or in the record within the body."""
    in_query = request.query.getall("auth_code", [])
    if len(set(in_query)) > 1:
        raise BadRequest("`auth_code` is given more than once.")
    records = [body, *(value for value in body.values() if isinstance(value, dict))]
    in_body = [str(record["auth_code"]) for record in records if record.get("auth_code") is not None]
    return next(iter([*in_query, *in_body]), None)


def error_status(problem: Problem) -> int:
    """The usual status, but 409 for invalid values; requests that cannot be parsed stay 400."""
    usual = status_of(problem)
    return 409 if usual == 400 and not (isinstance(problem, BadRequest) and not problem.fields) else usual


def error_body(problem: Problem, _status: int) -> dict[str, dict[str, list[str]]]:
    """Sentences by field, or under `base` if they concern no field."""
    if isinstance(problem, BadRequest | InvalidFields) and problem.fields:
        return {"errors": problem.fields}
    said, reason = advice(problem.details), str(problem.details.get("reason", ""))
    sentence = f"{problem.sentence.rstrip('.')}. {said}" if said else problem.sentence
    reasons = [f"{reason[0].upper()}{reason[1:].rstrip('.')}."] if reason else []
    return {"errors": {str(problem.details.get("field", "base")): [sentence, *reasons]}}


def _in_json_and_xml(list_name: str, *endpoints: AnyEndpoint) -> tuple[AnyEndpoint, ...]:
    """The endpoints at paths with the suffix of the format of the response; bodies may have either format."""
    codecs = {"json": JSON, "xml": xml_codec(list_name)}
    return tuple(
        replace(endpoint, path=f"{endpoint.path}.{suffix}", codec=codec, accepts=FORMATS)
        for endpoint in endpoints
        for suffix, codec in codecs.items()
    )


DIALECT = Dialect(
    name="announcements",
    endpoints=(
        *_in_json_and_xml(
            "releases",
            Endpoint(
                *("GET", RELEASES, list_approved, list[ReleaseEnvelope]),
                query_model=PageNumberQuery,
                anonymous_grant=READ,
                preserialized=True,
            ),
            Endpoint("POST", RELEASES, submit_release, ReleaseEnvelope, 201, request_model=SubmitReleaseBody),
            Endpoint(
                *("GET", f"{RELEASES}/pending", list_pending, list[ReleaseEnvelope]),
                query_model=PageNumberQuery,
            ),
            Endpoint("GET", RELEASE, show_release, ReleaseEnvelope, anonymous_grant=READ),
            Endpoint("DELETE", RELEASE, withdraw_release, ReleaseEnvelope),
            Endpoint("GET", PROJECT, show_project, ProjectEnvelope, anonymous_grant=READ),
            Endpoint("PUT", PROJECT, change_project, ProjectEnvelope, request_model=ChangeProfileBody),
        ),
        *_in_json_and_xml(
            "urls",
            Endpoint("GET", LINKS, list_links, list[LinkEnvelope], anonymous_grant=READ),
            Endpoint("POST", LINKS, create_link, LinkEnvelope, 201, request_model=LinkBody),
            Endpoint("GET", LINK, show_link, LinkEnvelope, anonymous_grant=READ),
            Endpoint("PUT", LINK, change_link, LinkEnvelope, request_model=LinkBody),
            Endpoint("DELETE", LINK, remove_link, LinkEnvelope),
        ),
        Endpoint("GET", LINK, follow_link, RedirectTarget, 302, anonymous_grant=READ, accepts=FORMATS),
    ),
    challenge="Bearer",
    error_body=error_body,
    find_credentials=find_auth_code,
    credential_parameters=("auth_code",),
    error_status=error_status,
    path_prefixes=("/projects",),
    error_model=AnnouncementsError,
    security_schemes=("auth_code", "bearer", "token"),
)
