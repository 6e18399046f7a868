"""What somebody may see, as a condition on the rows of a list."""

from typing import Any

from bot.rules.permissions import Visibility

_OF_REPOSITORY = "SELECT id FROM projects WHERE repository_id"
_PRIVATE = "SELECT p.id FROM projects p JOIN repositories g ON g.github_id = p.repository_id WHERE g.private"


def condition(viewer: Visibility, column: str, args: list[Any], *, nullable: bool = False) -> str:
    """The condition that the project whose id is in `column` is seen; empty where everything is.

    It can stand beside others, joined by AND. What it asks with is added to `args`, the arguments of the statement so
    far, and its placeholders go on from there. A project without a repository is public. `nullable` says that the
    column may be NULL: rows of no project are seen by everybody.
    """
    if viewer.everything:
        return ""
    own, ways = [], []
    if viewer.project_id is not None:
        args.append(viewer.project_id)
        own.append(f"{column} = ${len(args)}")
    if viewer.repository_id is not None:
        args.append(viewer.repository_id)
        own.append(f"{column} IN ({_OF_REPOSITORY} = ${len(args)})")
    if own:
        ways.append(" AND ".join(own))
    if viewer.public:
        ways.append(f"{column} NOT IN ({_PRIVATE})")
    if nullable:
        ways.append(f"{column} IS NULL")
    return f"({' OR '.join(ways)})" if ways else "1 = 0"
