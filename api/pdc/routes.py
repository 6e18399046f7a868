"""The routes of this dialect: which resource, vocabulary, item or token endpoint a path identifies."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from urllib.parse import unquote

from api.pdc.auth import TOKEN_ENDPOINTS, TokenEndpoint
from api.pdc.crud.resource import Resource
from api.pdc.resources.changesets import CHANGESETS
from api.pdc.resources.files import FILES, REPOS, RPMS, VARIANTS
from api.pdc.resources.products import PRODUCT_VERSIONS, PRODUCTS, SLAS
from api.pdc.resources.releases import RELEASES
from api.pdc.resources.schedules import SCHEDULES
from api.pdc.resources.vocabularies import VOCABULARIES, Vocabulary

BASE = "/rest_api/v1"
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_RESOURCES = (SCHEDULES, FILES, RELEASES, PRODUCTS, PRODUCT_VERSIONS, SLAS, VARIANTS, REPOS, RPMS, CHANGESETS)
RESOURCES: dict[str, Resource | Vocabulary] = {target.name: target for target in (*_RESOURCES, *VOCABULARIES)}


@dataclass(frozen=True)
class Route:
    """What a path identifies: a resource or vocabulary, an item of it, a token endpoint, or the root (no target).

    `suffix` is the end of the path: `/`, or `.json` to request JSON.
    """

    target: Resource | Vocabulary | TokenEndpoint | None = None
    key: str | None = None
    suffix: str = "/"

    @cached_property
    def methods(self) -> tuple[str, ...]:
        """The accepted methods, in the order of the Allow header."""
        if isinstance(self.target, TokenEndpoint):
            return self.target.methods
        actions = self.target.actions if isinstance(self.target, Resource) else frozenset()
        create = ("POST",) if "create" in actions and self.key is None else ()
        update = ("PUT", "PATCH") if "update" in actions else ()
        delete = ("DELETE",) if "delete" in actions else ()
        return ("GET", *create, *update, *delete, "HEAD", "OPTIONS")


@lru_cache(maxsize=1024)
def find_route(path: str) -> Route | str | None:
    """The route of a path, the path to redirect to, or None for an unknown path.

    The last name may end in `.json` and then needs no trailing slash, except directly below the base.
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
    route = _route(names, suffix)
    return route if slash or route is None else f"{path}/"


def _route(names: Sequence[str], suffix: str) -> Route | None:
    if not names:
        return Route()
    if (name := "/".join(names)) in TOKEN_ENDPOINTS:
        return Route(TOKEN_ENDPOINTS[name])
    target = RESOURCES.get(names[0])
    key_length = len(target.key) if isinstance(target, Resource) else 0
    if target is None or len(names) - 1 not in (0, key_length):
        return None
    return Route(target, "/".join(names[1:]) if names[1:] else None, suffix)
