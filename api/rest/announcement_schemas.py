"""Request and response models of the dialect `announcements`."""

from datetime import datetime
from typing import Annotated

import orjson
from pydantic import BaseModel, BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from api.http.types import DATE_TIME_SCHEMA, format_utc


def format_seconds(time: datetime | str) -> str:
    """Format a time in UTC to the second."""
    return f"{format_utc(time)[:19]}Z"


def parse_tags(value: object) -> object:
    """The tags of a row; SQLite returns them as JSON text."""
    return orjson.loads(value) if isinstance(value, str) else value


UtcSeconds = Annotated[datetime, PlainSerializer(format_seconds, return_type=str), DATE_TIME_SCHEMA]
TagList = Annotated[list[str], BeforeValidator(parse_tags)]

# Fields of requests are parsed by `bot.rules.announcements`, which knows every accepted notation.
RawText = Annotated[object, WithJsonSchema({"type": "string"})]
RawTags = Annotated[
    object, WithJsonSchema({"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "string"}]})
]
RawFlag = Annotated[object, WithJsonSchema({"anyOf": [{"type": "boolean"}, {"enum": ["1", "0", "Y", "N"]}]})]


def _check_object(value: object) -> object:
    if not isinstance(value, dict):
        raise PydanticCustomError("sentence", "The record must be an object with its fields.")
    return value


IS_OBJECT = BeforeValidator(_check_object)


class PageNumberQuery(BaseModel):
    """A page by its number; the page size is fixed."""

    page: int = Field(1, ge=1, le=10_000_000)


class RecordBody(BaseModel):
    """A body with one named record, possibly next to the `auth_code`; its fields may also stand without the name."""

    @model_validator(mode="before")
    @classmethod
    def _wrap_bare_fields(cls, values: dict[str, object]) -> dict[str, object]:
        (name,) = cls.model_fields
        return values if name in values else {name: values}


class ReleaseFields(BaseModel):
    """The fields of a submitted release."""

    version: RawText = Field(None, examples=["1.1"])
    changelog: RawText = Field(None, examples=["Security patch."])
    tag_list: RawTags = Field(None, examples=[["stable", "security"]])
    hidden_from_frontpage: RawFlag = Field(None, examples=[False])


class SubmitReleaseBody(RecordBody):
    """A release to submit."""

    release: Annotated[ReleaseFields, IS_OBJECT]


class ProfileFields(BaseModel):
    """The fields of a project's public description; only those that are sent are changed."""

    name: RawText = Field(None, examples=["site"])
    oneliner: RawText = Field(None, examples=["The shop's web site"])
    description: RawText = Field(None, examples=["What customers see."])
    license_list: RawTags = Field(None, examples=[["Apache-2.0"]])
    project_tag_list: RawTags = Field(None, examples=[["web", "shop"]])


class ChangeProfileBody(RecordBody):
    """Changes to a project's public description."""

    project: Annotated[ProfileFields, IS_OBJECT]


class LinkFields(BaseModel):
    """The fields of a project's link."""

    label: RawText = Field(None, examples=["Changes"])
    location: RawText = Field(None, examples=["https://example.com/site/changes"])


class LinkBody(RecordBody):
    """A link to create, or changes to one."""

    url: Annotated[LinkFields, IS_OBJECT]


class AnnouncedRelease(BaseModel):
    """An announced release."""

    id: int
    version: str = Field(examples=["1.1"])
    tag_list: TagList = Field(examples=[["stable", "security"]])
    hidden_from_frontpage: bool
    approved_at: UtcSeconds | None
    created_at: UtcSeconds
    changelog: str = Field(examples=["Security patch."])


class ApprovedLink(BaseModel):
    """A link as its project shows it. `redirector` is the URL of this service that redirects to its location."""

    id: int
    label: str = Field(examples=["Changes"])
    permalink: str = Field(examples=["changes"])
    host: str = Field(examples=["example.com"])
    redirector: str = Field(examples=["https://releases.example.com/projects/site/urls/changes"])


class ProjectLink(BaseModel):
    """A link. `host` is the name of the host of its `location`."""

    id: int
    label: str = Field(examples=["Changes"])
    permalink: str = Field(examples=["changes"])
    host: str = Field(examples=["example.com"])
    location: str = Field(examples=["https://example.com/site/changes"])
    redirector: str = Field(examples=["https://releases.example.com/projects/site/urls/changes"])


class ProjectProfile(BaseModel):
    """The public description of a project."""

    id: int
    permalink: str = Field(examples=["site"])
    name: str = Field(examples=["site"])
    oneliner: str = Field(examples=["The shop's web site"])
    description: str = Field(examples=["What customers see."])
    license_list: list[str] = Field(examples=[["Apache-2.0"]])
    tag_list: list[str] = Field(examples=[["web", "shop"]])
    created_at: UtcSeconds
    updated_at: UtcSeconds
    approved_urls: list[ApprovedLink]
    recent_releases: list[AnnouncedRelease]


class ReleaseEnvelope(BaseModel):
    """A release by its name."""

    release: AnnouncedRelease


class LinkEnvelope(BaseModel):
    """A link by its name."""

    url: ProjectLink


class ProjectEnvelope(BaseModel):
    """A project by its name."""

    project: ProjectProfile


class RedirectTarget(BaseModel):
    """The URL that a link redirects to."""

    location: str = Field(examples=["https://example.com/site/changes"])


class AnnouncementsError(BaseModel):
    """An error: sentences by field, or under `base` if they concern no field."""

    errors: dict[str, list[str]] = Field(description="In XML an element `error` for each sentence, with its `field`.")
