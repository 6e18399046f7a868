"""Status comments: one for each candidate where it was asked for, edited in place, and never a second one."""

from tests.world import World

STATUS = "<!-- longshore:status:"


async def cut_by_comment(world: World, version: str = "1.0") -> int:
    """Cut a candidate by a comment on a pull request, whose number is returned."""
    number = await world.github.pull_request()
    await world.github.merge(number)
    await world.github.comment(number, f"/release cut {version}", by="alice")
    await world.show_all()
    return number


def statuses(world: World, number: int) -> list[str]:
    return [body for body in world.replies(number) if STATUS in body]


async def test_debug(shown: World) -> None:
    world = shown
    number = await cut_by_comment(world)
    print(world.replies(number))
    await world.github.finish()
    await world.show_all()
    print(world.replies(number))
    print([(c.name, c.status, c.conclusion, c.output, c.actions) for c in world.github.check_runs()])
    await world.complete_deployment("1.0-rc1")
    await world.show_all()
    print(world.replies(number))
    print([(c.name, c.status, c.conclusion, c.output, c.actions) for c in world.github.check_runs()])
    print([(c.method, c.route, c.status) for c in world.github.calls])
    for d in world.github.repository().deployments.values():
        print(d, d.statuses)
