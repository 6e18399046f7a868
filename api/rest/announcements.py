"""The dialect `announcements`: the data API of Freecode. Every path says the same in JSON (`.json`) and XML (`.xml`).

Credentials may be an `auth_code` in the address or in the body. What does not fit is 409, as it was there.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any

import orjson
from aiohttp import web
from pydantic import BaseModel, BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError
from yarl import URL

from api.http import xml
from api.http.bodies import JSON, BadRequest
from api.http.endpoints import Call, Dialect, Endpoint, Result, status_of
from api.http.pagination import neighbours
from api.http.types import Timed, said_utc
from bot.context import Context
from bot.errors import Problem
from bot.operations import announcements, links
from bot.operations.announcements import ProjectProfile
from bot.rules.announcements import InvalidFields
from bot.store.announcement_queries import AnnouncementRow
from bot.store.announcements import Link

ROOT = "/projects/{permalink}"
URLS = f"{ROOT}/urls"
LINK = f"{URLS}/{{link}}"
PAGE = 20
PENDING_PAGE = 100  # the command line client looks at the first page only
RECENT = 5
READ = "content:read"  # by which strangers read


def _second(moment: datetime | str) -> str:
    return f"{said_utc(moment)[:19]}Z"


Second = Annotated[datetime, PlainSerializer(_second, return_type=str), Timed]
Words = Annotated[list[str], BeforeValidator(lambda value: orjson.loads(value) if isinstance(value, str) else value)]

# What is sent is read by rules, which know all the ways in which it may be said.
Text = Annotated[Any, WithJsonSchema({"type": "string"})]
Tags = Annotated[Any, WithJsonSchema({"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "string"}]})]
Flag = Annotated[Any, WithJsonSchema({"anyOf": [{"type": "boolean"}, {"enum": ["1", "0", "Y", "N"]}]})]


def _fields(value: Any) -> Any:
    if not isinstance(value, dict):
        raise PydanticCustomError("sentence", "The record must be an object with its fields.")
    return value


FIELDS = BeforeValidator(_fields)


class Numbered(BaseModel):
    """A page by number; pages have a fixed size."""

    page: int = Field(1, ge=1, le=10_000_000)


class Sent(BaseModel):
    """What is sent: a record by its name beside the `auth_code`, or its fields themselves."""

    @model_validator(mode="before")
    @classmethod
    def _named(cls, values: Any) -> Any:
        (name,) = cls.model_fields
        return values if name in values else {name: values}


class ReleaseGiven(BaseModel):
    """A release that is submitted."""

    version: Text = Field(None, examples=["1.1"])
    changelog: Text = Field(None, examples=["Security patch."])
    tag_list: Tags = Field(None, examples=[["stable", "security"]])
    hidden_from_frontpage: Flag = Field(None, examples=[False])


class NewRelease(Sent):
    """A release to be submitted."""

    release: Annotated[ReleaseGiven, FIELDS]


class ProjectGiven(BaseModel):
    """What a project tells of itself: only what is given is changed."""

    name: Text = Field(None, examples=["site"])
    oneliner: Text = Field(None, examples=["The shop's web site"])
    description: Text = Field(None, examples=["What customers see."])
    license_list: Tags = Field(None, examples=[["Apache-2.0"]])
    project_tag_list: Tags = Field(None, examples=[["web", "shop"]])


class ProjectChange(Sent):
    """Changes to a project."""

    project: Annotated[ProjectGiven, FIELDS]


class LinkGiven(BaseModel):
    """A link of a project."""

    label: Text = Field(None, examples=["Changes"])
    location: Text = Field(None, examples=["https://example.com/site/changes"])


class LinkChange(Sent):
    """A link to be made, or changes to one."""

    url: Annotated[LinkGiven, FIELDS]


class ReleaseShape(BaseModel):
    """An announced release."""

    id: int
    version: str = Field(examples=["1.1"])
    tag_list: Words = Field(examples=[["stable", "security"]])
    hidden_from_frontpage: bool
    approved_at: Second | None
    changelog: str = Field(examples=["Security patch."])


class PendingShape(ReleaseShape):
    """An announced release, with the time when it was submitted."""

    created_at: Second


class LinkShape(BaseModel):
    """A link. `redirector` is an address of ours that leads to `location`."""

    label: str = Field(examples=["Changes"])
    permalink: str = Field(examples=["changes"])
    location: str = Field(examples=["https://example.com/site/changes"])
    redirector: str = Field(examples=["https://releases.example.com/projects/site/urls/changes"])


class ProjectShape(BaseModel):
    """A project as it tells of itself."""

    id: int
    permalink: str = Field(examples=["site"])
    name: str = Field(examples=["site"])
    oneliner: str = Field(examples=["The shop's web site"])
    description: str = Field(examples=["What customers see."])
    license_list: list[str] = Field(examples=[["Apache-2.0"]])
    tag_list: list[str] = Field(examples=[["web", "shop"]])
    created_at: Second
    updated_at: Second
    approved_urls: list[LinkShape]
    recent_releases: list[ReleaseShape]


class OneRelease(BaseModel):
    """A release by its name."""

    release: ReleaseShape


class OnePending(BaseModel):
    """A submitted release by its name."""

    release: PendingShape


class OneLink(BaseModel):
    """A link by its name."""

    url: LinkShape


class OneProject(BaseModel):
    """A project by its name."""

    project: ProjectShape


class Led(BaseModel):
    """Where a link leads."""

    location: str = Field(examples=["https://example.com/site/changes"])


class Refused(BaseModel):
    """A refusal: sentences by the fields that they are about; `base` is about none."""

    errors: dict[str, list[str]] = Field(description="In XML an element `error` for each sentence, with its `field`.")


# --- performed

Listing = Callable[..., Awaitable[list[AnnouncementRow]]]


async def _approved(context: Context, call: Call) -> Result:
    """Approved releases of a project, newest first."""
    given = await _page(announcements.list_approved, PAGE, context, call)
    return replace(given, value=[{"release": _line(each["release"])} for each in given.value])


def _line(row: dict[str, Any]) -> dict[str, Any]:
    """A release in a list, from its row: a ReleaseShape in plain JSON."""
    tags, approved = row["tag_list"], row["approved_at"]
    return {
        "id": row["id"],
        "version": row["version"],
        "tag_list": orjson.loads(tags) if isinstance(tags, str) else tags,
        "hidden_from_frontpage": bool(row["hidden_from_frontpage"]),
        "approved_at": approved and _second(approved),
        "changelog": row["changelog"],
    }


async def _pending(context: Context, call: Call) -> Result:
    """Releases that the caller has submitted and that nobody has decided yet."""
    return await _page(announcements.list_pending, PENDING_PAGE, context, call)


async def _page(listing: Listing, size: int, context: Context, call: Call) -> Result:
    """A page of a list. Its links are without the `auth_code`: it has no business in headers."""
    page = call.query.page
    rows = await listing(context, call.path["permalink"], limit=size + 1, offset=(page - 1) * size)
    url = str(URL(call.url).without_query_params("auth_code")) if "auth_code" in call.url else call.url
    return Result([{"release": row} for row in rows[:size]], 200, neighbours(url, page, more=len(rows) > size))


async def _release(context: Context, call: Call) -> dict[str, Any]:
    """A release; while it is pending for its submitter and those who approve only."""
    return {"release": await announcements.find(context, call.path["permalink"], call.number("id"))}


async def _submit(context: Context, call: Call) -> dict[str, Any]:
    """Submit a release for approval."""
    return {"release": await announcements.submit(context, call.path["permalink"], **_given(call.body.release))}


async def _withdraw(context: Context, call: Call) -> dict[str, Any]:
    """Withdraw a release that one has submitted oneself and that is still pending."""
    return {"release": await announcements.withdraw(context, call.path["permalink"], call.number("id"))}


async def _follow(context: Context, call: Call) -> Result:
    """Lead to where a link goes, which was written by those who may and is no part of the request.

    The address that people come from may hold an `auth_code`: it is told to nobody.
    """
    link = await links.find(context, call.path["permalink"], call.path["link"])
    return Result({"location": link.location}, 302, {"Location": link.location, "Referrer-Policy": "no-referrer"})


@dataclass(frozen=True)
class _Pages:
    """What is told with addresses of ours in it."""

    base_url: str

    async def project(self, context: Context, call: Call) -> dict[str, Any]:
        """What a project tells of itself, with its links and newest releases."""
        return self._described(await announcements.get_profile(context, call.path["permalink"], recent=RECENT))

    async def change_project(self, context: Context, call: Call) -> dict[str, Any]:
        """Change what a project tells of itself; only what is given."""
        permalink, values = call.path["permalink"], _given(call.body.project)
        return self._described(await announcements.change_profile(context, permalink, recent=RECENT, **values))

    async def links(self, context: Context, call: Call) -> list[dict[str, Any]]:
        """The links of a project."""
        permalink = call.path["permalink"]
        return [{"url": self._told(permalink, link)} for link in await links.find_all(context, permalink)]

    async def link(self, context: Context, call: Call) -> dict[str, Any]:
        """A link of a project."""
        permalink = call.path["permalink"]
        return {"url": self._told(permalink, await links.find(context, permalink, call.path["link"]))}

    async def create_link(self, context: Context, call: Call) -> dict[str, Any]:
        """Add a link to a project."""
        permalink = call.path["permalink"]
        return {"url": self._told(permalink, await links.create(context, permalink, **_given(call.body.url)))}

    async def change_link(self, context: Context, call: Call) -> dict[str, Any]:
        """Change a link's label or where it leads; its own address stays."""
        permalink, values = call.path["permalink"], _given(call.body.url)
        return {"url": self._told(permalink, await links.change(context, permalink, call.path["link"], **values))}

    async def remove_link(self, context: Context, call: Call) -> dict[str, Any]:
        """Remove a link from a project."""
        permalink = call.path["permalink"]
        return {"url": self._told(permalink, await links.remove(context, permalink, call.path["link"]))}

    def _described(self, found: ProjectProfile) -> dict[str, Any]:
        project = found.project
        shown = {name: getattr(project, name) for name in ProjectShape.model_fields if hasattr(project, name)}
        urls = [self._told(project.permalink, link) for link in found.links]
        return {"project": {**shown, "approved_urls": urls, "recent_releases": found.recent}}

    def _told(self, permalink: str, link: Link) -> LinkShape:
        return LinkShape(
            label=link.label,
            permalink=link.permalink,
            location=link.location,
            redirector=f"{self.base_url}/projects/{permalink}/urls/{link.permalink}",
        )


