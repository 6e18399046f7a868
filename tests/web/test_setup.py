"""Set-up in the browser: from an empty service to one that takes webhooks, without a restart, and what it refuses."""

import asyncio
import html
import json
import re
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from structlog.testing import capture_logs

from bot.errors import WrongSettings
from bot.github.app import GitHub as GitHubClient
from bot.operations import users
from bot.operations.app_credentials import GRACE
from bot.settings import NO_PROXY, Settings, read_settings
from bot.store.app_credentials import AppCredentials, AppRegistration
from bot.store.audit import AuditEntry
from bot.store.database import execute
from bot.store.projects import Environment, Project
from sandbox import GitHub
from sandbox.credentials import key_pair
from server.app import SERVICE, create_app
from server.service import Service
from tests.conftest import postgres
from tests.web.browsers import Browser, Page, sign_in, sign_in_as_operator
from tests.world import Serve, World

BASE = "http://longshore.test"
KEY = "a key of at least thirty-two characters"


def settings_of(github: GitHub, database_url: str, **settings: Any) -> Settings:
    """Settings that name no App."""
    names = {"database_url": database_url, "github_api_url": github.api_url, "github_proxy": NO_PROXY}
    return read_settings(**{**names, "secret_key": KEY, "base_url": BASE, **settings})


@asynccontextmanager
async def empty(github: GitHub, database_url: str, serve: Serve, secret_key: str = KEY) -> AsyncIterator[World]:
    """A service without an App."""
    app = create_app(settings_of(github, database_url, secret_key=secret_key), schedule=False)
    server = await serve(app)
    url = str(server.make_url("/")).rstrip("/")
    async with aiohttp.ClientSession() as session:
        world = World(github, app[SERVICE], url, session)
        yield world


@pytest.fixture
async def github(source: Path, aiohttp_server: Serve) -> AsyncIterator[GitHub]:
    """A GitHub on which no App of ours is registered."""
    github = await GitHub.create(source)
    github.api_url = str((await aiohttp_server(github.app)).make_url("/"))
    yield github
    await github.close()


@pytest.fixture
async def new(github: GitHub, database_url: str, aiohttp_server: Serve) -> AsyncIterator[World]:
    """A new service."""
    async with empty(github, database_url, aiohttp_server) as world:
        yield world


async def begin(operator: Browser, **fields: Any) -> tuple[Page, str, dict[str, Any]]:
    """Ask for a registration: the page with the form that goes to GitHub, its address, and the manifest in it."""
    page = await operator.send(
        "/setup/app", form="app", **{"name": "Longshore of ACME", "organization": "acme", **fields}
    )
    action = re.search(r'action="([^"]+settings/apps/new[^"]*)"', page.html)
    text = re.search(r'name="manifest" value="([^"]*)"', page.html)
    if action is None or text is None:
        return page, "", {}
    return page, html.unescape(action[1]), json.loads(html.unescape(text[1]))


async def at_github(world: World, address: str, manifest: dict[str, Any]) -> tuple[int, str, str]:
    """Send the form to GitHub: status, text, and where it leads back to, as a path of ours."""
    form = {"manifest": json.dumps(manifest)}
    async with world.session.post(address, data=form, allow_redirects=False) as response:
        parts = urlsplit(response.headers.get("Location", ""))
        return response.status, await response.text(), f"{parts.path}?{parts.query}"


async def register(world: World, operator: Browser, **fields: str) -> str:
    """Register the App; returns the path that GitHub led back to."""
    _, address, manifest = await begin(operator, **fields)
    _, _, path = await at_github(world, address, manifest)
    done = await operator.open(path)
    assert (done.status, done.location) == (303, "/setup"), done.text
    world.github.webhook_url = f"{world.url}/webhooks/github"  # nothing answers at the public address
    return path


async def install(world: World, operator: Browser) -> None:
    """Install the App by the link on the page."""
    link = re.search(r'href="([^"]+/installations/new)"', (await operator.open("/setup")).html)
    assert link is not None
    async with world.session.get(link[1]) as response:
        assert response.status == 200
    async with world.session.post(link[1], data={}, allow_redirects=False) as response:
        assert urlsplit(response.headers["Location"]).path == "/setup"


