"""Links of a project: list, find, create, change and remove."""

from bot.context import Context, allowed, by_permalink
from bot.errors import Conflict, NotFound
from bot.events.administration import LinkChanged, LinkCreated, LinkRemoved
from bot.operations import events
from bot.operations.announcements import READS
from bot.rules import announcements as rules
from bot.store import announcement_queries
from bot.store.announcements import Link
from bot.store.database import transaction
from bot.store.projects import Project


@allowed(*READS, by=by_permalink)
async def find_all(context: Context, project: Project) -> list[Link]:
    """List the links of a project, oldest first."""
    return await announcement_queries.list_links(project.id)


@allowed(*READS, by=by_permalink)
async def find(context: Context, project: Project, permalink: str) -> Link:
    """Find a link of a project by its permalink."""
    return _find_in(await announcement_queries.list_links(project.id), permalink)


@allowed("project:write", by=by_permalink)
async def create(context: Context, project: Project, /, **values: object) -> Link:
    """Add a link. Refuses a label that another link of the project has, and more than MAX_LINKS links."""
    fields = rules.parse_link(values, new=True)
    async with transaction():
        links = await _lock(project)
        _refuse_duplicate(links, fields["label"])
        if len(links) >= rules.MAX_LINKS:
            raise Conflict(f"A project may have at most {rules.MAX_LINKS} links.")
        permalink = rules.link_permalink(fields["label"], {link.permalink for link in links})
        link = await Link.create(project_id=project.id, permalink=permalink, created_at=context.now(), **fields)
        await events.record(context, LinkCreated(project_id=project.id, target=permalink, new=fields))
    return link


@allowed("project:write", by=by_permalink)
async def change(context: Context, project: Project, permalink: str, /, **values: object) -> Link:
    """Change the label or the location of a link; its permalink is kept."""
    fields = rules.parse_link(values, new=False)
    async with transaction():
        links = await _lock(project)
        link = _find_in(links, permalink)
        _refuse_duplicate([other for other in links if other.id != link.id], fields.get("label"))
        before = {name: getattr(link, name) for name in fields}
        if fields:
            await link.update_from_dict(dict(fields)).save(update_fields=list(fields))
            changed = LinkChanged(project_id=project.id, target=permalink, old=before, new=fields)
            await events.record(context, changed)
    return link


@allowed("project:write", by=by_permalink)
async def remove(context: Context, project: Project, permalink: str) -> Link:
    """Remove a link."""
    async with transaction():
        link = _find_in(await _lock(project), permalink)
        before = {"label": link.label, "location": link.location}
        await link.delete()
        await events.record(context, LinkRemoved(project_id=project.id, target=permalink, old=before))
    return link


async def _lock(project: Project) -> list[Link]:
    """Return the links of a project, which others cannot change until the transaction ends."""
    await Project.select_for_update(no_key=True).get(id=project.id)
    return await announcement_queries.list_links(project.id)


def _find_in(links: list[Link], permalink: str) -> Link:
    link = next((link for link in links if link.permalink == permalink), None)
    if link is None:
        raise NotFound("Link not found")
    return link


def _refuse_duplicate(links: list[Link], label: str | None) -> None:
    if any(link.label == label for link in links):
        raise Conflict(f"`label` {label} is already used by another link of the project.", field="label")
