"""The table of who may do what against the page that says it, and against the grants that there are."""

from pathlib import Path

from bot.rules import permissions
from tests.authority.table import ACTS, BY_NAME, GRANTS, NOBODY, OF_ROLES, PULL, ROLES
from tests.authority.written_commands import LINES

PAGE = Path(__file__).parent.parent.parent / "docs" / "authority.md"
DOCUMENTED = {"cancel": "cancel a deployment", "unlock": "release one's lock"}
"""Of the acts with the same command, the one that the page has in its table; the sentences below tell of the others."""
BY_RULE = ("approve", "approve config", "unapprove")


def rows(name: str) -> dict[str, list[str]]:
    """The cells of a table of the page, by the first one."""
    table = PAGE.read_text().partition(f"<!-- {name} -->\n")[2].partition("<!-- end -->")[0]
    cells = [[cell.strip(" `") for cell in line.strip("|").split(" | ")] for line in table.splitlines()[2:]]
    return {first: [cell.strip(" |") for cell in others] for first, *others in cells}


def cell(name: str, role: str) -> str:
    """Whether a role may give the command of an act in a comment."""
    staging, production = [BY_NAME[name].is_for(role, tier, PULL) for tier in ("staging", "production")]
    return "yes" if production else "not production" if staging else "–"


def test_the_page_says_which_role_may_give_which_command() -> None:
    shown = rows("roles")
    for word, cells in shown.items():
        name = DOCUMENTED.get(word) or next(act for act, line in LINES.items() if f"{line} ".startswith(f"{word} "))
        if word in BY_RULE:
            assert set(cells) == {"no role decides"}
        else:
            assert cells == [cell(name, role) for role in ROLES if role != "none"], word
    assert {word.split()[0] for word in shown} == {line.split()[0] for line in LINES.values()}


def test_the_page_says_which_role_brings_which_grant() -> None:
    shown = {grant: role for grant, (role, _) in rows("grants").items()}
    assert shown.keys() == GRANTS == permissions.GRANTS
    assert {grant for grant, role in shown.items() if role in ROLES} == OF_ROLES
    for act in ACTS:
        for tier in act.tiers:
            needed = act.needed_grants(tier) - {NOBODY}
            if needed and act.needed_role(tier) != NOBODY:
                assert act.needed_role(tier) == max((shown[grant] for grant in needed), key=ROLES.index), act.name


def test_every_grant_and_every_act_is_tried() -> None:
    needed = {grant for act in ACTS for tier in ("staging", "production") for grant in act.needed_grants(tier)}
    assert needed - {NOBODY} == GRANTS - {"content:read"}  # which a test of anonymous callers has
    assert all(act.channels for act in ACTS) and len(BY_NAME) == len(ACTS)
