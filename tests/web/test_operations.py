"""The operators' page: what waits, what was given up, and what to do about it."""

from bot.store.database import execute, fetch
from tests.web.browsers import sign_in, sign_in_as_operator
from tests.world import World

DEAD = """
INSERT INTO jobs (kind, keep, priority, payload, headers, state, attempts, run_at, created_at, finished_at, error)
VALUES ('webhook', $1, 0, $2, '{"event": "push"}', 'dead', 9, 0, 1, 1, 'ValueError: with ghs_0123456789abcdef01234567')
RETURNING id
"""
PAYLOAD = b'{"ref": "refs/heads/main", "token": "geheim", "text": "<script>alert(1)</script> ghp_0123456789abcdefghij"}'


async def dead_letter(payload: bytes = PAYLOAD) -> int:
    [row] = await fetch(DEAD, False, payload)
    return int(row["id"])


async def test_operators_see_jobs_limits_and_installations_and_nobody_else_does(world: World) -> None:
    world.github.person("rita", "admin")
    await world.github.ping()
    await world.cut("1.0-rc1")
    await world.settle()
    rita, operator = await sign_in(world, "rita"), await sign_in_as_operator(world)
    for path in ("/operations", "/operations/check", "/operations/jobs/1"):
        assert (await rita.open(path)).status == 403
    page = await operator.open("/operations")
    assert page.status == 200
    for text in ("No job was given up", "webhook ping", "of 5,000", f"Installation {world.github.installation_id}"):
        assert text in page.text
    assert "There was no alarm" in page.text
    assert (await operator.open("/operations/jobs/999999")).status == 404


async def test_a_dead_letter_is_shown_without_secrets_and_retried_or_discarded(world: World) -> None:
    operator = await sign_in_as_operator(world)
    first, second = await dead_letter(), await dead_letter(b'"' + b"x" * 300_000 + b'"')
    page = await operator.open("/operations")
    assert f">{first}</a>" in page.html and "given up" in page.text
    shown = await operator.open(f"/operations/jobs/{first}")
    assert "refs/heads/main" in shown.text and "[redacted]" in shown.text
    assert "<script>alert(1)" not in shown.html
    for secret in ("geheim", "ghp_0123456789abcdefghij", "ghs_0123456789abcdef01234567"):
        assert secret not in shown.html + page.html
    assert f"longshore deliveries show {second}" in (await operator.open(f"/operations/jobs/{second}")).text
    await execute("UPDATE jobs SET kind = 'nothing' WHERE id = $1", first)
    world.expect_unfinished("nothing")
    assert (await operator.send(f"/operations/jobs/{second}/discard", form="discard")).location == "/operations"
    assert (await operator.send(f"/operations/jobs/{first}/retry", form="retry")).status == 303
    again = await operator.send(f"/operations/jobs/{second}/discard", form="discard")
    assert (again.status, "There is no dead letter" in again.text) == (404, True)
    assert [entry.channel for entry in await world.audit("delivery.discard")] == ["page"]
    assert await world.audit("delivery.retry")


async def test_the_check_is_a_page_with_what_fails_first(world: World) -> None:
    operator = await sign_in_as_operator(world)
    await world.github.commit("Remove it", files={".github/workflows/build.yml": None})
    await world.settle()
    page = await operator.open("/operations/check")
    assert page.status == 200
    assert page.text.index("There is no workflow file .github/workflows/build.yml") < page.text.index(
        "GitHub knows the App"
    )
    assert "People can sign in with GitHub" in page.text
