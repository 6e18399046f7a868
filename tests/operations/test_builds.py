"""Builds of candidates, which run on the candidate's own tag."""

from tests.world import PROJECT, World


async def test_a_build_runs_on_the_candidates_tag_at_its_commit(world: World) -> None:
    commit = world.github.head()
    await world.github.commit()
    await world.cut("1.2-rc1", commit, build=True)
    await world.settle()
    (dispatch,) = world.github.dispatches
    assert (dispatch.ref, dispatch.workflow) == ("rc/1.2-rc1", ".github/workflows/build.yml")
    assert world.github.runs[0].head_sha == world.github.resolve("tags/rc/1.2-rc1") == commit
    build = (await world.candidate("1.2-rc1"))["build"]
    assert build["run_id"] == world.github.runs[0].id


async def test_a_build_with_warm_caches_takes_three_calls(world: World) -> None:
    for number in (1, 2):
        commit = await world.github.commit()
        world.github.forget_calls()
        await world.cut(f"1.2-rc{number}", commit, build=True)
        await world.settle()
    counted = [call for call in world.github.calls if call.status != 304 and not call.path.startswith("/app/")]
    routes = [call.route.partition("{repo}")[2] for call in counted]
    assert routes == ["/compare/{basehead:.+}", "/git/refs", "/actions/workflows/{workflow}/dispatches"]


async def test_a_candidate_cut_without_a_build_is_tagged_when_it_is_deployed(world: World) -> None:
    await world.cut("1.2-rc1")
    assert "refs/tags/rc/1.2-rc1" not in world.github.repository().history.refs
    await world.complete_deployment("1.2-rc1")
    assert world.github.resolve("tags/rc/1.2-rc1") == world.github.head()


async def test_builds_of_several_candidates_of_one_commit_keep_their_own_runs(world: World) -> None:
    world.github.faults.lose_answer(path="*/dispatches", times=2)
    for number in (1, 2, 3):
        await world.cut(f"1.2-rc{number}", build=True)
    await world.settle(skip_delays=True)
    assert len(world.github.dispatches) == 3
    for run in world.github.runs:
        failed = run.inputs["release_candidate_version"] == "1.2-rc2"
        await world.github.finish(run, conclusion="failure" if failed else "success")
    await world.settle()
    assert [await world.status(f"1.2-rc{number}") for number in (1, 2, 3)] == ["ready", "failed", "ready"]


async def test_builds_of_two_projects_in_one_repository_are_independent(world: World) -> None:
    project = {"name": "shop", "repo": "acme/site", "build_workflow": "build.yml"}
    assert (await world.ask("POST", "/api/projects", project)).status == 201
    body = {"repo": "acme/site", "commit": world.github.head(), "trigger_build_workflow": True}
    for name in (PROJECT, "shop"):
        assert (await world.ask("POST", f"/api/releases/{name}/releases/1.2-rc1", body)).status == 201
    await world.settle()
    assert sorted(dispatch.ref for dispatch in world.github.dispatches) == ["rc/1.2-rc1", "shop/rc/1.2-rc1"]
    ours = next(run for run in world.github.runs if run.head_branch == "rc/1.2-rc1")
    await world.github.finish(ours)
    await world.settle()
    assert await world.status("1.2-rc1") == "ready"
    other = await world.ask("GET", "/api/releases/shop/releases/1.2-rc1")
    assert other.json["status"] == "building"
