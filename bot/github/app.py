"""The GitHub App: requests with its own JWT, and clients for the repositories that it is installed on."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, cast

import aiohttp
import jwt
from cachetools import LRUCache
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from bot.errors import NotSetUp, PermissionMissing, Refusal, RepositoryNotFound, Unavailable, WrongSettings
from bot.github.checks import Checks
from bot.github.commit_ranges import CommitRanges
from bot.github.limits import UNAVAILABLE, Budget, ResponseLost
from bot.github.people import People
from bot.github.repository import RepositoryClient
from bot.github.run_jobs import RunJobs
from bot.github.server import Server
from bot.github.tokens import PURPOSES, InstallationTokens, Token, TokenKey
from bot.github.transport import Api, ApiError, CallObserver, Credentials, Proxy, Response
from bot.github.wrong_settings import another_app, no_app, refused_app
from bot.rules.addresses import github_web_url
from bot.rules.ids import InstallationId, RepositoryId

MAX_INSTALLATIONS = 1024
MAX_APP_BYTES = 2 * 1024 * 1024
"""The bytes of the largest response about the App that is read. Only a large delivery has more."""


@dataclass(frozen=True)
class AppKeys:
    """The App's identity at GitHub."""

    app_id: str
    private_key: str = field(repr=False)
    api_url: str
    proxy: str = field(default="", repr=False)


@dataclass(frozen=True)
class AppFact:
    """The App as GitHub shows it."""

    id: str
    client_id: str
    slug: str