async def test_an_empty_service_waits_for_its_app_and_takes_webhooks_once_it_is_set_up(new: World) -> None:
    world, operator = new, await sign_in_as_operator(new)
    _, world.token = await users.create_token(await world.context(), "root", grants=["admin"])
    world.github.webhook_url = f"{world.url}/webhooks/github"
    await world.github.ping()
    await world.github.settle()
    assert world.github.deliveries[-1].status_code == 503
    assert (await world.ask("GET", "/api/projects")).status == 200
    refused = await world.ask("POST", "/api/projects", {"name": "site", "repo": "acme/site"})
    assert (refused.status, refused.json["detail"]) == (503, "The GitHub App is not set up yet")
    ready = await world.ask("GET", "/readyz")
    assert ready.status == 200 and "not set up yet" in ready.json["warnings"]["github"]
    assert (await operator.open("/")).location == "/setup"
    assert "1. Register the GitHub App done" not in (await operator.open("/setup")).text

    page, address, manifest = await begin(operator)
    origin = f"{urlsplit(address).scheme}://{urlsplit(address).netloc}"
    assert f"form-action 'self' {origin};" in page.headers["Content-Security-Policy"]
    assert manifest["hook_attributes"]["url"] == f"{BASE}/webhooks/github"
    status, _, path = await at_github(world, address, manifest)
    assert status == 302
    assert (await operator.open(path)).location == "/setup"
    world.github.webhook_url = f"{world.url}/webhooks/github"
    page = await operator.open("/setup")
    assert "1. Register the GitHub App done" in page.text and "2. Install it done" not in page.text
    assert origin not in page.headers["Content-Security-Policy"]
    await install(world, operator)
    await world.github.settle()
    assert world.github.deliveries[-1].status_code == 202, "the same process takes webhooks now"
    assert "2. Install it done acme : 1 repository (acme/site)" in (await operator.open("/setup")).text
    assert world.service.identity.sign_in.is_configured
    assert "warnings" not in (await world.ask("GET", "/readyz")).json

    page = await operator.open("/setup?repo=acme/site")
    assert "build.yml" in page.text and "deploy.yml" in page.text
    fields: dict[str, Any] = {"repo": "acme/site", "project": "site", "build_workflow": "build.yml"}
    first: dict[str, Any] = {"environment0": "staging", "tier0": "staging", "workflow0": "deploy.yml"}
    wrong = await operator.send(
        "/setup/project", form="project", **fields, **first, environment1="all", tier1="staging"
    )
    assert wrong.status == 400 and "name must be" in wrong.text and 'value="all"' in wrong.html
    assert (await world.ask("GET", "/api/projects")).json == []
    done = await operator.send("/setup/project", form="project", **fields, **first)
    assert (done.status, done.location) == (303, "/setup")
    assert "3. Make the first project done" in (await operator.open("/setup")).text
    assert (await world.cut("0.1.0-rc1")).status == 201
    assert "4. Cut the first candidate done" in (await operator.open("/setup")).text
    await world.settle()
    assert not world.github.unknown_routes


async def test_the_first_project_is_made_with_all_its_environments_or_not_at_all(new: World) -> None:
    operator = await sign_in_as_operator(new)
    await register(new, operator)
    await install(new, operator)
    await new.github.settle()
    fields: dict[str, Any] = {"repo": "acme/site", "project": "site", "environment0": "staging", "tier0": "staging"}
    await execute("ALTER TABLE environments RENAME TO mislaid")
    broken = await operator.send("/setup/project", form="project", **fields)
    await execute("ALTER TABLE mislaid RENAME TO environments")
    assert broken.status >= 500
    assert not await Project.exists() and not await AuditEntry.exists(act="project.create")
    done = await operator.send("/setup/project", form="project", **fields)
    assert (done.status, done.location) == (303, "/setup"), done.text
    assert await Project.all().count() == await Environment.all().count() == 1
    await new.settle()


