"""Who may send which form of a page: every form, by every role on GitHub, on both kinds of tiers."""

import re
from collections.abc import Sequence

from bot.store.audit import AuditEntry
from tests.authority.attempts import Attempt, Expected, Who, people, plan, prepare
from tests.authority.forms import FORMS, Form, addresses, browsers_of, is_sent
from tests.authority.table import NOBODY, PAGE, Act, offered
from tests.authority.written_commands import OF_FILES
from tests.web.browsers import Browser, sign_in_as_operator
from tests.world import World
from web.pages.routes import ROUTES

OPERATOR, ANONYMOUS = "an operator", "anonymous"
ONLY_FOR_PEOPLE = frozenset(("withdraw one's approval",))
"""Acts that an operator has nothing to do with, who is nobody on GitHub."""
OTHERS = re.compile(r"/settings/.*|/sign-out|/login-link")
"""Forms about oneself, and those by which one signs in and out."""

Tried = tuple[Attempt, Form]


def shape(path: str) -> str:
    """A path without the names of its parts."""
    return re.sub(r"\{[^{}]*\}", "{}", path)


def test_every_form_is_in_the_table() -> None:
    assert set(FORMS) == {act.name for act in offered(PAGE)}
    listed = {(method, shape(path)) for method, path in addresses()}
    served = {(route.method, shape(route.path)): route for route in ROUTES}
    assert listed <= set(served)
    for (method, path), route in served.items():
        if method == "POST" and not OTHERS.fullmatch(path):
            assert (method, path) in listed or route.access == "operator", path
        elif path.startswith(("/projects/", "/deployments/")):
            assert (method, path) in listed, path


def expected(who: Who, act: Act, tier: str) -> bool:
    """Whether somebody may act: an operator may what a token with every grant may."""
    if who.name == OPERATOR:
        return NOBODY not in act.needed_grants(tier)
    return who.name != ANONYMOUS and act.is_for(who.role, tier, PAGE)


def never(who: Who, act: Act, tier: str) -> bool:
    return False


def planned(everybody: Sequence[Who], may: Expected = expected) -> list[Tried]:
    """Every form, sent by everybody."""
    acts = [act for act in offered(PAGE) if act.name not in OF_FILES]
    tried: list[Tried] = []
    for index in range(max(map(len, FORMS.values()))):
        offering = [act for act in acts if index < len(FORMS[act.name])]
        attempts = plan(everybody, offering, may, first=index * 1_000)
        tried += [(attempt, FORMS[attempt.act.name][index]) for attempt in attempts]
    return [(each, form) for each, form in tried if each.who.name != OPERATOR or is_for_operators(each.act)]


def is_for_operators(act: Act) -> bool:
    return act.name not in ONLY_FOR_PEOPLE and act.name != "create a project"  # which tests of `/setup` have


async def send_all(world: World, browsers: dict[str, Browser], tried: Sequence[Tried]) -> None:
    """Send all forms, first those that should be refused, which leave no trace."""
    for allowed in (False, True):
        now = [(attempt, form) for attempt, form in tried if attempt.allowed is allowed]
        before = await AuditEntry.filter(channel="page").count()
        done = [str(each) for each, form in now if await is_sent(world, browsers[each.who.name], each, form)]
        changed = await AuditEntry.filter(channel="page").count() - before
        assert done == ([str(each) for each, _ in now] if allowed else [])
        assert changed >= sum(form.method == "POST" for _, form in now) if allowed else changed == 0
    await world.settle()


async def test_a_form_is_for_the_roles_of_the_table(world: World) -> None:
    """In a private repository, who has no role there finds nothing."""
    everybody = await people(world)
    browsers = await browsers_of(world, [who.name for who in everybody])
    browsers |= {OPERATOR: await sign_in_as_operator(world), ANONYMOUS: Browser(world)}
    others = [Who(name, everybody[0].user) for name in (OPERATOR, ANONYMOUS)]
    tried = planned([*everybody, *others])
    await prepare(world, [attempt for attempt, _ in tried])
    await send_all(world, browsers, tried)
    await world.github.set_private()
    await world.settle()
    strangers = [who for who in everybody if who.name == "none-ron"]
    await send_all(world, browsers, [(attempt, form) for attempt, form in planned(strangers, never)])
