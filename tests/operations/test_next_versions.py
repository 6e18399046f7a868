"""The next version of a project with very many releases is that after the highest, of which few are read."""

from datetime import UTC, datetime
from random import Random

import pytest

from bot.operations import projects
from bot.rules.versions import next_release
from bot.store.projects import Project
from bot.store.releases import Release
from tests.api.graphql.graphs import recorded_statements
from tests.world import World

AT = datetime(2026, 11, 30, tzinfo=UTC)
ODD = ("9.9.9.9", "9.9.9-01", "x1.2.3", "999", "99.9", "1..2", "4.01.7", "v77.0.0", ".8.9.1", "2.٣.4", "5.5.x", "")
MANY = 5_000


async def release(*versions: str) -> Project:
    """Give the project these releases and no others."""
    project = await Project.get(name="site")
    await Release.all().delete()
    rows = [
        Release(project_id=project.id, version=each, release_id=f"site-{each}", created_at=AT, updated_at=AT)
        for each in versions
    ]
    await Release.bulk_create(rows, batch_size=1000)
    return project


def semver(random: Random) -> str:
    """A version, mostly of SemVer."""
    numbers = ".".join(str(random.choice((0, 7, 9, 10, 99, 100, 2026))) for _ in range(3))
    return numbers + random.choice(("", "", "", "-beta.1", "+build.7", "-01", ".4"))


def calver(random: Random) -> str:
    """A version, mostly of CalVer."""
    year, month = random.choice(("24", "2024", "25", "2025", "0026", "925")), random.randrange(1, 14)
    rest = "".join(f".{random.choice(('0', '00', '9', '10', '007'))}" for _ in range(random.randrange(3)))
    return f"{year}.{month:02}{rest}" if random.random() < 0.9 else f"{year}.{month}{rest}"


@pytest.mark.parametrize("scheme", ["semver", "calver"])
async def test_it_is_that_of_all_versions_together(world: World, scheme: str) -> None:
    context = await world.context()
    for seed in range(40):
        random = Random(seed)
        make = semver if scheme == "semver" else calver
        known = {make(random) for _ in range(random.choice((1, 3, 200)))} | {*random.sample(ODD, 5)}
        project = await release(*known)
        await Project.all().update(version_scheme=scheme)
        found = (await projects.next_version(context, project.name))["release_version"]
        assert found == next_release(scheme, sorted(known), "patch", context.now().date()), known


async def test_few_of_very_many_versions_are_read(world: World) -> None:
    await release(*(f"1.{number}.0" for number in range(MANY)), *(f"9.9.9-0{number}" for number in range(60)))
    await Project.all().update(version_scheme="semver")
    context, statements = await world.context(), list[str]()
    async with recorded_statements(world, statements):
        assert (await projects.next_version(context, "site"))["release_version"] == f"1.{MANY - 1}.1"
    reads = {each for each in statements if "FROM releases" in each}  # SQLite tries each first without a thread
    assert len(reads) == 2 and all("LIMIT 50" in each for each in reads)
