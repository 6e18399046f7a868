"""Texts that come from outside do nothing on pages but to be read: no markup, no scripts, no deceptive characters."""

import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote

from bot.store.candidates import Candidate
from bot.store.deployments import Deployment
from bot.store.gates import Approval, Ban, EnvironmentLock, Freeze
from bot.store.projects import Environment, Project
from bot.store.releases import Release
from bot.store.runs import Run
from bot.store.users import User
from tests.web.browsers import Browser, sign_in_as_operator
from tests.web.test_project_pages import RULE
from tests.world import World

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{7*7}}`<b>`\u202e\u200b\u2066\x1b\nsecond line"
SCRIPT = "javascript:alert(1)//<script>\"'"
DECEPTIVE = "\u202e\u200b\u2066\x1b"
SITE, CANDIDATE = "/projects/site", "/projects/site/candidates/1.0.0-rc1"
HERE = f"{SITE}/environments/staging"
PATHS = (
    *(
        SITE,
        CANDIDATE,
        HERE,
        "/deployments/1",
        "/",
        "/waiting",
        f"/search?q={quote(HOSTILE)}",
        "/operations",
        f"{CANDIDATE}/deploy?environment=staging",
        f"{HERE}/rollback",
    ),
    *(f"{SITE}/cut?version={quote(HOSTILE)}&commit={quote(HOSTILE)}", f"{SITE}?before={quote(HOSTILE)}"),
    *(f"{CANDIDATE}/deploy?environment=staging&reason={quote(HOSTILE)}", f"{CANDIDATE}?since={quote(HOSTILE)}"),
    *(f"{HERE}/rollback?force=yes&reason={quote(HOSTILE)}", f"{SITE}/candidates/{quote(HOSTILE, safe='')}"),
    *("/audit", f"/audit?actor={quote(HOSTILE)}&since={quote(HOSTILE)}"),
    *(f"/projects/{quote(HOSTILE, safe='')}", f"{SITE}/environments/{quote(HOSTILE, safe='')}"),
)


class Markup(HTMLParser):
    """What could do something in a page that should only show texts."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in ("img", "iframe", "object", "b", "style") or (tag == "script" and "src" not in values):
            self.found.append(tag)
        self.found += [name for name in values if name.startswith("on") or name == "style"]
        for name in ("href", "action", "src", "data-source"):
            value = (values.get(name) or "").strip().lower()
            if value and not value.startswith(("/", "#", "http://", "https://")):
                self.found.append(f"{name}={value}")


def check(path: str, html: str) -> None:
    """Refuse a page in which a text became markup, or shows characters that deceive."""
    markup = Markup()
    markup.feed(html)
    assert not markup.found, (path, markup.found)
    assert "<script>alert" not in html, path
    assert not set(DECEPTIVE) & set(html), path


async def fill(world: World) -> None:
    """Write hostile texts wherever somebody else's text is stored and shown."""
    root, candidate = await User.get(name="root"), await Candidate.get(version="1.0.0-rc1")
    staging, now = await Environment.get(name="staging"), candidate.created_at
    await User.filter(id=root.id).update(name=re.sub("[/{}]", "", HOSTILE))
    await Project.all().update(oneliner=HOSTILE, allowed_branches=[HOSTILE], build_inputs={HOSTILE: HOSTILE})
    await Release.all().update(held={"by": HOSTILE, "reason": HOSTILE, "since": now.isoformat()}, notes=HOSTILE)
    await Candidate.all().update(branch=HOSTILE, reason=HOSTILE, status="banned")
    await Candidate.filter(id=candidate.id).update(tag=HOSTILE, tagged=True)
    await Run.all().update(url=SCRIPT, workflow=HOSTILE)
    gate = {"gate": "checks", "verdict": "wait", "sentence": HOSTILE, "who_can_help": [HOSTILE], "facts": {}}
    decision = {"candidate": HOSTILE, "environment": HOSTILE, "gates": [gate]}
    await Deployment.all().update(
        error_message=HOSTILE, force_reason=HOSTILE, rollback_reason=HOSTILE, decision=decision
    )
    window = {"deny": "FREQ=WEEKLY;BYDAY=FR;BYHOUR=14", "for": "1h", "reason": HOSTILE}
    settings = {**RULE, "checks": [HOSTILE[:255]], "windows": [window]}
    await Environment.filter(id=staging.id).update(url=SCRIPT, gate_settings=settings, closed=HOSTILE)
    await Ban.create(candidate=candidate, created_by=root, reason=HOSTILE, tag_moved=False, since=now)
    approval: dict[str, Any] = {"comment": HOSTILE, "channel": "page", "by_operator": True, "approved_at": now}
    await Approval.create(candidate=candidate, environment=staging, user=root, **approval)
    await EnvironmentLock.create(environment=staging, owner=root, reason=HOSTILE, since=now)
    await Freeze.create(
        scope="environment",
        environment=staging,
        project_id=staging.project_id,
        created_by=root,
        reason=HOSTILE,
        since=now,
    )


async def refused_forms(browser: Browser) -> list[tuple[str, str]]:
    """Forms with hostile fields that are refused, and shown again."""
    paths = (f"{SITE}/freeze", f"{SITE}/hold", f"{SITE}/cut", f"{CANDIDATE}/deploy", f"{HERE}/lock", f"{CANDIDATE}/ban")
    fields = dict.fromkeys(("for", "until", "reason", "version", "named", "commit", "environment", "release"), HOSTILE)
    fields["reason"] = HOSTILE
    pages = [(path, await browser.submit(path, {**fields, "form": path.rpartition("/")[2]})) for path in paths]
    assert all(page.status >= 400 for _, page in pages), [(path, page.status) for path, page in pages]
    return [(path, page.html) for path, page in pages]


async def test_no_text_from_outside_becomes_markup_or_deceives(world: World) -> None:
    await world.cut("1.0.0-rc1")
    await world.complete_deployment("1.0.0-rc1")
    await world.github.commit(f"{HOSTILE[:60]}\n\n{HOSTILE}")
    await world.cut("1.1.0-rc1")
    await world.complete_deployment("1.1.0-rc1", "production")
    operator = await sign_in_as_operator(world)
    check("changes", (await operator.open(f"{SITE}/candidates/1.1.0-rc1")).html)
    await fill(world)
    for path in PATHS:
        page = await operator.open(path)
        assert page.status < 500, (path, page.text)
        check(path, page.html)
        assert path not in (SITE, CANDIDATE, HERE, "/deployments/1") or "<script>alert(1)" in page.text, path
    for path, html in await refused_forms(operator):
        check(path, html)
    await Candidate.all().update(tag=None)
