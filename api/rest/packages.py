"""The dialect `packages`: package releases and their files. Its contract is docs/packages.md."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from api.http.bodies import BadRequest, Strict
from api.http.endpoints import Call, Dialect, Endpoint, Result
from api.http.pagination import address, numbered_links
from api.http.types import Moment, Status, by_rule, said_utc
from bot.context import Context
from bot.errors import Problem
from bot.operations import packages
from bot.rules import packages as rules
from bot.store.packages import PackageRow

RELEASES = "/api/releases/"
RELEASE = "/api/releases/{id}/"
DEEPEST = 10_000_000  # pages


def _number(text: object) -> int:
    if isinstance(text, str) and re.fullmatch("[0-9]{1,9}", text):
        return int(text)
    raise PydanticCustomError("number", "Must be a number")


Files = dict[str, list[str]]
Number = Annotated[int, BeforeValidator(_number)]


class _Query(BaseModel):
    """A query, in which an empty value is as good as none."""

    @model_validator(mode="before")
    @classmethod
    def given(cls, values: dict[str, str]) -> dict[str, str]:
        """What is given."""
        return {name: value for name, value in values.items() if value}


class NewRelease(Strict):
    """A package release to be written down."""

    package: str = Field(description="The name of a project.", examples=["site"])
    version: Annotated[str, by_rule(rules.parse_version)] = Field(examples=["1.1"])
    release_date: Annotated[datetime, by_rule(rules.parse_date)] = Field(description="Without an offset it is in UTC.")
    status: Status = Field(examples=[30])
    release_notes: str = ""
    files: Annotated[Files, by_rule(rules.parse_files)] = Field(default_factory=dict)
    signature: Annotated[str | None, by_rule(rules.parse_signature)] = None


class NewFiles(Strict):
    """Files to be added to a release."""

    files: Annotated[Files, by_rule(rules.parse_files)] = Field(examples=[{"js": ["js/site.js"]}])


class ListQuery(_Query):
    """Which releases are listed, and which page of them."""

    package: str | None = None
    status: Annotated[int | None, by_rule(lambda text: rules.parse_status(_number(text)))] = None
    page: Number = Field(1, ge=1, le=DEEPEST)
    page_size: Number = Field(20, ge=1, le=100)


class LatestQuery(_Query):
    """Whose newest release is asked for."""

    package: str
    include: Annotated[str | None, Field(pattern="^testing$")] = None


class PackageRelease(BaseModel):
    """A package release."""

    id: int
    package: str
    version: str
    release_date: Moment | None
    status: int
    release_notes: str


class WholePackageRelease(PackageRelease):
    """A package release with its files and signature."""

    files: Files
    signature: str | None


class AllFiles(BaseModel):
    """All files of a release."""

    files: Files


class PackageReleases(BaseModel):
    """A page of package releases, newest first."""

    count: int
    next: str | None
    previous: str | None
    results: list[WholePackageRelease]


async def _new(context: Context, call: Call) -> dict[str, Any]:
    """Write down a package release."""
    body = call.body.model_dump()
    package, version, notes = body.pop("package"), body.pop("version"), body.pop("release_notes")
    release = await packages.create(context, package, version, notes=notes, **body)
    shown = {name: getattr(release, name) for name in ("id", "version", "release_date")}
    return {**shown, "package": package, "status": body["status"], "release_notes": notes}


async def _add_files(context: Context, call: Call) -> dict[str, Files]:
    """Add files to a package release's."""
    files = await packages.add_files(context, call.path["id"], call.number("id"), call.body.files)
    return {"files": files}


async def _one(context: Context, call: Call) -> PackageRow:
    """Show a package release."""
    return await packages.find(context, call.path["id"], call.number("id"))


async def _list(context: Context, call: Call) -> Result:
    """List package releases, newest first."""
    query = call.query
    page, size = query.page, query.page_size
    rows, count = await packages.find_all(
        context, package=query.package, status=query.status, limit=size, offset=(page - 1) * size
    )
    last = max(1, -(-count // size))
    following = _page(call, page + 1) if page < last else None
    said = {
        "count": count,
        "next": following,
        "previous": _page(call, min(page - 1, last)) if page > 1 else None,
        "results": [_line(row) for row in rows],
    }
    return Result(said, 200, numbered_links(call.url, page, last))


def _line(row: Mapping[str, Any]) -> dict[str, Any]:
    """A package release in a list, from its row: a WholePackageRelease in plain JSON."""
    date = row["release_date"] and said_utc(row["release_date"])
    return {name: date if name == "release_date" else row[name] for name in WholePackageRelease.model_fields}


async def _latest(context: Context, call: Call) -> PackageRow:
    """Show the newest released package release."""
    return await packages.latest(context, call.query.package, testing=call.query.include is not None)


def _page(call: Call, number: int) -> str:
    return address(call.url, "page", number)


def dialect(base_url: str) -> Dialect:
    """The dialect, for a service that is reached at an address."""
    return Dialect(name="packages", endpoints=ENDPOINTS, challenge="Token", refuses=_refusal, error=Refused)


ENDPOINTS = (
    Endpoint(
        "GET", RELEASES, _list, PackageReleases, query=ListQuery, anonymous_grant="project:read", preserialized=True
    ),
    Endpoint("POST", f"{RELEASES}new/", _new, PackageRelease, 201, request_model=NewRelease),
    Endpoint(
        "GET", f"{RELEASES}latest/", _latest, WholePackageRelease, query=LatestQuery, anonymous_grant="project:read"
    ),
    Endpoint("GET", RELEASE, _one, WholePackageRelease, anonymous_grant="project:read"),
    Endpoint("PATCH", f"{RELEASE}update_files/", _add_files, AllFiles, request_model=NewFiles),
)


class Refused(BaseModel):
    """A refusal: a sentence, and where fields are malformed what is wrong with each."""

    error: str = Field(examples=["Authentication credentials were not provided."])
    fields: dict[str, list[str]] = Field({}, examples=[{"version": ["`version` is required."]}])


def _refusal(problem: Problem, status: int) -> dict[str, Any]:
    """A refusal: the sentence, and where it is about fields, what is wrong with each of them."""
    said: dict[str, Any] = {"error": problem.sentence}
    fields = problem.fields if isinstance(problem, BadRequest) else {}
    if status == 400 and not fields and "field" in problem.details:
        fields = {problem.details["field"]: [problem.sentence]}
    return {**said, "fields": fields} if fields else said
