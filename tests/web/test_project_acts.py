"""Acts on pages: each shows first what it will do, does it once, and says at its form why it was refused."""

import re

from bot.rules.gate_settings import EXPIRE_AFTER
from bot.store.audit import AuditEntry
from bot.store.deployments import Deployment
from bot.store.gates import Approval
from bot.store.projects import Environment, Project
from tests.web.browsers import Browser, Page, sign_in, sign_in_as_operator
from tests.web.test_project_pages import RULE
from tests.world import World

SITE = "/projects/site"
CANDIDATE = f"{SITE}/candidates/1.0.0-rc1"
PRODUCTION = f"{SITE}/environments/production"


async def does(browser: Browser, path: str, to: str, **fields: str) -> None:
    """Send a form that has to succeed; the browser is sent to `to`."""
    page = await browser.submit(path, fields)
    assert (page.status, page.location) == (303, to), (path, page.text)


def gates_of(page: Page) -> set[str]:
    """The closed gates that a page lists."""
    return set(re.findall(r'<span class="(?:wait|bad) state">(\w+)</span>', page.html))


async def test_a_candidate_is_cut_from_a_branch_a_commit_or_a_merged_pull_request(world: World) -> None:
    operator = await sign_in_as_operator(world)
    await Project.all().update(version_scheme="semver")
    assert 'value="0.1.0"' in (await operator.open(f"{SITE}/cut")).html
    number = await world.github.pull_request()
    merged = await world.github.merge(number)
    for named in ("", "main", merged[:10], f"#{number}"):
        plan = await operator.open(f"{SITE}/cut?version=1.0.0&commit={named.replace('#', '%23')}")
        assert f"Cut 1.0.0-rc1 at {merged} of the branch main." in plan.text, named
        assert "Dispatch build.yml to build it." in plan.text
    assert not await Deployment.exists()
    fields = {"version": "1.0.0", "commit": merged, "named": "main", "once": "one click"}
    for _ in range(2):
        await does(operator, f"{SITE}/cut", CANDIDATE, **fields)
    open_number = await world.github.pull_request()
    for named, why in (
        ("nowhere", "no such branch"),
        (f"%23{open_number}", f"pull request {open_number} is not merged"),
        ("%23999", "there is no pull request 999"),
    ):
        refused = await operator.open(f"{SITE}/cut?version=1.0.1&commit={named}")
        assert (refused.status, why in refused.text) == (400, True), refused.text
    failed = await operator.send(f"{SITE}/cut", form="cut", version="not a version", commit=merged, named="main")
    assert failed.status == 400
    assert 'value="not a version"' in failed.html
    assert "Invalid release candidate version" in failed.text
    await world.settle()
    await does(operator, f"{CANDIDATE}/cancel", CANDIDATE)
    await world.settle()
    assert "Build again" in (await operator.open(CANDIDATE)).text
    await does(operator, f"{CANDIDATE}/rebuild", CANDIDATE)
    await world.settle()
    await world.github.finish(run=2)
    await world.settle()
    assert (await AuditEntry.get(act="candidate.cut")).channel == "page"


async def test_digits_that_are_also_the_name_of_a_branch_elsewhere_are_refused_with_both_readings(world: World) -> None:
    operator = await sign_in_as_operator(world)
    meant = await world.github.commit("What the maintainer means")
    tip = await world.github.commit("What somebody else pushed")
    await world.github.branch(meant[:7])
    for named in (meant[:7], meant[:7].upper()):
        refused = await operator.open(f"{SITE}/cut?version=1.0.0&commit={named}")
        assert (refused.status, f"at {tip}" in refused.text) == (400, False), refused.text
    refused = await operator.open(f"{SITE}/cut?version=1.0.0&commit={meant[:7]}")
    assert f"the beginning of a commit's SHA, or the branch of that name, whose tip is {tip}" in refused.text
    for named in (meant, meant[:8], meant[:8].upper()):
        plan = await operator.open(f"{SITE}/cut?version=1.0.0&commit={named}")
        assert f"Cut 1.0.0-rc1 at {meant} of the branch main." in plan.text, named
    await world.github.branch(tip[:7])
    plan = await operator.open(f"{SITE}/cut?version=1.0.0&commit={tip[:7]}")
    assert f"Cut 1.0.0-rc1 at {tip} of the branch main." in plan.text
    refused = await operator.open(f"{SITE}/cut?version=1.0.0&commit={meant[:6]}")
    assert (refused.status, "a SHA of at least 7 digits" in refused.text) == (400, True)
    await world.settle()