class GitHub:
    """Requests as the App, and clients that act as its installations.

    `observer` counts requests; `guard` is called before each request is sent, and may raise to prevent it.
    """

    def __init__(
        self, keys: AppKeys, session: aiohttp.ClientSession, observer: CallObserver, guard: Callable[[str], None]
    ) -> None:
        self._session, self._observer, self._guard = session, observer, guard
        self._server = Server()
        self._keys = keys
        self.use(keys)

    def use(self, keys: AppKeys, why_none: WrongSettings | None = None) -> None:
        """Act as this App from now on, and forget what is known of another one.

        If the keys name no App, requests are refused: `why_none` says why, by default because it is not set up yet.
        """
        if keys.api_url != self._keys.api_url:
            self._server = Server()
        self._keys, self._why_none = keys, why_none
        self.__dict__.pop("_private_key", None)
        self._refused: WrongSettings | None = None  # by the last request as the App
        self._not_identified: WrongSettings | None = None
        self._is_identified = False  # GitHub has shown us this App
        self._app_api = self._new_api()
        self._app_api.max_bytes = MAX_APP_BYTES
        self._apis: LRUCache[InstallationId, Api] = LRUCache(MAX_INSTALLATIONS)
        self._tokens = InstallationTokens(self._mint)
        self.people = People()
        self.checks = Checks()
        self.commit_ranges = CommitRanges()
        self.run_jobs = RunJobs()
        self._bot_login = ""

    @property
    def mistake(self) -> WrongSettings | None:
        """Why GitHub does not know us, as far as that was learned; None if it does."""
        return self._none() if not self.is_configured else self._refused or self._not_identified

    def client_for(self, installation: int | None, repository: int, full_name: str) -> RepositoryClient:
        """Return a client for a repository. Refuses one that no installation of the App reaches."""
        if installation is None:
            raise Refusal(f"The GitHub App is not installed on {full_name}: install it, then try again.")
        return self._client(InstallationId(installation), RepositoryId(repository), full_name)

    def client_for_installation(self, installation: InstallationId, full_name: str) -> RepositoryClient:
        """Return a client for a repository whose id is not known yet: its tokens reach the whole installation."""
        return self._client(installation, RepositoryId(0), full_name)

    def now(self) -> datetime:
        """The current time by GitHub's clock: times that came from GitHub are compared with it, never with ours."""
        return self._server.clock.now()

    async def as_app(self, method: str, url: str, data: Any = None) -> Response:
        """Send one request with the App's own JWT; again if GitHub's answer shows that its times were wrong.

        Raises WrongSettings if there is no App, if GitHub does not know it, or if what answers is not GitHub.
        """
        if not self.is_configured:
            raise self._none()
        epoch = self._server.clock.epoch
        try:
            with self._learning():
                try:
                    return await self._app_api.send(method, url, Credentials(jwt=self._jwt()), data)
                except ApiError as error:
                    if error.status != 401 or abs(self._server.clock.epoch - epoch) < 1:
                        raise
                    return await self._app_api.send(method, url, Credentials(jwt=self._jwt()), data)
        except ApiError as error:
            if error.status == 404 and not self._is_identified and url != "/app":
                await self.identify()  # what has not shown us our App yet may be another server than GitHub
            raise

    async def send_anonymously(self, method: str, url: str, keys: AppKeys) -> Response:
        """Send one request without credentials, to the API of `keys` through their proxy."""
        return await self._new_api(keys).send(method, url, Credentials())

    async def identify(self) -> AppFact:
        """Ask GitHub which App we are. Raises WrongSettings if that is not the one of the settings."""
        keys, found = self._keys, await self._ask_who_we_are()
        if self._keys is keys:
            self._not_identified = found if isinstance(found, WrongSettings) else None
            self._is_identified = self._is_identified or isinstance(found, AppFact)
        if isinstance(found, WrongSettings):
            raise found
        return found

    async def _ask_who_we_are(self) -> AppFact | WrongSettings:
        app_id = self._keys.app_id
        try:
            return _identify((await self.as_app("GET", "/app")).data, app_id)
        except ApiError as error:
            return no_app(error.status, error.message)

    @property
    def is_configured(self) -> bool:
        """Whether there is an App. A command that needs no GitHub runs without, and so does a service until set-up."""
        return self._keys.app_id != ""

    @property
    def app_id(self) -> str:
        """The id or client id by which the App authenticates."""
        return self._keys.app_id

    @property
    def api_url(self) -> str:
        """The address of GitHub's REST API."""
        return self._keys.api_url

    @property
    def web_url(self) -> str:
        """The address of GitHub's pages."""
        return github_web_url(self._keys.api_url)

    async def bot_login(self, *, renewed: bool = False) -> str:
        """The login under which the App acts on GitHub; `renewed` asks again, since an App may be renamed."""
        if self._bot_login and not renewed:
            return self._bot_login
        keys, login = self._keys, f"{(await self.identify()).slug}[bot]"
        if self._keys is keys:
            self._bot_login = login
        return login

    def api_of_its_own(self) -> Api:
        """A way to send requests of which nothing is remembered, for those that are somebody else's each time."""
        return self._new_api()

    def forget(self, installation: InstallationId) -> None:
        """Drop tokens and answers of an installation that was removed, suspended or changed."""
        self._apis.pop(installation, None)
        self._tokens.forget(installation)
        self.people.forget(installation)
        self.checks.forget(installation)
        self.commit_ranges.forget(installation)
        self.run_jobs.forget(installation)

    def budgets(self) -> Mapping[InstallationId | None, Sequence[Budget]]:
        """What GitHub last said to this process about limits: for each installation, and (None) for the App itself."""
        apis: list[tuple[InstallationId | None, Api]] = [(None, self._app_api), *self._apis.items()]
        return {installation: list(api.budgets.values()) for installation, api in apis if api.budgets}

    def _client(self, installation: InstallationId, repository: RepositoryId, full_name: str) -> RepositoryClient:
        api = self._apis.get(installation)
        if api is None:
            api = self._apis[installation] = self._new_api()
        return RepositoryClient(api, self._tokens, installation, repository, full_name, self._keys.app_id)

    @contextmanager
    def _learning(self) -> Iterator[None]:
        """Remember whether GitHub accepts the App in one request, and say in words why not.

        What a request tells that was begun as another App, or with another key, is not remembered.
        """
        keys = self._keys
        try:
            yield
        except ApiError as error:
            refused = refused_app(error.status, error.message)
            self._learn(keys, refused)
            if refused is None:
                raise
            raise refused from error
        except WrongSettings as mistake:
            self._learn(keys, mistake)
            raise
        self._learn(keys, None)

    def _learn(self, keys: AppKeys, refused: WrongSettings | None) -> None:
        if self._keys is keys:
            self._refused = refused

    async def _mint(self, key: TokenKey) -> Token:
        body: dict[str, Any] = {"permissions": PURPOSES[key.purpose]}
        if key.repository:
            body["repository_ids"] = [key.repository]
        minted = time.monotonic()
        try:
            response = await self.as_app("POST", f"/app/installations/{key.installation}/access_tokens", body)
        except ApiError as error:
            if "permissions requested are not granted" in error.message:
                raise PermissionMissing(PURPOSES[key.purpose]) from error
            error.raise_unless(403, 404, 422)
            raise RepositoryNotFound(reason=f"GitHub gives no access to it: {error.message}") from error
        except ResponseLost as lost:  # minting has no lasting effect: it can simply be retried
            raise Unavailable(lost.sentence, lost.retry_after, **lost.details) from lost
        if not isinstance(response.data, dict) or not isinstance(response.data.get("token"), str):
            raise Unavailable(UNAVAILABLE, reason="no token in the response")
        return Token(response.data["token"], minted)

    def _none(self) -> WrongSettings:
        why = self._why_none
        return NotSetUp() if why is None else WrongSettings(why.sentence, str(why.details["reason"]))

    def _new_api(self, keys: AppKeys | None = None) -> Api:
        api_url, proxy = (keys or self._keys).api_url.rstrip("/"), Proxy.at((keys or self._keys).proxy)
        return Api(self._session, api_url, self._observer, self._guard, self._server, proxy)

    def _jwt(self) -> str:
        now = int(self._server.clock.seconds())
        claims = {"iat": now - 60, "exp": now + 480, "iss": self._keys.app_id}
        return jwt.encode(claims, self._private_key, algorithm="RS256")

    @cached_property
    def _private_key(self) -> RSAPrivateKey:
        """The key, validated by the settings and parsed once: parsing takes a hundred times as long as signing."""
        pem = self._keys.private_key.encode()
        return cast("RSAPrivateKey", load_pem_private_key(pem, None, unsafe_skip_rsa_key_validation=True))


def _identify(data: Any, app_id: str) -> AppFact | WrongSettings:
    """Read the answer to `GET /app`; `app_id` is the id or client id that we use."""
    if not isinstance(data, dict) or not isinstance(data.get("slug"), str) or "id" not in data:
        return no_app(200, "no App")
    app = AppFact(str(data["id"]), str(data.get("client_id", "")), data["slug"])
    return app if app_id in (app.id, app.client_id) else another_app(app.slug)
