"""Requests to one repository, authenticated by the installation of the App that reaches it."""

from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import quote

from bot.errors import PermissionMissing, Unauthenticated
from bot.github.tokens import GRANTED_LATER, PURPOSES, TRIES, YIELDING, InstallationTokens, TokenKey
from bot.github.transport import Api, ApiError, BeforeWrite, Credentials, Response, is_permission_missing
from bot.rules.ids import InstallationId, RepositoryId

MAX_PAGES = 10
SIGNED_IN_ONLY = "GitHub is asked only for readers who have signed in"


class Listing(NamedTuple):
    """The items of a list on GitHub. Not `complete`: there are more of them than are fetched."""

    items: list[Any]
    complete: bool


class RepositoryClient:
    """One repository, reached by one installation. Its name may change at any time: GitHub's redirects are followed.

    `app_id` is the id or client id by which the App authenticates.
    """

    def __init__(
        self,
        api: Api,
        tokens: InstallationTokens,
        installation: InstallationId,
        repository: RepositoryId,
        full_name: str,
        app_id: str,
    ) -> None:
        self._api, self._tokens = api, tokens
        self.app_id = app_id
        self.server = api.server
        self.installation, self.id, self.full_name = installation, repository, full_name
        self.root = repository_path(full_name)

    async def request(
        self, method: str, url: str, *, purpose: str = "read", data: Any = None, before: BeforeWrite | None = None
    ) -> Response:
        """Send one request with a token for this repository only, with the permissions that its purpose needs.

        Raises PermissionMissing when the installation has not granted them.
        """
        key = TokenKey(self.installation, self.id, purpose)
        for attempt in range(TRIES):
            token = await self._tokens.get(key)
            try:
                credentials, yields = Credentials(token=token.secret), method != "GET" and purpose in YIELDING
                return await self._api.send(method, url, credentials, data, before, yields=yields)
            except ApiError as error:
                if error.status == 403 and purpose in GRANTED_LATER and is_permission_missing(error.message):
                    raise PermissionMissing(PURPOSES[purpose]) from error  # taken back since the token was minted
                await self._tokens.prepare_retry(key, token, error, attempt)
        raise AssertionError("the last try returns or raises")

    async def list(
        self, url: str, key: str | None = None, max_pages: int = MAX_PAGES, *, purpose: str = "read"
    ) -> list[Any]:
        """Fetch the items of a list, from so many pages at most; `key` is their field where a page is an object."""
        return (await self.listing(url, key, max_pages, purpose=purpose)).items

    async def listing(
        self, url: str, key: str | None = None, max_pages: int = MAX_PAGES, *, purpose: str = "read"
    ) -> Listing:
        """Fetch the items of a list in the same way, and whether they are all."""
        items: list[Any] = []
        next_url: str | None = url
        total = 0
        for _ in range(max_pages):
            if next_url is None:
                break
            data, next_url = await self.request("GET", next_url, purpose=purpose)
            items += data[key] if key else data
            total = data.get("total_count", 0) if key else 0
        return Listing(items, next_url is None and len(items) >= total)

    def unasked(self) -> "UnaskedRepository":
        """The same repository for somebody on whose behalf GitHub is not asked."""
        return UnaskedRepository(self._api, self._tokens, self.installation, self.id, self.full_name, self.app_id)

    def counted(self, count: Callable[[], None]) -> "CountedRepository":
        """The same repository, where `count` is called before each request, and may refuse it."""
        return CountedRepository(self, count)

    def is_own(self, app: Any) -> bool:
        """Whether an App, as GitHub's JSON shows it, is ours."""
        return isinstance(app, dict) and self.app_id in (str(app.get("id")), app.get("client_id"))


class UnaskedRepository(RepositoryClient):
    """A repository of which callers learn only what is remembered of GitHub's answers: each request is refused."""

    async def request(
        self, method: str, url: str, *, purpose: str = "read", data: Any = None, before: BeforeWrite | None = None
    ) -> Response:
        """Refuse a request."""
        raise Unauthenticated(SIGNED_IN_ONLY)


class CountedRepository(RepositoryClient):
    """A repository whose requests are counted for somebody who may cause only some."""

    def __init__(self, client: RepositoryClient, count: Callable[[], None]) -> None:
        self.__dict__.update(client.__dict__)
        self._count = count

    async def request(
        self, method: str, url: str, *, purpose: str = "read", data: Any = None, before: BeforeWrite | None = None
    ) -> Response:
        """Count a request, and send it."""
        self._count()
        return await super().request(method, url, purpose=purpose, data=data, before=before)


def repository_path(full_name: str) -> str:
    """The path of a repository in the API, by its name."""
    owner, _, name = full_name.partition("/")
    return f"/repos/{quote(owner, safe='')}/{quote(name, safe='')}"
