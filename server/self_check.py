"""What `longshore check` has to know of the settings of a process."""

from bot.operations.self_checks import ServiceFacts
from bot.rules.self_checks import SignInFacts
from bot.settings import Settings


def service_facts(settings: Settings) -> ServiceFacts:
    """What these settings say."""
    has_secret = bool(settings.github_client_secret.get_secret_value())
    return ServiceFacts(
        public_url=settings.url,
        names_url=bool(settings.base_url),
        sign_in=SignInFacts(bool(settings.github_client_id), has_secret, len(settings.operator_ids)),
        warnings=settings.warnings,
    )
