"""The settings that a repository's `.github/longshore.yml` can have, and what each accepts.

Names, prefixes, branches and workflows are checked as they are over REST; an environment's gates are those of
`bot/rules/gate_settings.py`.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from bot.errors import Refusal
from bot.rules import input_placeholders, path_patterns, projects
from bot.rules.addresses import split_url
from bot.rules.commits import branch_pattern_problem
from bot.rules.gate_settings import FIELDS as GATE_FIELDS
from bot.rules.gate_settings import Duration, GateSettings
from bot.rules.names import in_words

VERSION = 1
COMMAND = "/release"
MAX_PROJECTS = 20
MAX_ENVIRONMENTS = 50
DEADLINE = timedelta(hours=1)


def _wrong(sentence: str) -> PydanticCustomError:
    return PydanticCustomError("value", "{sentence}", {"sentence": sentence})


def _checked(check: projects.Check) -> AfterValidator:
    """The check that a setting has over REST."""

    def validate(value: Any) -> Any:
        problem = projects.why_not(value, check)
        if problem is not None:
            raise _wrong(f"It must be {problem}.")
        return value

    return AfterValidator(validate)


def _refused(check: Callable[[Any], Any]) -> AfterValidator:
    """A check that refuses in whole sentences."""

    def validate(value: Any) -> Any:
        try:
            check(value)
        except Refusal as refusal:
            raise _wrong(refusal.sentence) from refusal
        return value

    return AfterValidator(validate)


def _check_branch(text: str) -> None:
    if problem := branch_pattern_problem(text):
        raise Refusal(f"{problem[0].upper()}{problem[1:]}.")


def _check_input(names: tuple[str, ...]) -> Callable[[str], None]:
    def check(text: str) -> None:
        try:
            input_placeholders.check(text, names)
        except Refusal as refusal:
            raise Refusal(f"{refusal.sentence[0].upper()}{refusal.sentence[1:]}.") from refusal

    return check


def _check_version(number: int) -> None:
    if number != VERSION:
        raise Refusal(f"This Longshore reads version {VERSION} of the file.")


def _check_url(text: str) -> None:
    parts = split_url(text)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise Refusal("It must be an address such as https://example.com/.")


def _check_deadline(duration: timedelta) -> None:
    longest = timedelta(minutes=projects.MAX_DEADLINE_MINUTES)
    if not timedelta(minutes=1) <= duration <= longest or duration % timedelta(minutes=1):
        raise Refusal(f"It must be whole minutes, from 1m to {longest.days}d.")


def _placeholders(names: tuple[str, ...]) -> str:
    return in_words([f"${{{{ {name} }}}}" for name in names])


Flag = Annotated[bool, Field(strict=True)]
Workflow = Annotated[str, _checked(projects.PROJECT["build_workflow"])]
Branch = Annotated[str, _refused(_check_branch)]
PathPattern = Annotated[str, _refused(path_patterns.check)]
Prefix = Annotated[str, _checked(projects.PROJECT["tag_prefix"])]
ProjectName = Annotated[str, _checked(projects.PROJECT["name"])]
EnvironmentName = Annotated[str, _checked(projects.ENVIRONMENT["name"])]
Deadline = Annotated[Duration, _refused(_check_deadline)]
Url = Annotated[str, Field(max_length=500), _refused(_check_url)]
Tier = Literal["production", "staging", "development"]
InputName = Annotated[str, Field(pattern=f"^{projects.INPUT_NAME.pattern}$")]
Input = Annotated[str, Field(max_length=projects.MAX_INPUT)]
BuildInput = Annotated[Input, _refused(_check_input(input_placeholders.OF_BUILDS))]
EnvironmentInput = Annotated[Input, _refused(_check_input(input_placeholders.NAMES))]


class Part(BaseModel):
    """The base of the file's parts: immutable, without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Tags(Part):
    """The tags of a project."""

    candidates: Prefix | None = Field(
        default=None,
        description="What the tags of candidates begin with, which Longshore makes. Unless given, the project keeps "
        "its prefix; a new one has `rc/`, or `NAME/rc/` beside other projects.",
        examples=["rc/"],
    )
    triggers: Prefix | None = Field(
        default=None,
        description="What tags begin with that people push to cut or promote. Unless given, the project keeps its "
        "prefix; a new one has `v`, or `NAME-v` beside other projects.",
        examples=["v"],
    )
    promote_on_tag: EnvironmentName | None = Field(
        default=None,
        description="The environment to which a person's tag with a release version promotes the candidate at its "
        "commit. Unless given, such tags do nothing.",
        examples=["production"],
    )


