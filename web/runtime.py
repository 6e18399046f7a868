"""What all pages share: the service's address, who may read, and the context that they act in."""

from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from bot.actors import Actor
from bot.attempts import Attempts
from bot.bodies import UnprovenBodies
from bot.context import Context
from bot.operations.app_credentials import AppSetup
from bot.operations.self_checks import ServiceFacts
from bot.rules.ids import GitHubUserId
from web.event_feed import EventFeed
from web.exports import Exports
from web.used_states import UsedStates


@dataclass(frozen=True)
class SignIn:
    """The App's identity for signing in with GitHub; without a client id nobody can."""

    client_id: str = ""
    client_secret: str = field(default="", repr=False)

    @property
    def is_configured(self) -> bool:
        """Whether people can sign in."""
        return bool(self.client_id and self.client_secret)


@dataclass(frozen=True)
class WebRuntime:
    """The dependencies of all pages.

    `public_url` is the URL at which people reach the service. Its path is served by a proxy, which takes it off: paths
    of ours that go out are made by `link`. `anonymous` is the actor of who has not signed in. `sign_in` and `operators`
    are functions, since both may change while the service runs. `setup` is how the App is set up in the browser;
    `app_page` its page on GitHub, if that is known; `facts` is what `longshore check` has to know of the settings.
    """

    context: Callable[[], Context]
    public_url: str
    anonymous: Actor
    attempts: Attempts
    sign_in: Callable[[], SignIn]
    operators: Callable[[], frozenset[GitHubUserId]]
    setup: AppSetup
    facts: Callable[[], ServiceFacts]
    app_page: Callable[[], str] = lambda: ""
    bodies: UnprovenBodies = field(default_factory=UnprovenBodies)
    used_states: UsedStates = field(default_factory=UsedStates)
    feed: EventFeed = field(default_factory=EventFeed)
    exports: Exports = field(default_factory=Exports)

    @property
    def root(self) -> str:
        """The path below which the service is reached; empty for the root of its host."""
        return urlsplit(self.public_url).path.rstrip("/")

    @property
    def origin(self) -> str:
        """The scheme and the host of the service, as browsers send them in the Origin header."""
        parts = urlsplit(self.public_url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def is_secure(self) -> bool:
        """Whether people reach the service over HTTPS."""
        return self.public_url.startswith("https://")

    def link(self, path: str, *segments: object) -> str:
        """A path of ours as browsers know it. Each of the segments is appended to it, quoted."""
        quoted = "".join(f"/{quote(str(segment), safe='')}" for segment in segments)
        return f"{self.root}{path}{quoted}" or "/"
