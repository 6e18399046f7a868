"""The enums of the schema."""

from enum import Enum

import strawberry


@strawberry.enum
class ReleaseStatus(Enum):
    """How far a release has come. The values are those of `statusCode`."""

    development = 1
    testing = 10
    hold = 20
    released = 30
    deprecated = 40


@strawberry.enum
class CandidateStatus(Enum):
    """The status of a candidate."""

    pending = "pending"
    building = "building"
    ready = "ready"
    failed = "failed"
    canceled = "canceled"
    banned = "banned"


@strawberry.enum
class DeploymentStatus(Enum):
    """The status of a deployment."""

    pending = "pending"
    in_progress = "in_progress"
    success = "success"
    failure = "failure"
    canceling = "canceling"
    canceled = "canceled"
    error = "error"
    unknown = "unknown"


@strawberry.enum
class DeploymentKind(Enum):
    """Whether a deployment was requested as such or is a rollback."""

    deploy = "deploy"
    rollback = "rollback"


@strawberry.enum
class Tier(Enum):
    """The purpose of an environment."""

    development = "development"
    staging = "staging"
    production = "production"


@strawberry.enum
class VersionScheme(Enum):
    """The form of a project's versions."""

    any = "any"
    semver = "semver"
    calver = "calver"


@strawberry.enum
class AnnouncementState(Enum):
    """The state of an announcement."""

    pending = "pending"
    approved = "approved"
    rejected = "rejected"
    withdrawn = "withdrawn"
