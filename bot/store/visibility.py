"""The visibility of projects as an SQL condition on the rows of a list."""

from typing import Any

from bot.rules.permissions import Visibility

_PROJECTS_OF_REPOSITORY = "SELECT id FROM projects WHERE repository_id"
PUBLIC = "(NOT g.private AND g.installation_id IS NOT NULL)"
"""Whether the repository `g` is public: GitHub has said so, and the App still sees it."""
_WITH_REPOSITORY = "SELECT p.id FROM projects p JOIN repositories g ON g.github_id = p.repository_id WHERE"
_PUBLIC_PROJECTS = f"{_WITH_REPOSITORY} {PUBLIC}"
_PRIVATE_PROJECTS = f"{_WITH_REPOSITORY} NOT {PUBLIC}"


def condition(visible: Visibility, column: str, args: list[Any], *, nullable: bool = False) -> str:
    """Return the condition that the project whose id is in `column` is visible; an empty one if every project is.

    The condition can be joined to others by AND. Its values are appended to `args`, the arguments of the statement so
    far, and its placeholders are numbered accordingly. A project without a repository is public, but in none that
    people read by their role. With `nullable`, the column may be NULL: a row that belongs to no project is visible to
    everyone.
    """
    if visible.everything:
        return ""
    scope, alternatives = [], []
    if visible.project_id is not None:
        args.append(visible.project_id)
        scope.append(f"{column} = ${len(args)}")
    if visible.repository_id is not None:
        args.append(visible.repository_id)
        scope.append(f"{column} IN ({_PROJECTS_OF_REPOSITORY} = ${len(args)})")
    if scope:
        alternatives.append(" AND ".join(scope))
    if visible.readable:
        numbers = range(len(args) + 1, len(args) + 1 + len(visible.readable))
        args.extend(sorted(visible.readable))
        listed = ", ".join(f"${number}" for number in numbers)
        alternatives.append(f"{column} IN ({_PROJECTS_OF_REPOSITORY} IN ({listed}))")
    if visible.public:
        alternatives.append(f"{column} NOT IN ({_PRIVATE_PROJECTS})")
    elif visible.public_repositories:
        alternatives.append(f"{column} IN ({_PUBLIC_PROJECTS})")
    if nullable:
        alternatives.append(f"{column} IS NULL")
    return f"({' OR '.join(alternatives)})" if alternatives else "1 = 0"
