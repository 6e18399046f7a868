"""The links of a project: made, changed, removed, and followed."""

from typing import Any

from bot.context import Context, allowed, by_permalink
from bot.errors import Conflict, NotFound
from bot.operations import audit
from bot.operations.announcements import READS
from bot.rules import announcements as rules
from bot.store import announcement_queries
from bot.store.announcements import Link
from bot.store.database import transaction
from bot.store.projects import Project


@allowed(*READS, by=by_permalink)
async def listed(context: Context, project: Project) -> list[Link]:
    """The links of a project, oldest first."""
    return await announcement_queries.links(project.id)


@allowed(*READS, by=by_permalink)
async def find(context: Context, project: Project, permalink: str) -> Link:
    """A link of a project."""
    return _among(await announcement_queries.links(project.id), permalink)


@allowed("project:write", by=by_permalink)
async def create(context: Context, project: Project, /, **values: Any) -> Link:
    """Add a link. Refuses a label that another link of the project has, and more than are of use."""
    given = rules.read_link(values, new=True)
    async with transaction():
        links = await _locked(project)
        _refuse_taken(links, given["label"])
        if len(links) >= rules.MOST_LINKS:
            raise Conflict(f"A project has at most {rules.MOST_LINKS} links.")
        permalink = rules.link_permalink(given["label"], {link.permalink for link in links})
        link = await Link.create(project_id=project.id, permalink=permalink, created_at=context.now(), **given)
        await audit.record(context, "link.create", permalink, project=project.id, after=given)
    return link


@allowed("project:write", by=by_permalink)
async def change(context: Context, project: Project, permalink: str, /, **values: Any) -> Link:
    """Change a link's label or where it leads; its own address stays."""
    given = rules.read_link(values, new=False)
    async with transaction():
        links = await _locked(project)
        link = _among(links, permalink)
        _refuse_taken([other for other in links if other.id != link.id], given.get("label"))
        before = {name: getattr(link, name) for name in given}
        if given:
            await link.update_from_dict(given).save(update_fields=list(given))
            await audit.record(context, "link.change", permalink, project=project.id, before=before, after=given)
    return link


@allowed("project:write", by=by_permalink)
async def remove(context: Context, project: Project, permalink: str) -> Link:
    """Remove a link."""
    async with transaction():
        link = _among(await _locked(project), permalink)
        before = {"label": link.label, "location": link.location}
        await link.delete()
        await audit.record(context, "link.remove", permalink, project=project.id, before=before)
    return link


async def _locked(project: Project) -> list[Link]:
    """The links of a project, which nobody else changes until the transaction ends."""
    await Project.select_for_update().get(id=project.id)
    return await announcement_queries.links(project.id)


def _among(links: list[Link], permalink: str) -> Link:
    link = next((link for link in links if link.permalink == permalink), None)
    if link is None:
        raise NotFound("Link not found")
    return link


def _refuse_taken(links: list[Link], label: str | None) -> None:
    if any(link.label == label for link in links):
        raise Conflict(f"`label` {label} is that of another link of the project.", field="label")
