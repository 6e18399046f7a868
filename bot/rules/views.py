"""What is shown on GitHub about a project: four parts, each of which can be switched off."""

from collections.abc import Mapping
from typing import Any, Literal, get_args

Part = Literal["comments", "deployments", "checks", "protection"]
"""Status comments, deployments, check runs, and answers to deployment protection rules."""
PARTS: tuple[Part, ...] = get_args(Part)


def shows(settings: Mapping[str, bool], part: Part) -> bool:
    """Whether a part is shown: yes, unless it was switched off."""
    return settings.get(part, True)


def all_parts(settings: Mapping[str, bool]) -> dict[str, bool]:
    """Every part, and whether it is shown."""
    return {part: shows(settings, part) for part in PARTS}


def is_setting(value: Any) -> bool:
    """Whether a value is a valid setting: some of the parts, each true or false."""
    return (
        isinstance(value, dict)
        and value.keys() <= set(PARTS)
        and all(isinstance(each, bool) for each in value.values())
    )