async def test_a_registration_is_good_once_and_in_the_session_that_began_it(new: World) -> None:
    operator, other = await sign_in_as_operator(new), await sign_in_as_operator(new)
    _, address, manifest = await begin(operator)
    _, _, path = await at_github(new, address, manifest)
    code = re.search("code=([^&]+)", path)
    assert code is not None
    for wrong in (path.replace("state=", "state=x"), f"/setup/callback?code={code[1]}", "/setup/callback", f"{path}é"):
        assert (await operator.open(wrong)).status == 403, wrong
    assert (await other.open(path)).status == 403
    assert (await Browser(new).open(path)).status == 303
    await AppRegistration.all().update(expires_at=(await new.context()).now())
    assert (await operator.open(path)).status == 403, "it is too old"
    assert not new.service.github.is_configured
    path = await register(new, operator)
    again = await operator.open(path)
    assert again.status == 403 and "was completed before" in again.text
    _, address, manifest = await begin(operator, name="Another")
    _, _, other_path = await at_github(new, address, manifest)
    used = re.sub("code=[^&]+", re.search("code=[^&]+", path)[0], other_path)  # type: ignore[index]
    refused = await operator.open(used)
    assert refused.status == 400 and "it was used before, or is older than an hour" in refused.text


async def test_what_github_cannot_register_is_refused_before_it_is_asked(new: World) -> None:
    operator = await sign_in_as_operator(new)
    for fields, sentence in (
        ({"name": "x" * 35}, "1 to 34 characters"),
        ({"name": "…"}, "a letter or a digit"),
        ({"organization": "ac/me"}, "its name in addresses on GitHub"),
    ):
        page, address, _ = await begin(operator, **fields)
        assert (page.status, address) == (400, "") and sentence in page.text
        assert html.escape(next(iter(fields.values()))) in page.html, "what was typed is still there"
    _, address, manifest = await begin(operator)
    changes: list[dict[str, Any]] = [{"default_permissions": {"magic": "write"}}, {"hook_attributes": {}}]
    for change in (*changes, {"default_events": ["moon"]}, {"url": ""}, {"magic": True}):
        status, text, _ = await at_github(new, address, manifest | change)
        assert status == 422 and "Invalid GitHub App configuration" in text
    status, _, _ = await at_github(new, address.replace("/acme/", "/nobody/"), manifest)
    assert status == 404


async def test_only_operators_see_the_page(new: World) -> None:
    person, stranger = await sign_in(new, "alice"), Browser(new)
    for path in ("/setup", "/setup/callback?code=x&state=y"):
        assert (await stranger.open(path)).status == 303
        assert (await person.open(path)).status == 403
    for path in ("/setup/app", "/setup/credentials", "/setup/project"):
        assert (await stranger.send(path)).status == 401
        assert (await person.send(path)).status == 403
    assert not await AppRegistration.exists()


async def test_every_process_uses_new_credentials_without_a_restart(new: World) -> None:
    """What one process is given, another one on the same database uses too, and both know the secret before."""
    operator, github, other = await sign_in_as_operator(new), new.github, another_process(new)
    await register(new, operator)
    await install(new, operator)
    await other.identity.refresh()
    assert other.github.app_id == new.service.github.app_id == str(github.app_id)
    old, replaced = github.webhook_secret, "a new secret of the webhooks"
    await operator.send("/setup/credentials", form="credentials", webhook_secret=replaced)
    await other.identity.refresh()
    for service in (new.service, other):
        assert service.identity.webhook_secrets() == [replaced.encode(), old.encode()]
        assert (await service.github.identify()).slug == github.app_slug
    github.webhook_url = f"{new.url}/webhooks/github"
    for secret, status in ((old, 202), (replaced, 202), ("something else entirely", 401)):
        github.state.deliverer.secret = secret
        assert await github.send("ping", {"zen": "…"}) == status
        assert await github.send("ping", {"zen": "x" * 200_000}) == status, "it does not come with its head"
    newest = (await AppCredentials.all().order_by("-id"))[0]
    await AppCredentials.filter(id=newest.id).update(created_at=newest.created_at - GRACE)
    late = another_process(new)
    await late.identity.refresh()
    assert late.identity.webhook_secrets() == [replaced.encode()], "the grace time is over"
    await new.settle()