# --- declared


def dialect(base_url: str) -> Dialect:
    """The dialect, for a service that is reached at an address."""
    return Dialect(
        name="announcements",
        endpoints=(*RELEASES, *_with_addresses(_Pages(base_url)), FOLLOW),
        challenge="Bearer",
        refuses=refuses,
        code=code,
        status=status,
        roots=("/projects",),
        error=Refused,
        security=("auth_code", "bearer", "token"),
    )


def _both(method: str, path: str, perform: Any, gives: Any, code: int = 200, **more: Any) -> tuple[Endpoint, Endpoint]:
    """One call in both forms."""
    listed = "urls" if path == URLS else "releases"
    return (
        Endpoint(method, f"{path}.json", perform, gives, code, form=JSON, **more),
        Endpoint(method, f"{path}.xml", perform, gives, code, form=xml.form(listed), **more),
    )


def _with_addresses(pages: _Pages) -> tuple[Endpoint, ...]:
    return (
        *_both("GET", ROOT, pages.project, OneProject, anonymous_grant=READ),
        *_both("PUT", ROOT, pages.change_project, OneProject, request_model=ProjectChange),
        *_both("GET", URLS, pages.links, list[OneLink], anonymous_grant=READ),
        *_both("POST", URLS, pages.create_link, OneLink, 201, request_model=LinkChange),
        *_both("GET", LINK, pages.link, OneLink, anonymous_grant=READ),
        *_both("PUT", LINK, pages.change_link, OneLink, request_model=LinkChange),
        *_both("DELETE", LINK, pages.remove_link, OneLink),
    )


