"""Public and private projects with rows of every kind, for tests of who sees what."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

from bot.store.announcements import Announcement, Link
from bot.store.candidates import Candidate
from bot.store.content import ChangeSet, ContentRepo, Product, ProductVersion, ReleasedFile, Rpm, Schedule, Sla, Variant
from bot.store.deployments import Deployment
from bot.store.gates import Approval, EnvironmentLock, Freeze
from bot.store.projects import Environment, Project, Repository
from bot.store.releases import Release
from bot.store.runs import Run
from bot.store.users import User

NOW = datetime(2026, 11, 3, 18, tzinfo=UTC)
INSTALLATION = 1000  # one that the sandbox does not know: it is asked nothing about these repositories
SECRET = "hush"  # part of every text of every private row


@dataclass
class SampleData:
    """The values for paths of each project, public and private, that the database was filled with."""

    random: Random
    shared: dict[str, Any] = field(default_factory=dict)
    public: list[dict[str, Any]] = field(default_factory=list)
    private: list[dict[str, Any]] = field(default_factory=list)


async def create_sample_data(seed: int) -> SampleData:
    """Create public and private projects in random order, so that their ids interleave."""
    data = SampleData(Random(seed))
    product = await Product.create(name="OS", short="os")
    data.shared = {
        "version": await ProductVersion.create(
            product=product, name="OS 1", short="os", version="1", product_version_id="os-1"
        ),
        "sla": await Sla.create(name="stable"),
        "rpm": await Rpm.create(
            name="bash", epoch=0, version="5", release="1", arch="src", srpm_name="bash", filename="bash.rpm"
        ),
    }
    kinds = ["public", "private", "homeless", "private", "public"]
    data.random.shuffle(kinds)
    for number, kind in enumerate(kinds):
        values = await add_project(data, f"{SECRET if kind == 'private' else 'open'}-{number}", number, kind)
        (data.private if kind == "private" else data.public).append(values)
    changes = [{"resource": "release-schedules", "resource_id": "1", "old_value": None, "new_value": SECRET}]
    await ChangeSet.create(
        author=SECRET, requested_on=NOW, committed_on=NOW, resource="release-schedules", changes=changes
    )
    return data


async def add_project(data: SampleData, name: str, number: int, kind: str) -> dict[str, Any]:
    """Create a project with rows of every kind and return values for paths."""
    values: dict[str, Any] = {"name": name, "permalink": name}
    owner = await User.create(name=f"{name}-owner", created_at=NOW)
    repository = await Repository.create(  # a candidate keeps its repository even if its project loses it
        github_id=1000 + number,
        full_name=f"acme/{name}",
        default_branch="main",
        private=kind == "private",
        installation_id=None if kind == "private" else INSTALLATION,
        checked_at=NOW,
    )
    project = await Project.create(
        repository=None if kind == "homeless" else repository,
        name=name,
        permalink=name,
        oneliner=name,
        description=name,
        tag_list=[name],
        tag_prefix=f"{name}/rc/",
        trigger_tag_prefix=f"{name}-v",
        created_at=NOW,
        updated_at=NOW,
    )
    values["link"] = (
        await Link.create(project=project, permalink=name, label=name, location=f"https://{name}.test", created_at=NOW)
    ).permalink
    environment = await Environment.create(project=project, name=name, name_key=name, tier="production", created_at=NOW)
    common: dict[str, Any] = {"environment": environment, "reason": name, "since": NOW}
    await Freeze.create(scope="environment", project=project, created_by=owner, **common)
    await EnvironmentLock.create(owner=owner, **common)
    values["environment"] = environment.name
    for step in range(data.random.randint(2, 3)):
        release_values = await add_release(data, project, repository, environment, owner, f"{step + 1}.0.{name}", step)
        values |= release_values if step == 0 else {}
    candidate = await Candidate.get(project=project, version=values["candidate"])
    about: dict[str, Any] = {"candidate": candidate, "environment": environment, "comment": name}
    await Approval.create(user=owner, channel="rest", by_operator=False, approved_at=NOW, **about)
    return values


async def add_release(
    data: SampleData,
    project: Project,
    repository: Repository,
    environment: Environment,
    owner: User,
    version: str,
    step: int,
) -> dict[str, Any]:
    """Create a release with related rows. The first of a project is released and announced, others at random."""
    moment = NOW - timedelta(days=data.random.randint(0, 400), seconds=project.id)
    status = 30 if step == 0 else data.random.choice([1, 10, 20, 40])
    release = await Release.create(
        project=project,
        product_version=data.shared["version"],
        version=version,
        release_id=f"{project.permalink}-{version}",
        status=status,
        commit="a" * 40,
        release_date=moment,
        notes=version,
        files={version: [version]},
        signature=version,
        held={"reason": version, "by": owner.name} if step else None,
        created_at=moment,
        updated_at=moment,
    )
    values: dict[str, Any] = {"version": version, "release": release.id, "release_id": release.release_id}
    values |= await add_candidate(release, repository, environment, owner)
    values |= await add_announcements(data, project, release, owner, step)
    return values | await add_content(data, release, moment.date())


async def add_candidate(
    release: Release, repository: Repository, environment: Environment, owner: User
) -> dict[str, Any]:
    """Create a candidate of a release, with a build and a deployment."""
    version, moment = release.version, release.created_at
    candidate = await Candidate.create(
        project_id=release.project_id,
        release=release,
        repository=repository,
        number=1,
        version=f"{version}-rc1",
        commit="a" * 40,
        branch=version,
        tag=version,
        status="ready",
        reason=version,
        created_by=owner,
        created_at=moment,
        updated_at=moment,
    )
    deployment = await Deployment.create(
        environment=environment,
        candidate=candidate,
        kind="deploy",
        reported=True,
        actor=owner,
        status="success",
        error_message=version,
        created_at=moment,
        deploy_end_at=moment,
    )
    await Run.create(
        repository=repository,
        candidate=candidate,
        workflow=version,
        commit="a" * 40,
        request_id=version[:40],
        state="ended",
        first_attempt=1,
        attempt=1,
        url=version,
        deadline_at=moment,
        created_at=moment,
    )
    return {"candidate": candidate.version, "deployment": deployment.id}


async def add_announcements(
    data: SampleData, project: Project, release: Release, owner: User, step: int
) -> dict[str, Any]:
    """Create a decided and a pending announcement."""
    state = "approved" if step == 0 else data.random.choice(["approved", "rejected", "withdrawn"])
    common: dict[str, Any] = {"project": project, "tag_list": [release.version], "submitted_by": owner}
    common |= {"changelog": release.version, "created_at": NOW}
    decided: dict[str, Any] = {"decided_by": owner, "decided_at": release.release_date, "reason": release.version}
    decided_announcement = await Announcement.create(
        **common, **decided, release=release, version=release.version, state=state
    )
    pending = await Announcement.create(**common, version=f"{release.version}.1", state="pending")
    return {"announcement": decided_announcement.id, "pending": pending.id}


async def add_content(data: SampleData, release: Release, day: date) -> dict[str, Any]:
    """Create a schedule of the release and a released file."""
    text = release.version
    schedule = await Schedule.create(release=release, sla=data.shared["sla"], date=day)
    variant = await Variant.create(
        release=release, uid=text, variant=text, name=text, type="variant", arches=["src", "x86_64"]
    )
    repo = await ContentRepo.create(
        variant=variant,
        arch="src",
        service="pulp",
        repo_family="dist",
        content_format="rpm",
        content_category="source",
        name=text,
    )
    file = await ReleasedFile.create(
        rpm=data.shared["rpm"], repo=repo, release_date=day, created_at=NOW, updated_at=NOW
    )
    return {"schedule": schedule.id, "uid": text, "repo": repo.id, "file": file.id}
