"""The list of decisions, made of the headings of their pages."""

from pathlib import Path

FOLDER = Path(__file__).parent.parent.parent / "docs" / "decisions"


def items() -> str:
    """An entry for each decision, with its number and title."""
    headings = {path.name: _heading(path) for path in sorted(FOLDER.glob("[0-9]*.md"))}
    return "".join(f"- [{heading}]({name})\n" for name, heading in headings.items())


def _heading(path: Path) -> str:
    return path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