async def test_a_deployment_shows_its_gates_waits_for_an_approval_and_is_rolled_back(world: World) -> None:
    await world.cut("1.0.0-rc1")
    await Environment.filter(name="production").update(gate_settings=RULE)
    world.github.person("mona", "maintain")
    world.github.person("rita", "read")
    mona, rita = await sign_in(world, "mona"), await sign_in(world, "rita")
    plan = await mona.open(f"{CANDIDATE}/deploy?environment=production")
    assert "Wait for approvals, then deploy 1.0.0-rc1 to production." in plan.text
    assert gates_of(plan) == {"approvals"}
    refused = await mona.send(f"{CANDIDATE}/deploy", form="deploy", environment="production")
    assert (refused.status, gates_of(refused)) == (403, {"approvals"})
    assert "Deployment is gated" in refused.text
    assert 'name="wait" value="yes">' in refused.html  # as it was left
    fields = {"environment": "production", "wait": "yes", "once": "one click"}
    for _ in range(2):
        await does(mona, f"{CANDIDATE}/deploy", "/deployments/1", **fields)
    assert "waits" in (await mona.open("/deployments/1")).text
    assert "Approve for production" in (await rita.open(CANDIDATE)).text
    await does(rita, f"{CANDIDATE}/approve", CANDIDATE, environment="production", comment="Looks good")
    approved = await rita.open(CANDIDATE)
    assert "1 of 1 approval given: rita, just now : Looks good" in approved.text
    assert "Withdraw my approval" in approved.text
    await world.settle()
    await world.github.finish(run=1)
    await world.settle()
    given = await Approval.get()
    await Approval.all().update(approved_at=given.approved_at - EXPIRE_AFTER)
    expired = await rita.open(CANDIDATE)
    assert "0 of 1 approval by" in expired.text
    assert "Approve for production" in expired.text
    done = await mona.open("/deployments/1")
    assert "its gates opened" in done.text
    assert "Approved by rita" in done.text
    await does(rita, f"{CANDIDATE}/withdraw", CANDIDATE, environment="production")
    nothing = await mona.open(f"{PRODUCTION}/rollback")
    assert (nothing.status, "No previous deployment to roll back from" in nothing.text) == (404, True)
    await world.github.commit("one more")
    await world.cut("1.0.0-rc2")
    promote = await mona.open(f"{SITE}/candidates/1.0.0-rc2/promote")
    assert promote.location == f"{SITE}/candidates/1.0.0-rc2/deploy?environment=staging"
    assert (await world.report("1.0.0-rc2", "success", "production")).status == 200
    assert "Roll production back to 1.0.0-rc1." in (await mona.open(f"{PRODUCTION}/rollback")).text
    await does(mona, f"{PRODUCTION}/rollback", "/deployments/3", reason="it loses orders")
    shown = await mona.open("/deployments/3")
    assert "Rollback of 1.0.0-rc1 to production" in shown.text
    assert "it loses orders" in shown.text
    await world.settle()
    await world.github.finish(run=2)
    await world.settle()


