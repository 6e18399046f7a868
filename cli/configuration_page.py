"""Write the reference of `docs/configuration.md` anew, for developers: `python -m cli.configuration_page`."""

import re
from pathlib import Path

from bot.rules.config_schema import reference

PAGE = Path(__file__).parent.parent / "docs" / "configuration.md"
GENERATED = re.compile(r"(<!-- settings -->\n).*?(<!-- end -->\n)", re.DOTALL)


def current(page: str) -> str:
    """A page with the table of the settings that there are now."""
    return GENERATED.sub(lambda match: f"{match[1]}{reference()}\n{match[2]}", page)


if __name__ == "__main__":
    PAGE.write_text(current(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
