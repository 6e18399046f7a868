"""The dialect `packages`: package releases and their files. Its contract is docs/packages.md."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from api.http.bodies import BadRequest, StrictModel
from api.http.endpoints import Call, Dialect, Endpoint, Result
from api.http.pagination import numbered_links, page_url
from api.http.types import ReleaseStatus, Timestamp, format_utc, parsed_by
from bot.context import Context
from bot.errors import Problem
from bot.operations import packages
from bot.rules import packages as rules

RELEASES = "/api/releases/"
RELEASE = "/api/releases/{id}/"
MAX_PAGE = 10_000_000


def _parse_number(text: object) -> int:
    if isinstance(text, str) and re.fullmatch("[0-9]{1,9}", text):
        return int(text)
    raise PydanticCustomError("number", "must be a whole number of at most 9 digits")


def _parse_optional_files(value: object) -> dict[str, list[str]]:
    return {} if value is None else rules.parse_files(value)


Files = dict[str, list[str]]
Number = Annotated[int, BeforeValidator(_parse_number)]


class _LenientQuery(BaseModel):
    """A query in which an empty parameter counts as absent."""

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, values: dict[str, str]) -> dict[str, str]:
        return {name: value for name, value in values.items() if value}


class CreatePackageReleaseBody(StrictModel):
    """A package release to create."""

    package: str = Field(description="The name or the permalink of a project.", examples=["site"])
    version: Annotated[str, parsed_by(rules.parse_version)] = Field(examples=["1.1"])
    release_date: Annotated[datetime, parsed_by(rules.parse_date)] = Field(
        description="A time without an offset is in UTC."
    )
    status: ReleaseStatus = Field(examples=[30])
    release_notes: str | None = None
    files: Annotated[Files | None, parsed_by(_parse_optional_files)] = None
    signature: Annotated[str | None, parsed_by(rules.parse_signature)] = None


class AddFilesBody(StrictModel):
    """Files to add to a release."""

    files: Annotated[Files, parsed_by(rules.parse_files)] = Field(examples=[{"js": ["js/site.js"]}])


class PackageReleasesQuery(_LenientQuery):
    """Which package releases to list, and which page of them."""

    package: str | None = None
    status: Annotated[int | None, parsed_by(lambda text: rules.parse_status(_parse_number(text)))] = None
    page: Number = Field(1, ge=1, le=MAX_PAGE)
    page_size: Number = Field(20, ge=1, le=100)


class LatestReleaseQuery(_LenientQuery):
    """The package to show the newest release of; `include` also considers releases in testing."""

    package: str
    include: Literal["testing"] | None = None


class PackageReleaseSummary(BaseModel):
    """A package release without its files."""

    id: int
    package: str
    version: str
    release_date: Timestamp | None
    status: int
    release_notes: str


class PackageReleaseResponse(PackageReleaseSummary):
    """A package release with its files and signature."""

    files: Files
    signature: str | None


class FilesResponse(BaseModel):
    """All files of a release."""

    files: Files


class PackageReleasePage(BaseModel):
    """A page of package releases, newest first."""

    count: int
    next: str | None
    previous: str | None
    results: list[PackageReleaseResponse]


class PackagesError(BaseModel):
    """An error: a sentence, sentences by field if fields are invalid, and machine-readable details."""

    error: str = Field(examples=["Authentication credentials were not provided."])
    fields: dict[str, list[str]] = Field({}, examples=[{"version": ["`version` is required."]}])
    details: dict[str, object] = Field({}, examples=[{"grant": "project:write"}])


async def create_release(context: Context, call: Call[CreatePackageReleaseBody, None]) -> object:
    """Create a package release."""
    body = call.body
    project, release = await packages.create(
        context,
        body.package,
        body.version,
        status=body.status,
        release_date=body.release_date,
        notes=body.release_notes or "",
        files=body.files or {},
        signature=body.signature,
    )
    return PackageReleaseSummary(
        id=release.id,
        package=project.name,
        version=release.version,
        release_date=release.release_date,
        status=body.status,
        release_notes=release.notes,
    )


async def add_files(context: Context, call: Call[AddFilesBody, None]) -> object:
    """Add files to a package release."""
    return {"files": await packages.add_files(context, call.path["id"], call.row_id("id"), call.body.files)}


async def show_release(context: Context, call: Call[None, None]) -> object:
    """Show a package release."""
    return await packages.find(context, call.path["id"], call.row_id("id"))


async def list_releases(context: Context, call: Call[None, PackageReleasesQuery]) -> Result:
    """List package releases, newest first."""
    query = call.query
    page, size = query.page, query.page_size
    rows, count = await packages.find_all(
        context, package=query.package, status=query.status, limit=size, offset=(page - 1) * size
    )
    last = max(1, -(-count // size))
    body = {
        "count": count,
        "next": page_url(call.url, "page", page + 1) if page < last else None,
        "previous": page_url(call.url, "page", min(page - 1, last)) if page > 1 else None,
        "results": [_serialize(row) for row in rows],
    }
    return Result(body, 200, numbered_links(call.url, page, last))


def _serialize(row: Mapping[str, Any]) -> dict[str, object]:
    """Serialize a row of a list of package releases as a PackageReleaseResponse."""
    date = row["release_date"] and format_utc(row["release_date"])
    return {name: date if name == "release_date" else row[name] for name in PackageReleaseResponse.model_fields}


async def latest_release(context: Context, call: Call[None, LatestReleaseQuery]) -> object:
    """Show the newest released package release."""
    return await packages.latest(context, call.query.package, testing=call.query.include is not None)


def _error_body(problem: Problem, status: int) -> dict[str, object]:
    fields = problem.fields if isinstance(problem, BadRequest) else {}
    if status == 400 and not fields and "field" in problem.details:
        fields = {problem.details["field"]: [problem.sentence]}
    details = {name: value for name, value in problem.details.items() if name != "field"}
    parts = {"fields": fields, "details": details}
    return {"error": problem.sentence, **{name: part for name, part in parts.items() if part}}


READ = "project:read"
DIALECT = Dialect(
    name="packages",
    endpoints=(
        Endpoint(
            *("GET", RELEASES, list_releases, PackageReleasePage),
            query_model=PackageReleasesQuery,
            anonymous_grant=READ,
            preserialized=True,
        ),
        Endpoint(
            *("POST", f"{RELEASES}new/", create_release, PackageReleaseSummary, 201),
            request_model=CreatePackageReleaseBody,
        ),
        Endpoint(
            *("GET", f"{RELEASES}latest/", latest_release, PackageReleaseResponse),
            query_model=LatestReleaseQuery,
            anonymous_grant=READ,
        ),
        Endpoint("GET", RELEASE, show_release, PackageReleaseResponse, anonymous_grant=READ),
        Endpoint("PATCH", f"{RELEASE}update_files/", add_files, FilesResponse, request_model=AddFilesBody),
    ),
    challenge="Token",
    error_body=_error_body,
    error_model=PackagesError,
)