async def test_a_rollback_leads_only_to_what_its_form_has_shown(world: World) -> None:
    for version in ("1.0.0-rc1", "1.0.0-rc2", "1.0.0-rc3"):
        await world.github.commit(version)
        await world.cut(version)
        await world.report(version, "success", "production")
    operator = await sign_in_as_operator(world)
    shown = await operator.open(f"{PRODUCTION}/rollback")
    [version] = re.findall(r'name="version" value="(.*?)"', shown.html)
    assert version == "1.0.0-rc2"
    await does(operator, f"{PRODUCTION}/rollback", "/deployments/4", version=version, once="the first")
    await world.settle()
    await world.github.finish(run=1)
    await world.settle()
    refused = await operator.send(f"{PRODUCTION}/rollback", form="rollback", version=version, once="the second")
    assert refused.status == 409
    assert "A rollback would now lead to 1.0.0-rc1, no longer to 1.0.0-rc2." in refused.text
    assert 'name="version" value="1.0.0-rc1"' in refused.html
    assert await Deployment.all().count() == 4


async def test_freezes_locks_holds_and_bans_stop_deployments_and_an_override_says_why(world: World) -> None:
    await world.cut("1.0.0-rc1")
    world.github.person("ada", "admin")
    ada = await sign_in(world, "ada")
    empty = await ada.submit(f"{PRODUCTION}/freeze", {"form": "freeze", "reason": " ", "for": "2 hours"})
    assert empty.status == 400
    assert re.search(r'<details open><summary>Freeze production</summary>.*value="2 hours"', empty.html, re.DOTALL)
    again = await ada.submit(f"{PRODUCTION}/freeze", {"form": "freeze", "once": "one click"})
    assert again.html.count('name="once" value="one click"') == 1, "no other form is taken for the one that was sent"
    assert "A duration is a number and a unit" in empty.text
    await does(ada, f"{PRODUCTION}/freeze", PRODUCTION, reason="inventory", **{"for": "2h"})
    await does(ada, f"{PRODUCTION}/lock", PRODUCTION, reason="a test")
    await does(ada, f"{SITE}/freeze", SITE, reason="moving house")
    await does(ada, f"{SITE}/hold", SITE, release="1.0.0", reason="a bug")
    for path, texts in (
        (
            PRODUCTION,
            ("frozen by ada until", "locked by ada", "project frozen by ada, no end set: “moving house”", "Unlock"),
        ),
        (SITE, ("1.0.0 held by ada: “a bug”", "Unfreeze the project", "End the hold of 1.0.0")),
        (CANDIDATE, ("release 1.0.0 held by ada", "It would be refused.")),
    ):
        page = await ada.open(path)
        assert all(text in page.text for text in texts), page.text
    held = await ada.send(f"{CANDIDATE}/deploy", form="deploy", environment="production", reason="anyway")
    assert (held.status, gates_of(held)) == (403, {"hold"})
    await does(ada, f"{CANDIDATE}/unhold", CANDIDATE)
    await does(ada, f"{CANDIDATE}/hold", CANDIDATE, reason="once more")
    await does(ada, f"{SITE}/unhold", SITE, release="1.0.0")
    frozen = await ada.open(f"{CANDIDATE}/deploy?environment=production")
    assert "Override gates" in frozen.text
    assert "It cannot be deployed there now" in frozen.text
    forced = await ada.open(f"{CANDIDATE}/deploy?environment=production&reason=an+outage")
    assert "Override and deploy 1.0.0-rc1 to production" in forced.text
    await does(ada, f"{CANDIDATE}/deploy", "/deployments/1", environment="production", reason="an outage")
    assert "gates overridden" in (await ada.open("/deployments/1")).text
    await world.settle()
    await world.github.finish(run=1)
    await world.settle()
    for act in ("unfreeze", "unlock"):
        await does(ada, f"{PRODUCTION}/{act}", PRODUCTION)
    unlocked = await ada.send(f"{PRODUCTION}/unlock", form="unlock")
    assert (unlocked.status, "The environment is not locked." in unlocked.text) == (404, True)
    await does(ada, f"{SITE}/unfreeze", SITE)
    await does(ada, f"{CANDIDATE}/ban", CANDIDATE, reason="it loses data")
    banned = await ada.open(CANDIDATE)
    assert "banned by ada just now : it loses data" in banned.text
    await does(ada, f"{CANDIDATE}/unban", CANDIDATE)