RELEASES = (
    *_both(
        "GET", f"{ROOT}/releases", _approved, list[OneRelease], query=Numbered, anonymous_grant=READ, preserialized=True
    ),
    *_both("POST", f"{ROOT}/releases", _submit, OnePending, 201, request_model=NewRelease),
    *_both("GET", f"{ROOT}/releases/pending", _pending, list[OnePending], query=Numbered),
    *_both("GET", f"{ROOT}/releases/{{id}}", _release, OneRelease, anonymous_grant=READ),
    *_both("DELETE", f"{ROOT}/releases/{{id}}", _withdraw, OnePending),
)
FOLLOW = Endpoint("GET", LINK, _follow, Led, 302, anonymous_grant=READ)


def code(request: web.Request, body: Mapping[str, Any]) -> str | None:
    """The `auth_code` of a request: in the address, or in the body, be it beside the record or in it."""
    given = request.query.getall("auth_code", [])
    if len(set(given)) > 1:
        raise BadRequest("`auth_code` is given more than once.")
    places = [body, *(value for value in body.values() if isinstance(value, dict))]
    given += [str(place["auth_code"]) for place in places if place.get("auth_code") is not None]
    return next(iter(given), None)


def status(problem: Problem) -> int:
    """Statuses as everywhere, but that 409 is said of what does not fit; 400 of what cannot be read at all."""
    usual = status_of(problem)
    return 409 if usual == 400 and not (isinstance(problem, BadRequest) and not problem.fields) else usual


def refuses(problem: Problem, _status: int) -> dict[str, Any]:
    """Sentences by the fields that they are about; `base` is about none."""
    if isinstance(problem, BadRequest | InvalidFields) and problem.fields:
        return {"errors": problem.fields}
    return {"errors": {str(problem.details.get("field", "base")): [problem.sentence]}}


def _given(record: BaseModel) -> dict[str, Any]:
    return record.model_dump(exclude_unset=True)
