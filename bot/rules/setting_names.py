"""Variables of the environment that are named like settings but are not: most of them are misspelled."""

import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches

from bot.rules.setting_texts import is_injected_port

CLIENT_VARIABLES = ("LONGSHORE_URL", "LONGSHORE_TOKEN", "LONGSHORE_PROJECT")
"""What the commands read that ask a service over HTTP; the service itself does not."""
SIMILAR = 0.75  # from 0 (nothing in common) to 1 (equal): the least for a suggestion
_OF_SERVICES = re.compile(  # for a service whose name begins with ours, as Kubernetes and Docker write it
    r"(?:\w+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)"
)
_OF_TESTS = re.compile(r"TEST_\w+")


def unknown_settings(variables: Mapping[str, str], prefix: str, known: Collection[str]) -> list[str]:
    """A sentence about each variable below `prefix` that is neither known nor made by an orchestrator or for tests.

    `known` are names in capital letters; those of the variables may be in any case. Variables without a value are
    left out.
    """
    names = {name: name.upper() for name, value in variables.items() if value}
    return [
        _sentence(name, upper, prefix, known)
        for name, upper in sorted(names.items())
        if upper.startswith(prefix) and upper not in known and not _is_meant(upper, prefix, variables[name])
    ]


def _is_meant(name: str, prefix: str, value: str) -> bool:
    rest = name.removeprefix(prefix)
    of_service = _OF_SERVICES.fullmatch(rest) is not None or (rest.endswith("PORT") and is_injected_port(value))
    return of_service or _OF_TESTS.fullmatch(rest) is not None


def _sentence(name: str, upper: str, prefix: str, known: Collection[str]) -> str:
    similar = _similar(upper.removeprefix(prefix), [other.removeprefix(prefix) for other in known])
    return f"{name} is not a setting." + (f" Did you mean {prefix}{similar}?" if similar else "")


def _similar(name: str, known: Collection[str]) -> str | None:
    """The known name that ends with all words of this one, or that is spelled almost like it."""
    longer = [other for other in known if other.endswith(f"_{name}")]
    if len(longer) == 1:
        return longer[0]
    return next(iter(get_close_matches(name, known, n=1, cutoff=SIMILAR)), None)