async def test_freezes_and_locks_end_after_a_duration_or_at_a_time_as_commands_and_programs_say_it(
    world: World,
) -> None:
    ada = await sign_in_as_operator(world)
    for act, to in ((f"{PRODUCTION}/freeze", PRODUCTION), (f"{PRODUCTION}/lock", PRODUCTION), (f"{SITE}/freeze", SITE)):
        await does(ada, act, to, reason="holidays", until="2030-12-24 18:00+01:00")
        form = {"form": act.rpartition("/")[2], "reason": "x"}
        past = await ada.submit(act, {**form, "until": "2020-01-01"})
        assert (past.status, "The time is in the past" in past.text) == (400, True)
        assert 'value="2020-01-01"' in past.html
        wrong = await ada.submit(act, {**form, "until": "soon"})
        assert (wrong.status, "Invalid time Expected: a time in UTC or with an offset" in wrong.text) == (400, True)
        both = await ada.submit(act, {**form, "until": "2030-12-24", "for": "2h"})
        assert (both.status, "not both" in both.text) == (400, True)
    page = await ada.open(PRODUCTION)
    assert page.text.count("until 2030-12-24 17:00 UTC") == 3


async def test_only_the_freezes_and_the_lock_end_that_a_page_has_shown(world: World) -> None:
    world.github.person("ada", "admin")
    world.github.person("mona", "maintain")
    ada = await sign_in(world, "ada")
    fields = {"reason": "inventory"}
    for path in (f"{PRODUCTION}/freeze", f"{PRODUCTION}/lock", f"{SITE}/freeze"):
        await does(ada, path, path.rpartition("/")[0], **fields)
    old, of_project = await ada.open(PRODUCTION), await ada.open(SITE)
    freezes, lock = "/api/projects/site/environments/production/freezes", f"/api{PRODUCTION}/lock"
    assert (await world.ask("POST", freezes, {"reason": "an incident"})).status == 201
    assert (await world.ask("POST", "/api/projects/site/freezes", {"reason": "an incident"})).status == 201
    assert (await world.ask("DELETE", lock)).status < 300
    assert (await world.ask("POST", lock, {"reason": "an incident"})).status == 201
    for _ in range(2):  # the second request is the first one again
        await does(ada, f"{PRODUCTION}/unfreeze", PRODUCTION, shown=shown_of(old, "unfreeze"), once="one click")
        await does(ada, f"{SITE}/unfreeze", SITE, shown=shown_of(of_project, "unfreeze"), once="another click")
    refused = await ada.send(f"{PRODUCTION}/unlock", form="unlock", shown=shown_of(old, "unlock"))
    assert (refused.status, "That lock has ended. The environment is locked by root" in refused.text) == (409, True)
    again = await ada.send(f"{PRODUCTION}/unfreeze", form="unfreeze", shown=shown_of(old, "unfreeze"), once="again")
    assert (again.status, "has been frozen anew" in again.text) == (409, True)
    assert (await ada.send(f"{PRODUCTION}/unfreeze", form="unfreeze", shown="all", once="odd")).status == 400
    page = await ada.open(PRODUCTION)
    assert page.text.count("“an incident”") == 3
    assert "inventory" not in page.text


def shown_of(page: Page, act: str) -> str:
    """The freezes or the lock that the form of an act has shown."""
    [form] = [each for each in re.findall(r"<form.*?</form>", page.html, re.DOTALL) if f'/{act}"' in each]
    [shown] = re.findall(r'name="shown" value="(.*?)"', form)
    return str(shown)
