"""A release that was cut in one dialect is visible in all of them."""

from tests.world import World


async def test_a_release_that_was_cut_is_visible_in_every_dialect(world: World) -> None:
    assert (await world.cut("1.4.0-rc1")).status == 201
    await world.settle()

    packages = await world.ask("GET", "/api/releases/?package=site")
    assert [(row["version"], row["status"]) for row in packages.json["results"]] == [("1.4.0", 1)]

    submitted = {"release": {"version": "1.4.0", "changelog": "Faster.", "tag_list": "stable"}}
    assert (await world.ask("POST", "/projects/site/releases.json", submitted)).status == 201
    approval = "/api/projects/site/releases/1.4.0/announcement/approve"
    assert (await world.ask("POST", approval, {})).status == 200
    (announced,) = (await world.ask("GET", "/projects/site/releases.json")).json
    assert (announced["release"]["version"], announced["release"]["tag_list"]) == ("1.4.0", ["stable"])

    base = "/rest_api/v1"
    assert (await world.ask("GET", f"{base}/releases/site-1.4.0/")).json["version"] == "1.4.0"
    assert (await world.ask("POST", f"{base}/component-sla-types/", {"name": "gold"})).status == 201
    schedule = {"release": "site-1.4.0", "sla": "gold", "date": "2099-01-01"}
    assert (await world.ask("POST", f"{base}/release-schedules/", schedule)).status == 201
    (scheduled,) = (await world.ask("GET", f"{base}/release-schedules/?release=site-1.4.0")).json["results"]
    assert (scheduled["sla"], scheduled["active"]) == ("gold", True)

    await ship(world, base, "site-1.4.0")
    (shipped,) = (await world.ask("GET", f"{base}/released-files/?release_id=site-1.4.0")).json["results"]
    assert shipped["file"] == "site-1.4.0-1.x86_64.rpm"

    query = '{ release(project: "site", version: "1.4.0") { version announcements { nodes { changelog } } } }'
    answer = await world.ask("POST", "/graphql", {"query": query})
    expected = {"version": "1.4.0", "announcements": {"nodes": [{"changelog": "Faster."}]}}
    assert answer.json == {"data": {"release": expected}}


async def ship(world: World, base: str, release: str) -> None:
    """Create a released file, with the rows that it refers to."""
    variant = {"release": release, "id": "Server", "uid": "Server", "name": "Server", "type": "variant"}
    repo = {"release_id": release, "variant_uid": "Server", "arch": "x86_64", "service": "pulp", "repo_family": "dist"}
    content = {"content_format": "rpm", "content_category": "binary"}
    rpm = {"name": "site", "epoch": 0, "version": "1.4.0", "release": "1", "arch": "x86_64", "srpm_name": "site"}
    bodies = (
        ("release-variants", {**variant, "arches": ["x86_64"]}),
        ("content-delivery-repos", {**repo, **content, "name": "site-rpms"}),
        ("rpms", {**rpm, "srpm_nevra": "site-0:1.4.0-1.src"}),
        ("released-files", {"file_primary_key": 1, "repo": {"id": 1}, "release_date": "2026-11-03"}),
    )
    for name, body in bodies:
        answer = await world.ask("POST", f"{base}/{name}/", body)
        assert answer.status == 201, answer.json
