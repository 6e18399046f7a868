"""The part of the demo about gates: a file sets them, people approve, and refusals are explained."""

from bot.rules.candidate_views import MARKER
from cli.demo_session import DemoFailed, DemoSession, plain_text

FILE = ".github/longshore.yml"
CONFIGURATION = """\
version: 1
projects:
  site:
    build: {workflow: build.yml}
    environments:
      staging: {tier: staging, workflow: deploy.yml}
      production:
        tier: production
        workflow: deploy.yml
        approvals: {count: 1, from: [role:maintain]}
        downgrade: refuse
"""
DEPLOYMENTS = "/api/releases/site/environments/production/deployments"


async def run(session: DemoSession) -> str:
    """Go through the steps about gates; returns the commit that is live on production at the end."""
    for login in ("alice", "bob"):
        session.sandbox.github.person(login, "maintain")
    await _configure(session)
    pull, landed = await _cut_from_pull_request(session)
    await _deploy_with_approval(session, pull)
    await _refuse_downgrade(session, pull)
    await _show_status_comment(session, pull)
    return landed


async def _configure(session: DemoSession) -> None:
    session.start_step(f"Set gates by a file: {FILE} on the default branch")
    commit = await session.sandbox.github.commit("Releases need an approval", files={FILE: CONFIGURATION}, by="bob")
    session.quote(CONFIGURATION)

    async def is_in_force() -> bool | None:
        configuration = (await session.project())["configuration"]
        return True if configuration is not None and configuration["commit"] == commit else None

    await session.wait_for(is_in_force, f"{FILE} to take effect")
    session.log(f"the file of commit {commit[:12]} is in force: production needs one approval", done=True)


async def _cut_from_pull_request(session: DemoSession) -> tuple[int, str]:
    session.start_step("Cut a release candidate by a comment on a pull request that bob has written and merged")
    github = session.sandbox.github
    pull = await github.pull_request("Search faster", by="bob")
    landed = await github.merge(pull, by="bob")
    session.log(f"pull request {pull} is merged as {landed[:12]}", done=True)
    await session.comment(pull, "bob", "/release cut 1.1.0")
    await session.wait_for_status("/api/releases/site/releases/1.1.0-rc1", "ready", "1.1.0-rc1")
    return pull, landed


async def _deploy_with_approval(session: DemoSession, pull: int) -> None:
    session.start_step("Deploy it to production: it waits for somebody's approval")
    _expect(await session.comment(pull, "bob", "/release deploy 1.1.0-rc1 to production"), "waits")
    session.start_step("Approve it: bob may not, because it is his own; alice may")
    _expect(await session.comment(pull, "bob", "/release approve 1.1.0-rc1 for production"), "somebody else")
    _expect(await session.comment(pull, "alice", "/release approve 1.1.0-rc1 for production"), "Approved")
    newest = (await session.request("GET", f"{DEPLOYMENTS}?per_page=1"))[0]
    await session.wait_for_status(f"{DEPLOYMENTS}/{newest['id']}", "success", "1.1.0-rc1 on production")


async def _refuse_downgrade(session: DemoSession, pull: int) -> None:
    session.start_step("Try to deploy an older commit to production, and ask why that is refused")
    _expect(await session.comment(pull, "bob", "/release deploy 1.0.0-rc2 to production"), "downgrade")
    _expect(await session.comment(pull, "bob", "/release why 1.0.0-rc2 for production"), "cannot be deployed")


async def _show_status_comment(session: DemoSession, pull: int) -> None:
    session.start_step("Look at the status comment on the pull request, which Longshore has kept up to date")

    async def look() -> str | None:
        bodies = [each["body"] for each in session.sandbox.github.comments(pull)]
        return next((body for body in bodies if MARKER.partition("{")[0] in body and "live" in body), None)

    session.quote(plain_text(await session.wait_for(look, "the status comment")))


def _expect(reply: str, text: str) -> None:
    if text not in reply:
        raise DemoFailed(f"A reply should have said `{text}`.")
