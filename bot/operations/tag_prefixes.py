"""Tag prefixes of projects: refuse those that overlap with another project's in the same repository."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from bot.context import Context
from bot.errors import Conflict
from bot.rules import tag_prefixes as rules
from bot.rules.ids import RepositoryId
from bot.rules.tag_prefixes import FIELDS, Reserved
from bot.store.projects import Project, Repository


@dataclass(frozen=True)
class Claim:
    """The prefixes, by field, that a project is to have in a repository. `defaults` are fields that nobody has set."""

    repository: RepositoryId
    permalink: str
    prefixes: Mapping[str, str]
    defaults: Collection[str] = ()
    project: int | None = None


async def lock(repository: RepositoryId) -> None:
    """Keep others from claiming prefixes in a repository until the caller's transaction ends."""
    await Repository.select_for_update(no_key=True).get(github_id=repository)


async def refuse_overlaps(context: Context, claim: Claim) -> None:
    """Refuse prefixes that overlap with another project's, in the caller's transaction, which has locked them.

    Archived projects count: their tags are still there.
    """
    others = await Project.filter(repository_id=claim.repository)
    reserved = [
        Reserved(getattr(other, field), field, other.name if context.actor.reaches(other) else None, other.archived)
        for other in others
        if other.id != claim.project
        for field in FIELDS
    ]
    found = rules.overlaps(claim.prefixes, reserved, claim.defaults)
    if found:
        by_field = {overlap.field: overlap for overlap in reversed(found)}  # the first one of each field
        sentences = [
            by_field[field].sentence(rules.suggest(field, claim.permalink, reserved))
            for field in FIELDS
            if field in by_field
        ]
        raise Conflict(" ".join(sentences), field=found[0].field, project=found[0].reserved.project)
