"""Nobody sees anything of a private project on any page, in any feed or search, unless they may read it on GitHub."""

import re

from bot.store.projects import Project, Repository
from tests.api.sample_data import SECRET, create_sample_data
from tests.web.browsers import Browser, sign_in
from tests.world import World
from web.pages.routes import ROUTES

QUERIES = {"/search": ("hus", "1.0", "1111"), "/": ("hus",)}
NOT_PAGES = ("/live", "/sign-in/github", "/auth/github/callback")
VALUES = {"project": "name", "candidate": "candidate", "environment": "environment", "deployment": "deployment"}


def addresses(values: dict[str, object]) -> set[str]:
    """Every address to read, with the names and ids of one project."""
    found = set()
    for route in ROUTES:
        if route.method == "GET" and not route.path.startswith(NOT_PAGES):
            path = re.sub(
                r"\{(\w+)(?::[^}]*)?\}", lambda match: str(values.get(VALUES.get(match[1], ""), 1)), route.path
            )
            found |= {path, *(f"{path}?q={text}" for text in QUERIES.get(path, ()))}
    return found


async def test_private_projects_are_nowhere_for_people_without_a_role_and_for_strangers(world: World) -> None:
    data = await create_sample_data(1)
    sam, stranger = await sign_in(world, "sam"), Browser(world)
    for values in (*data.private, *data.public):
        for path in sorted(addresses(values)):
            for browser in (sam, stranger):
                page = await browser.open(path)
                assert SECRET not in re.sub(r'(value|href|data-source)="[^"]*"', "", page.html).replace(path, ""), path
                assert page.status in (200, 303, 400, 403, 404, 503), (
                    path
                )  # 503: the sandbox knows no such installation


async def test_only_what_github_says_is_public_stands_in_lists_and_has_pages(world: World) -> None:
    await world.cut("1.0-rc1")
    sam = await sign_in(world, "sam")
    readings = ("/", "/search?q=site", "/audit.jsonl", "/projects/site", "/projects/site/candidates/1.0-rc1")
    repository = await Repository.get()

    async def shown() -> set[bool]:
        return {
            "/projects/site" in page.html or "1.0-rc1" in page.html
            for page in [await sam.open(path) for path in readings]
        }

    assert await shown() == {True}
    await Repository.all().update(installation_id=None)
    assert await shown() == {False}
    await Repository.all().update(installation_id=repository.installation_id)
    assert await shown() == {True}
    await Project.all().update(repository_id=None)
    assert await shown() == {False}
