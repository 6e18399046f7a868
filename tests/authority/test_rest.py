"""Who may send which request: every request that changes something, by every grant of a token and by every role."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from bot.operations import personal_tokens, users
from bot.operations.users import NewToken
from bot.rules.ids import GitHubUserId
from bot.store.audit import AuditEntry
from bot.store.gates import Freeze
from tests.authority.attempts import Attempt, Who, people, plan, prepare
from tests.authority.table import ACTS, GRANTS, NOBODY, OF_ROLES, PERSONAL, REST, TOKEN, Act, offered
from tests.authority.written_commands import OF_FILES
from tests.test_documents import application, routed
from tests.world import World

NATIVE = "/api/projects/{project}"
ENVIRONMENT = f"{NATIVE}/environments/{{environment}}"
RELEASE, CANDIDATE = f"{NATIVE}/releases/{{release}}", f"{NATIVE}/candidates/{{candidate}}"
CUT, DEPLOYING = "/api/releases/{project}/releases", "/api/releases/{project}/environments/{environment}"
PUBLIC = "/projects/{project}"
REASON = {"reason": "x"}
FORCED = {"force": True, "reason": "x"}
VERSION = {"release_candidate_version": "{candidate}"}
AT_HEAD = {"repo": "acme/site", "commit": "{head}"}
PACKAGE = {"package": "{project}", "version": "{new}", "release_date": "2026-01-01", "status": 1}
CONTENT = {"name": "x", "short": "{project}", "version": "{new}", "release_type": "ga"}
LINK = {"url": {"label": "new-{number}", "location": "https://x.test"}}

CALLS: dict[str, tuple[str, str, Any]] = {
    "cut": ("POST", f"{CUT}/{{new}}-rc1", AT_HEAD),
    "cancel a build": ("POST", f"{CUT}/{{candidate}}/cancel", {}),
    "build again": ("POST", f"{CUT}/{{candidate}}/build", {}),
    "hold": ("POST", f"{RELEASE}/hold", REASON),
    "end a hold": ("DELETE", f"{RELEASE}/hold", None),
    "ban": ("POST", f"{CANDIDATE}/ban", REASON),
    "end a ban": ("DELETE", f"{CANDIDATE}/ban", None),
    "announce": ("POST", f"{PUBLIC}/releases.json", {"release": {"version": "{release}", "changelog": "x"}}),
    "withdraw one's announcement": ("DELETE", f"{PUBLIC}/releases/{{row}}.json", None),
    "withdraw somebody's announcement": ("DELETE", f"{PUBLIC}/releases/{{row}}.json", None),
    "approve an announcement": ("POST", f"{RELEASE}/announcement/approve", {}),
    "reject an announcement": ("POST", f"{RELEASE}/announcement/reject", REASON),
    "create a release": ("POST", "/api/releases/new/", PACKAGE),
    "change a release": ("PATCH", RELEASE, {"notes": "x"}),
    "add files": ("PATCH", "/api/releases/{row}/update_files/", {"files": {"js": "a.js"}}),
    "replace files": ("PUT", f"{RELEASE}/files", {"files": {"js": ["a.js"]}}),
    "deploy": ("POST", f"{DEPLOYING}/deployments", VERSION),
    "deploy with force": ("POST", f"{DEPLOYING}/deployments", {**VERSION, **FORCED}),
    "promote": ("POST", f"{CANDIDATE}/promote", {}),
    "promote with force": ("POST", f"{CANDIDATE}/promote", FORCED),
    "roll back": ("POST", f"{DEPLOYING}/rollback", {}),
    "roll back with force": ("POST", f"{DEPLOYING}/rollback", FORCED),
    "cancel a deployment": ("POST", f"{DEPLOYING}/deployments/{{row}}/cancel", {}),
    "report a deployment": ("PATCH", f"{DEPLOYING}/deployments", {**VERSION, "status": "success"}),
    "report the run of a build": (
        *("POST", "/api/v1/sync-build-github-action"),
        {"release_cut_id": "cut-{row}", "workflow_run_id": "{run}"},
    ),
    "report the run of a deployment": (
        *("POST", "/api/v1/sync-deploy-github-action"),
        {"deployment_id": "{row}", "workflow_run_id": "{run}"},
    ),
    "approve": ("POST", f"{ENVIRONMENT}/approvals", {"candidate": "{candidate}"}),
    "withdraw one's approval": ("DELETE", f"{ENVIRONMENT}/approvals/{{row}}", None),
    "withdraw somebody's approval": ("DELETE", f"{ENVIRONMENT}/approvals/{{row}}", None),
    "approve a weaker file": ("POST", f"{ENVIRONMENT}/configuration/approvals", None),
    "approve a weaker file where nobody had to approve": ("POST", f"{ENVIRONMENT}/configuration/approvals", None),
    "freeze": ("POST", f"{ENVIRONMENT}/freezes", REASON),
    "end a freeze": ("DELETE", f"{ENVIRONMENT}/freezes/{{row}}", None),
    "freeze a project": ("POST", f"{NATIVE}/freezes", REASON),
    "end the freeze of a project": ("DELETE", f"{NATIVE}/freezes/{{row}}", None),
    "freeze the service": ("POST", "/api/freezes", REASON),
    "end the freeze of the service": ("DELETE", "/api/freezes/{row}", None),
    "lock": ("POST", f"{ENVIRONMENT}/lock", REASON),
    "release one's lock": ("DELETE", f"{ENVIRONMENT}/lock", None),
    "release somebody's lock": ("DELETE", f"{ENVIRONMENT}/lock", None),
    "create a project": ("POST", "/api/projects", {"name": "new-{number}"}),
    "change a project": ("PATCH", NATIVE, {"build_deadline_minutes": 30}),
    "change the profile of a project": ("PUT", f"{PUBLIC}.json", {"project": {"oneliner": "x"}}),
    "add a link": ("POST", f"{PUBLIC}/urls.json", LINK),
    "change a link": ("PUT", f"{PUBLIC}/urls/link-{{number}}.json", {"url": {"location": "https://y.test"}}),
    "remove a link": ("DELETE", f"{PUBLIC}/urls/link-{{number}}.json", None),
    "create an environment": ("POST", f"{NATIVE}/environments", {"name": "new-{number}", "tier": "production"}),
    "make a gate stronger": ("PATCH", ENVIRONMENT, {"checks": ["ci"]}),
    "make a gate weaker": ("PATCH", ENVIRONMENT, {"checks": []}),
    "create a token": ("POST", "/api/tokens", {"name": "new-{number}", "grants": ["project:read"]}),
    "revoke a token": ("DELETE", "/api/tokens/{row}", None),
    "write content": ("POST", "/rest_api/v1/releases/", CONTENT),
    "ask why": ("GET", f"{ENVIRONMENT}/decision?candidate={{candidate}}", None),
    "ask for the status": ("GET", ENVIRONMENT, None),
    "ask where": ("GET", f"{NATIVE}/where?commit={{head}}", None),
}
READING = frozenset(name for name, (method, _, _) in CALLS.items() if method == "GET")
OTHERS = re.compile(r".*\.xml|\* /rest_api/.*|POST /(graphql|webhooks/github)")
"""Routes beside those of the table: the same in XML, those that `content:write` guards as one, reads and webhooks."""
FOR_LACK_OF_AUTHORITY = re.compile(
    "do(es)? not have permission|needs the grant|may not approve it|Only people approve|only they can withdraw it"
    "|Only the user who has submitted|or somebody with the role admin|for one project only|credentials were not"
)


def shape(route: str) -> str:
    """A route without the names of its parts."""
    return re.sub(r"\{\w+\}|link-\{\w+\}", "{}", route.replace("{new}-rc1", "{}").replace("link-{number}", "{}"))


def test_every_route_that_changes_something_is_in_the_table() -> None:
    assert {act.name for act in ACTS if act.channels & REST} == set(CALLS)
    listed = {shape(f"{method} {path.rstrip('/')}") for method, path, _ in CALLS.values()}
    served = [shape(f"{method} {path}") for method, path in routed(application()) if method not in ("GET", "OPTIONS")]
    assert {route for route in served if route not in listed} == set(filter(OTHERS.fullmatch, served))


def filled(template: Any, values: dict[str, Any]) -> Any:
    """A path or a body with names of rows."""
    if isinstance(template, dict):
        return {name: filled(value, values) for name, value in template.items()}
    return template.format(**values) if isinstance(template, str) else template


async def is_done(world: World, attempt: Attempt) -> bool:
    """Send the request of an attempt; returns whether it succeeded. It may be refused for lack of authority only."""
    method, path, body = CALLS[attempt.act.name]
    values = {**attempt.values, "head": world.github.head(), "run": 1}
    if attempt.allowed and attempt.act.name.startswith("report the run"):
        workflow = "build.yml" if "build" in attempt.act.name else "deploy.yml"
        values["run"] = world.github.runs[await world.github.dispatch(workflow) - 1].id
    answer = await world.ask(method, filled(path, values), filled(body, values), token=attempt.who.token)
    if account := world.github.state.accounts.get(attempt.who.name):  # it is not about how much is asked of GitHub
        world.service.github.people.strangers.take_back(GitHubUserId(account.id))
    if attempt.act.name == "freeze the service":
        await Freeze.filter(scope="service", until=None).delete()  # it would stop the others
    if answer.status < 300:
        return True
    assert answer.status in (401, 403) and FOR_LACK_OF_AUTHORITY.search(str(answer.json)), (
        str(attempt),
        answer.status,
        answer.json,
    )
    return False


async def attempt_all(world: World, attempts: Sequence[Attempt]) -> None:
    """Make all attempts, first those that should be refused, which leave no trace."""
    await prepare(world, attempts)
    for allowed in (False, True):
        tried = [attempt for attempt in attempts if attempt.allowed is allowed]
        before = await AuditEntry.filter(channel="rest").count()
        done = [str(attempt) for attempt in tried if await is_done(world, attempt)]
        changed = await AuditEntry.filter(channel="rest").count() - before
        assert done == ([str(attempt) for attempt in tried] if allowed else [])
        assert changed >= sum(attempt.act.name not in READING for attempt in tried) if allowed else changed == 0
    await world.settle()


# --- tokens of programs


async def test_a_token_does_what_its_grants_permit_and_nothing_else(world: World) -> None:
    tokens: dict[frozenset[str], Who] = {}
    acts = [act for act in offered(TOKEN) if act.name not in OF_FILES]
    for grants in {each for act in acts for each in grants_to_try(act)}:
        tokens[grants] = await program(world, f"program-{len(tokens)}", grants)
    attempts = plan([*tokens.values(), Who("anonymous", next(iter(tokens.values())).user)], acts, is_granted)
    tried = [each for each in attempts if not each.who.token or each.who.grants in grants_to_try(each.act)]
    await attempt_all(world, tried)


def grants_to_try(act: Act) -> Iterable[frozenset[str]]:
    """For each tier all that is needed, and everything but one of these grants; and `admin`, which stands for all."""
    yield frozenset({"admin"})
    for tier in act.tiers:
        needed = act.needed_grants(tier) - {NOBODY}
        yield from ([needed] if needed else [])
        yield from (GRANTS - {"admin", grant} for grant in needed)


def is_granted(who: Who, act: Act, tier: str) -> bool:
    needed = act.needed_grants(tier)
    return NOBODY not in needed and (needed <= who.grants or "admin" in who.grants)


async def program(world: World, name: str, grants: frozenset[str]) -> Who:
    """A token of a program."""
    row, secret = await users.create_token(await world.context(), name, grants=sorted(grants))
    return Who(name, row.user_id, token=secret, grants=grants)


# --- personal tokens


async def test_a_personal_token_does_what_the_role_of_its_owner_and_its_grants_permit(world: World) -> None:
    """An admin's without a grant, and that of somebody without a role in a private repository, do nothing with it."""
    everybody, acts = await people(world), [act for act in offered(PERSONAL) if act.name not in OF_FILES]
    owners = [await person(world, who, OF_ROLES) for who in everybody]
    await attempt_all(world, plan(owners, acts, lambda who, act, tier: act.is_for(who.role, tier, PERSONAL)))
    admin = next(who for who in everybody if who.name == "admin-ron")
    tokens = [await person(world, admin, OF_ROLES - {grant}) for grant in sorted(OF_ROLES)]
    lacking = plan(tokens, acts, never, first=1_000)
    await attempt_all(world, [each for each in lacking if each.act.needed_grants(each.tier) & lost_by(each.who)])
    await world.github.set_private()
    await world.settle()
    await attempt_all(world, plan([who for who in owners if who.name == "none-ron"], acts, never, first=10_000))


def never(who: Who, act: Act, tier: str) -> bool:
    return False


def lost_by(who: Who) -> frozenset[str]:
    """The grants that a personal token lacks, of those that it could have."""
    return OF_ROLES - who.grants


async def person(world: World, who: Who, grants: frozenset[str]) -> Who:
    """Somebody with a personal token that an operator has made."""
    new = NewToken(f"{who.name}-laptop", sorted(grants))
    _, secret = await personal_tokens.create_for(await world.context(), who.name, new)
    return Who(who.name, who.user, who.role, secret, grants)