class Build(Part):
    """The workflow that builds candidates."""

    workflow: Workflow | None = Field(
        default=None,
        description="The workflow file. Unless given, candidates are ready without a build.",
        examples=["build.yml"],
    )
    inputs: Annotated[dict[InputName, BuildInput], Field(max_length=projects.MAX_INPUTS)] = Field(
        default_factory=dict,
        description=f"Inputs of the workflow. Texts can contain {_placeholders(input_placeholders.OF_BUILDS)}.",
        examples=[{"release": "${{ candidate.version }}"}],
    )
    deadline: Deadline = Field(default=DEADLINE, description="How long a build may take.", examples=["60m"])


class Show(Part):
    """What GitHub shows of the project's releases."""

    comments: Flag = Field(default=True, description="A comment with the state of a candidate, where it was asked for.")
    deployments: Flag = Field(default=True, description="GitHub deployments with their statuses.")
    checks: Flag = Field(default=True, description="A check run on the commit of each candidate.")
    protection: Flag = Field(default=True, description="Answers to GitHub when it asks about protected environments.")


class EnvironmentConfig(GateSettings):
    """An environment: where and how it is deployed to, and its gates."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tier: Tier = Field(description="What it is. It decides who may deploy, and what some gates are unless set.")
    workflow: Workflow | None = Field(
        default=None,
        description="The workflow file that deploys. Unless given, a pipeline of yours reports what it deployed.",
        examples=["deploy.yml"],
    )
    inputs: Annotated[dict[InputName, EnvironmentInput], Field(max_length=projects.MAX_INPUTS)] = Field(
        default_factory=dict,
        description=f"Inputs of the workflow. Texts can contain {_placeholders(input_placeholders.NAMES)}.",
        examples=[{"target": "eu"}],
    )
    url: Url | None = Field(
        default=None, description="Where to see what is deployed.", examples=["https://example.com/"]
    )
    deadline: Deadline = Field(default=DEADLINE, description="How long a deployment may take.", examples=["60m"])

    def gates(self) -> GateSettings:
        """The settings of the gates alone: those that are set."""
        return GateSettings.model_validate(
            {name: getattr(self, name) for name in GATE_FIELDS if name in self.model_fields_set}
        )


class ProjectConfig(Part):
    """A project of the repository."""

    paths: Annotated[tuple[PathPattern, ...], Field(max_length=path_patterns.MAX_PATTERNS)] = Field(
        default=(),
        description="Which files are the project's: patterns as in .gitignore, of which the last that matches decides. "
        "Unless given, all.",
        examples=[["web/**", "!web/docs/**"]],
    )
    versions: Literal["any", "semver", "calver"] = Field(default="any", description="The scheme of its versions.")
    branches: Annotated[tuple[Branch, ...], Field(min_length=1, max_length=projects.MAX_BRANCHES)] | None = Field(
        default=None,
        description="The branches, or globs of them, where candidates may come from. Unless given, the default branch "
        f"and {in_words(projects.EXTRA_DEFAULT_BRANCHES)}.",
        examples=[["main", "release/*"]],
    )
    tags: Tags = Field(default=Tags(), description="Its tags.")
    build: Build = Field(default=Build(), description="The workflow that builds its candidates.")
    show: Show = Field(default=Show(), description="What GitHub shows of its releases.")
    environments: Annotated[dict[EnvironmentName, EnvironmentConfig], Field(max_length=MAX_ENVIRONMENTS)] = Field(
        default_factory=dict, description="Where it is deployed to, by name, in this order."
    )

    @model_validator(mode="after")
    def _check_paths(self) -> "ProjectConfig":
        if self.paths and self.paths[0].startswith("!"):
            raise _wrong("Begin `paths` with a pattern of what is the project's: `!` only leaves something out.")
        return self


class Config(Part):
    """How the projects of this repository are released."""

    version: Annotated[int, Field(strict=True), _refused(_check_version)] = Field(
        description=f"The version of the file's form: {VERSION}."
    )
    command: Annotated[str, Field(pattern=r"^/[A-Za-z][A-Za-z0-9-]{0,48}$")] = Field(
        default=COMMAND, description="The word with which commands in comments begin.", examples=[COMMAND]
    )
    projects: Annotated[dict[ProjectName, ProjectConfig], Field(min_length=1, max_length=MAX_PROJECTS)] = Field(
        description="The projects of the repository by name."
    )
