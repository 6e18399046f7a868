"""The metrics of requests, queue, alarms and process, as Prometheus scrapes them."""

import asyncio
import re
from dataclasses import replace
from importlib.metadata import version

import pytest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from bot.events.alarms import alarm_names
from bot.metrics import REQUEST_BUCKETS
from bot.rules.deployments import FINAL
from server.jobs import build_registry
from tests.conftest import postgres
from tests.handlers.conftest import PING
from tests.operations.test_events import DEPLOYED
from tests.stalls import LIMIT, longest_stall
from tests.test_shape import ROOT
from tests.world import PROJECT, World

LISTS = f"/api/projects/{PROJECT}/releases"


async def scrape(world: World, token: str = "") -> str:
    """The text of /metrics."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with world.session.get(f"{world.url}/metrics", headers=headers) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        return await response.text()


def samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample, by name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def labeled(text: str, name: str) -> dict[str, float]:
    """The samples of a name with one label, by its value."""
    return {dict(labels).popitem()[1]: value for (found, labels), value in samples(text).items() if found == name}


async def requests(world: World) -> dict[tuple[str, str, str], float]:
    """The counted requests by route, method and status."""
    counted = {}
    for (name, found), value in samples(await scrape(world)).items():
        if name == "longshore_http_requests_total":
            labels = dict(found)
            counted[labels["route"], labels["method"], labels["status"]] = value
    return counted


# --- HTTP requests


async def test_requests_are_counted_by_the_pattern_of_their_route_method_and_status(world: World) -> None:
    before = await requests(world)
    for number in range(3):
        await world.ask("GET", f"/api/projects/{number or PROJECT}")
    await world.ask("GET", "/api/projects", token="wrong")
    await world.ask("POST", "/rest_api/v1/products/", {"name": "a", "short": "a"})
    found = {key: value - before.get(key, 0) for key, value in (await requests(world)).items()}
    assert found[("/api/projects/{project}", "GET", "200")] == 1
    assert found[("/api/projects/{project}", "GET", "404")] == 2
    assert found[("/api/projects", "GET", "401")] == 1
    assert found[("/rest_api/v1/{tail}", "POST", "201")] == 1
    assert found[("/metrics", "GET", "200")] == 1


async def test_what_strangers_send_makes_no_series_of_its_own(world: World) -> None:
    before = await requests(world)
    for number in range(20):
        await world.ask("GET", f"/nowhere/{number}", token="")
        await world.ask(("PROPFIND", "MKCOL", "PURGE", "SEARCH")[number % 4], f"/nowhere/{number}", token="")
        await world.ask("DELETE", "/webhooks/github", token="")
    found = {key: value - before.get(key, 0) for key, value in (await requests(world)).items()}
    assert found[("unmatched", "GET", "404")] == found[("unmatched", "other", "404")] == 20
    assert found[("unmatched", "DELETE", "405")] == 20
    assert len(found) <= len(before) + 4


async def test_webhooks_are_counted_among_the_requests_once(world: World) -> None:
    before = await requests(world)
    await world.github.ping()
    async with world.session.post(f"{world.url}/webhooks/github", data=PING) as response:
        refused = response.status
    await world.settle()
    found = {key: value - before.get(key, 0) for key, value in (await requests(world)).items()}
    assert found[("/webhooks/github", "POST", "202")] == 1
    assert found[("/webhooks/github", "POST", str(refused))] == 1


async def test_the_durations_of_requests_are_a_histogram_by_route_and_method(world: World) -> None:
    await world.ask("GET", LISTS)
    await world.ask("GET", LISTS)
    found = samples(await scrape(world))
    labels = {("route", "/api/projects/{project}/releases"), ("method", "GET")}
    assert found[("longshore_http_request_duration_seconds_count", frozenset(labels))] == 2
    assert 0 < found[("longshore_http_request_duration_seconds_sum", frozenset(labels))] < 20
    bounds = [str(bound) for bound in REQUEST_BUCKETS] + ["+Inf"]
    counts = [
        found[("longshore_http_request_duration_seconds_bucket", frozenset({*labels, ("le", le)}))] for le in bounds
    ]
    assert counts == sorted(counts) and counts[-1] == 2


# --- series that are there from the beginning


async def test_every_alarm_begins_with_0(world: World) -> None:
    found = labeled(await scrape(world), "longshore_alarms_total")
    assert found == dict.fromkeys(alarm_names(), 0)
    assert {"tag.moved", "run.ambiguous", "webhook.unsigned", "repository.unreachable"} <= set(found)


async def test_the_documentation_explains_every_alarm() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    table = page.partition("### Alarms")[2].partition("\n## ")[0]
    firsts = [line.split(" | ")[0] for line in table.splitlines() if line.startswith("| `")]
    assert sorted(re.findall(r"`([\w.]+)`", " ".join(firsts))) == sorted(alarm_names())


async def test_the_queue_of_every_kind_of_job_is_0_while_it_is_empty(world: World) -> None:
    text = await scrape(world)
    kinds = build_registry(world.service.settings).kinds
    for name in ("longshore_queue_depth", "longshore_queue_oldest_seconds"):
        assert labeled(text, name) == dict.fromkeys(kinds, 0)


async def test_the_process_and_its_build_are_described(world: World) -> None:
    found = samples(await scrape(world))
    (build,) = [dict(labels) for name, labels in found if name == "longshore_build_info"]
    assert build["version"] == version("longshore")
    assert build["database"] == ("postgres" if postgres() else "sqlite")
    names = {name for name, _ in found}
    assert {"process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds", "python_info"} <= names


async def test_there_are_no_series_about_when_others_were_created(world: World) -> None:
    assert "_created" not in await scrape(world)


async def test_the_worker_shows_its_slots_running_jobs_and_progress(world: World) -> None:
    found = {name: value for (name, labels), value in samples(await scrape(world)).items() if not labels}
    assert found["longshore_worker_slots"] == world.service.settings.worker_concurrency
    assert found["longshore_worker_running_jobs"] == 0
    assert 0 <= found["longshore_worker_last_progress_seconds"] < 5


# --- builds and deployments


async def build_and_deploy(world: World) -> None:
    await world.cut("1.0-rc1", build=True)
    await world.settle()
    await world.github.finish()
    await world.settle()
    await world.complete_deployment("1.0-rc1", conclusion="failure")


async def test_builds_and_deployments_are_counted_and_timed_by_project_and_environment(world: World) -> None:
    await build_and_deploy(world)
    found = samples(await scrape(world, world.token))
    build = frozenset({("project", "site"), ("outcome", "ready")})
    deployment = frozenset({("project", "site"), ("environment", "staging"), ("outcome", "failure")})
    assert found[("longshore_builds_total", build)] == found[("longshore_deployments_total", deployment)] == 1
    for name, labels in (("build", build), ("deployment", deployment)):
        assert found[(f"longshore_{name}_duration_seconds_count", labels)] == 1
        assert 0 < found[(f"longshore_{name}_duration_seconds_sum", labels)] < 60


async def test_strangers_learn_of_builds_and_deployments_but_not_of_which_projects(world: World) -> None:
    await build_and_deploy(world)
    text = await scrape(world)
    assert "site" not in text and "staging" not in text
    assert labeled(text, "longshore_builds_total") == {"ready": 1}
    assert labeled(text, "longshore_deployments_total") == {"failure": 1}


@pytest.mark.parametrize(("grant", "status"), [("project:read", 200), ("release:cut", 403)])
async def test_a_token_has_to_be_one_that_may_read_every_project(world: World, grant: str, status: int) -> None:
    secret = await world.create_token(grant)
    limited = await world.create_token("project:read", project=PROJECT)
    assert (await world.ask("GET", "/metrics", token=secret)).status == status
    assert (await world.ask("GET", "/metrics", token=limited)).status == 403
    assert (await world.ask("GET", "/metrics", token="wrong")).status == 401


async def test_a_deployment_whose_first_report_is_its_end_is_counted_but_not_timed(world: World) -> None:
    await world.cut("1.0-rc1")
    await world.report("1.0-rc1", "success")
    text = await scrape(world)
    assert labeled(text, "longshore_deployments_total") == {"success": 1}
    assert "longshore_deployment_duration_seconds_count{" not in text


async def test_many_series_do_not_stall_the_event_loop(world: World) -> None:
    for number in range(150):
        for status in FINAL:
            world.service.metrics.on_event(replace(DEPLOYED, project=f"project-{number}", status=status))
    assert await longest_stall(lambda: scrape(world, world.token)) < LIMIT


async def test_whoever_scrapes_meanwhile_gets_the_same_exposition(world: World) -> None:
    texts = await asyncio.gather(*(scrape(world) for _ in range(20)))
    assert all(labeled(text, "longshore_queue_depth") for text in texts)


# --- what holds for every metric

UNITS = {"minutes", "hours", "days", "milliseconds", "ms", "us", "kilobytes", "megabytes", "percent"}
SNAKE_CASE = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")


def problems(family: Metric) -> list[str]:
    """What is wrong with a metric by https://prometheus.io/docs/practices/naming/."""
    words, ends = set(family.name.split("_")), {sample.name.rpartition("_")[2] for sample in family.samples}
    labels = {label for sample in family.samples for label in sample.labels}
    rules = {
        "it is not in snake case": SNAKE_CASE.fullmatch(family.name) is None,
        "it says nothing about itself": not family.documentation,
        "its unit is not a base unit": bool(UNITS & words),
        "its type is part of its name": bool({"gauge", "counter", "histogram"} & words),
        "it is a counter without _total": family.type == "counter" and not ends <= {"total"},
        "it is no counter, but has _total": family.type != "counter" and "total" in ends,
        "it is no histogram, but looks like one": family.type == "gauge" and bool({"count", "sum", "bucket"} & ends),
        "a label is not in snake case": not all(map(SNAKE_CASE.fullmatch, labels)),
    }
    return [rule for rule, is_broken in rules.items() if is_broken]


def check(text: str) -> None:
    """Check that a scrape can be parsed, and that its names follow the rules."""
    families = list(text_string_to_metric_families(text))
    names = [family.name for family in families]
    assert len(names) == len(set(names)) > 20
    assert {family.name: found for family in families if (found := problems(family))} == {}


async def test_the_names_of_all_metrics_follow_prometheus_rules(world: World) -> None:
    await build_and_deploy(world)
    for token in ("", world.token):
        check(await scrape(world, token))


async def test_the_documentation_lists_every_metric_of_ours(world: World) -> None:
    await build_and_deploy(world)
    text = await scrape(world, world.token)
    ours = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE longshore_")}
    page = (ROOT / "docs" / "reference" / "metrics.md").read_text()
    assert sorted(re.findall(r"^\| `(longshore_\w+)` \|", page, re.MULTILINE)) == sorted(ours)