async def test_a_mistyped_new_secret_is_doubted_although_the_one_before_was_right(new: World) -> None:
    operator, github = await sign_in_as_operator(new), new.github
    await register(new, operator)
    assert await github.send("ping", {"zen": "…"}) == 202
    old = github.webhook_secret
    await operator.send("/setup/credentials", form="credentials", webhook_secret="a new secret of the webhoks")
    github.state.deliverer.secret = old  # until it is replaced at GitHub too
    assert await github.send("ping", {"zen": "…"}) == 202
    github.state.deliverer.secret = "a new secret of the webhooks"
    for _ in range(3):
        assert "webhooks" not in (await new.ask("GET", "/readyz")).json.get("warnings", {})
        assert await github.send("ping", {"zen": "…"}) == 401
    assert "since the secret was replaced" in (await new.ask("GET", "/readyz")).json["warnings"]["webhooks"]
    await operator.send("/setup/credentials", form="credentials", webhook_secret="a new secret of the webhooks")
    assert "webhooks" not in (await new.ask("GET", "/readyz")).json.get("warnings", {})
    await new.settle()
    assert await new.alarms() == ["webhook.unsigned"]


async def test_an_answer_to_the_app_before_says_nothing_about_the_one_in_its_place(new: World) -> None:
    operator, github = await sign_in_as_operator(new), new.github
    await register(new, operator)
    client, right = new.service.github, new.service.identity.keys
    wrong = replace(right, private_key=key_pair(7)[0])
    another = replace(right, app_id="999999")
    for before in (wrong, another):
        client.use(before)
        github.faults.slow(0.3, path="/app", times=1)
        asking = asyncio.create_task(client.identify())
        await asyncio.sleep(0.1)
        client.use(right)
        assert (await client.identify()).slug == github.app_slug
        with pytest.raises(WrongSettings):
            await asking
        assert client.mistake is None
    github.faults.slow(0.3, path="/app", times=1)
    asking, login = asyncio.create_task(client.identify()), asyncio.create_task(client.bot_login())
    await asyncio.sleep(0.1)
    client.use(wrong)
    with pytest.raises(WrongSettings):
        await client.identify()
    assert (await asking).slug == github.app_slug and await login == f"{github.app_slug}[bot]"
    assert "refuses our App id or key" in str(client.mistake)
    with pytest.raises(WrongSettings):
        await client.bot_login()


def another_process(world: World, **settings: Any) -> Service:
    """Another process on the database of a world, as far as it has to do with the App."""
    service = Service(settings_of(world.github, world.service.settings.database_url, **settings))
    service.github = GitHubClient(service.identity.keys, world.session, lambda *_: None, lambda _: None)
    return service


async def test_an_app_that_was_registered_by_hand_is_entered(new: World) -> None:
    operator, github = await sign_in_as_operator(new), new.github
    given: dict[str, Any] = {
        "app_id": str(github.app_id),
        "private_key": github.private_key,
        "webhook_secret": github.webhook_secret,
    }
    for fields, sentence in (
        ({}, "Enter at least one of the credentials."),
        ({"app_id": "1"}, "An App needs its id, a private key"),
        (given | {"webhook_secret": "short"}, "at least 16 characters"),
        (given | {"private_key": "-----BEGIN PUBLIC KEY-----"}, "The private key"),
        (given | {"app_id": "<b>"}, "app_id must be an id"),
    ):
        page = await operator.send("/setup/credentials", form="credentials", **fields)
        assert page.status == 400 and sentence in page.text
        assert github.webhook_secret not in page.html and "BEGIN" not in page.html
    done = await operator.send("/setup/credentials", form="credentials", **given)
    assert done.location == "/setup"
    assert (await new.service.github.identify()).slug == github.app_slug
    entry = (await AuditEntry.filter(act="app.replace_credentials").order_by("-id"))[0]
    assert entry.after == {"replaced": ["app_id", "private_key", "webhook_secret"]}
    wrong = await operator.send("/setup/credentials", form="credentials", private_key=key_pair(7)[0])
    assert wrong.location == "/setup", "only GitHub knows which key is right"
    assert "GitHub refuses our App id or key" in (await operator.open("/setup")).text


