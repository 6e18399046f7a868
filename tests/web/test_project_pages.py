"""Pages about a project: the project, its candidates, environments and deployments, and the acts on them."""

from tests.web.browsers import sign_in, sign_in_as_operator
from tests.world import World


async def test_a_project_says_what_is_where_and_what_differs(world: World) -> None:
    operator = await sign_in_as_operator(world)
    empty = await operator.open("/projects/site")
    assert empty.status == 200
    assert "No candidate has been cut yet" in empty.text
    await world.cut("1.0.0-rc1")
    await world.complete_deployment("1.0.0-rc1")
    await world.complete_deployment("1.0.0-rc1", "production")
    await world.github.commit("one more")
    await world.cut("1.1.0-rc1")
    await world.complete_deployment("1.1.0-rc1")
    page = await operator.open("/projects/site")
    assert "1.1.0-rc1 ready" in page.text
    assert "Compare with production on GitHub" in page.text
    assert "Promote 1.1.0-rc1 to production" in page.text
    for path in (
        "/projects/site/cut",
        "/projects/site/candidates/1.0.0-rc1",
        "/projects/site/candidates/1.1.0-rc1",
        "/projects/site/candidates/1.1.0-rc1/deploy",
        "/projects/site/candidates/1.1.0-rc1/deploy?environment=production",
        "/projects/site/environments/production",
        "/projects/site/environments/staging",
        "/projects/site/environments/staging/rollback",
        "/deployments/1",
    ):
        shown = await operator.open(path)
        assert shown.status == 200, (path, shown.text)
        print(path, shown.text[200:], "\n")
