"""The addresses of these dialects: which path leads to which resource, list, item or call about tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from urllib.parse import unquote

from api.pdc.auth import TOKENS, TokenCall
from api.pdc.crud.resource import Resource
from api.pdc.resources.changesets import CHANGESETS
from api.pdc.resources.files import FILES, REPOS, RPMS, VARIANTS
from api.pdc.resources.products import PRODUCT_VERSIONS, PRODUCTS, SLAS
from api.pdc.resources.releases import RELEASES
from api.pdc.resources.schedules import SCHEDULES
from api.pdc.resources.vocabularies import WORDS, Words

BASE = "/rest_api/v1"
SAFE = ("GET", "HEAD", "OPTIONS")
RESOURCES = {
    each.name: each
    for each in (
        *(SCHEDULES, FILES, RELEASES, PRODUCTS, PRODUCT_VERSIONS, SLAS, VARIANTS, REPOS, RPMS, CHANGESETS),
        *WORDS,
    )
}


@dataclass(frozen=True)
class Place:
    """What a path leads to: a resource or list, one of its items, a call about tokens, or the root (none of these)."""

    of: Resource | Words | TokenCall | None = None
    key: str | None = None
    suffix: str = "/"

    @cached_property
    def allow(self) -> tuple[str, ...]:
        """The methods that it answers to, as `Allow` says them."""
        if isinstance(self.of, TokenCall):
            return self.of.methods
        acts = self.of.acts if isinstance(self.of, Resource) else frozenset()
        create = ("POST",) if "create" in acts and self.key is None else ()
        write = ("PUT", "PATCH") if "update" in acts else ()
        delete = ("DELETE",) if "delete" in acts else ()
        return ("GET", *create, *write, *delete, "HEAD", "OPTIONS")


@lru_cache(maxsize=1024)
def find(path: str) -> Place | str | None:
    """Where a path leads, or where it should have gone; None where it leads nowhere.

    The last name may end in `.json`; then there may be no slash behind it, but behind a list's.
    """
    if path == BASE:
        return f"{BASE}/"
    *parts, last = path.removeprefix(f"{BASE}/").split("/")
    names = [unquote(part) for part in (*parts, last)] if last else [unquote(part) for part in parts]
    slash, suffix = not last, "/"
    if names and names[-1].endswith(".json") and (last or len(names) == 1):
        names[-1], suffix, slash = names[-1].removesuffix(".json"), ".json", True
    if not all(name and name.isprintable() for name in names):
        return None
    place = _place(names, suffix)
    return place if slash or place is None else f"{path}/"


def _place(names: Sequence[str], suffix: str) -> Place | None:
    if not names:
        return Place()
    if (joined := "/".join(names)) in TOKENS:
        return Place(TOKENS[joined])
    found = RESOURCES.get(names[0])
    keys = len(found.key) if isinstance(found, Resource) else 0
    if found is None or len(names) - 1 not in (0, keys):
        return None
    return Place(found, "/".join(names[1:]) if names[1:] else None, suffix)
