"""What `longshore check` has to know of a process: its settings, and whether it can read the stored App."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from bot.errors import WrongSettings
from bot.operations import app_credentials
from bot.operations.self_checks import ServiceFacts
from bot.rules.self_checks import Line, SignInFacts
from bot.settings import Settings
from server.app_identity import AppIdentity

CHECK = "secret key"


def service_facts(settings: Settings, identity: AppIdentity) -> ServiceFacts:
    """What these settings say, and what is stored for them."""
    sign_in = identity.sign_in
    return ServiceFacts(
        public_url=settings.url,
        names_url=bool(settings.base_url),
        sign_in=SignInFacts(bool(sign_in.client_id), bool(sign_in.client_secret)),
        warnings=settings.warnings,
        key=_key_check(identity),
    )


def _key_check(identity: AppIdentity) -> Callable[[], Awaitable[Line | None]]:
    """The check whether this process has the key with which another one stored the App's credentials."""

    async def check() -> Line | None:
        if not await app_credentials.newest():
            return None  # nothing is encrypted yet, and no key is made for this alone
        try:
            await app_credentials.load(identity.encryption(), datetime.now(UTC))
        except WrongSettings as problem:
            return Line(CHECK, "failure", f"{problem.sentence}.", f"{problem.details['reason']}.")
        return Line(CHECK, "ok", "This process can read the App's credentials in the database.")

    return check