async def test_credentials_are_nowhere_to_be_read(new: World, database_url: str) -> None:
    operator = await sign_in_as_operator(new)
    with capture_logs() as lines:
        path = await register(new, operator)
        pages = [await operator.open(each) for each in ("/setup", path, "/")]
    identity = new.service.identity
    secrets = [
        *(identity.sign_in.client_secret, identity.keys.private_key.split("\n")[5]),
        *(each.decode() for each in identity.webhook_secrets()),
    ]
    said = [repr(lines), repr(identity.keys), repr(identity.sign_in), *(page.html for page in pages)]
    said += [str(entry.after) for entry in await AuditEntry.all()]
    said += [str(row) for row in await AppCredentials.all().values()]
    for secret in secrets:
        assert len(secret) > 15
        assert not [text for text in said if secret in text]
    if not postgres():
        file = Path(database_url.removeprefix("sqlite://"))
        stored = b"".join(each.read_bytes() for each in file.parent.glob(f"{file.name}*"))
        assert identity.keys.app_id.encode() in stored
        assert not [secret for secret in secrets if secret.encode() in stored]


async def test_credentials_of_another_key_are_reported_and_older_keys_are_read(new: World) -> None:
    await register(new, await sign_in_as_operator(new))
    lost, rotated = another_process(new, secret_key="o" * 40), another_process(new, secret_key=f"{'n' * 40},{KEY}")
    for service in (lost, rotated):
        await service.identity.refresh()
    assert "encrypted with another key" in str(lost.github.mistake)
    assert (lost.github.is_configured, lost.identity.webhook_secrets()) == (False, [])
    assert rotated.github.is_configured and rotated.identity.webhook_secrets()


async def test_a_changed_row_is_not_used(new: World) -> None:
    operator = await sign_in_as_operator(new)
    await register(new, operator)
    await AppCredentials.all().update(api_url="https://evil.example")
    new.service.identity._row = 0
    await new.service.identity.refresh()
    assert "changed by something other than Longshore" in str(new.service.github.mistake)
    page = await operator.open("/setup")
    assert "changed by something other than Longshore" in page.text


async def test_the_settings_win(world: World) -> None:
    operator = await sign_in_as_operator(world)
    page = await operator.open("/setup")
    assert "1. Register the GitHub App done" in page.text and "which the settings of the service name" in page.text
    for path in ("/setup/app", "/setup/credentials"):
        refused = await operator.send(path, form=path.rpartition("/")[2], name="Another", webhook_secret="x" * 20)
        assert refused.status == 409 and "win over what is stored" in refused.text
    assert not await AppCredentials.exists()


async def test_without_a_key_nothing_can_be_stored_on_postgres_and_sqlite_makes_one(
    github: GitHub, database_url: str, aiohttp_server: Serve
) -> None:
    async with empty(github, database_url, aiohttp_server, secret_key="") as world:
        operator = await sign_in_as_operator(world)
        if postgres():
            page, address, _ = await begin(operator)
            assert (page.status, address) == (503, "")
            assert "openssl rand -base64 32" in page.text
            return
        await register(world, operator)
        file = Path(f"{database_url.removeprefix('sqlite://')}.key")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600 and len(file.read_text().strip()) >= 32
        again = another_process(world, secret_key="")
        await again.identity.refresh()
        assert again.github.is_configured
        file.write_text("damaged")
        broken = another_process(world, secret_key="")
        await broken.identity.refresh()
        assert "is damaged" in str(broken.github.mistake)
