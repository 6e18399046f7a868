"""The alerting rules in docs/alerts.yml: they parse, ask for metrics that exist, and say what to do."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.server.test_metrics import build_and_deploy, samples, scrape
from tests.test_shape import ROOT
from tests.world import World

FILE = ROOT / "docs" / "alerts.yml"
PROMETHEUS_OWN = {"up"}
needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
METRIC = re.compile(r"\b(up|longshore_\w+)\b")


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(FILE.read_text())["groups"]
    return list(group["rules"])


@needs_promtool
def test_prometheus_takes_the_rules() -> None:
    completed = subprocess.run(["promtool", "check", "rules", FILE], capture_output=True, text=True, check=False)
    assert (completed.returncode, completed.stderr) == (0, "")


DELIVERIES = 'longshore_webhook_deliveries_total{instance="a",event="unknown",outcome="401"}'
ARRIVED = 'longshore_webhook_deliveries_total{instance="a",event="push",outcome="202"}'
REMAINING = 'longshore_github_remaining_calls{instance="a",resource="core"}'
CALLS = 'longshore_github_calls_total{instance="a",method="GET",status="200"}'
READYZ = 'longshore_http_requests_total{instance="a",route="/readyz",method="GET",status="503"}'
FAULTS = 'longshore_http_requests_total{instance="a",route="/api/projects",method="GET",status="500"}'
READY = 'longshore_ready{instance="a"}'
OLDEST = 'longshore_queue_oldest_seconds{instance="%s",kind="webhook"}'

WELL = {READY: "1x60", ARRIVED: "0+5x60", CALLS: "0+9x60", REMAINING: "4000x60", OLDEST % "a": "0x60"}
SITUATIONS: dict[str, tuple[dict[str, str], set[str]]] = {
    "all is well": (WELL, set()),
    "the database is gone": ({READY: "1x30 0x30", READYZ: "0x30 0+4x30"}, {"NotReady"}),
    "a process is gone": ({'up{job="longshore",instance="a"}': "1x30 0x30"}, {"Down"}),
    "the first alarm": ({'longshore_alarms_total{instance="a",alarm="tag.moved"}': "0x55 1x5"}, {"Alarm"}),
    "strangers knock before the first webhook arrives": (
        {
            'longshore_alarms_total{instance="a",alarm="webhook.unsigned"}': "0x55 1x5",
            'longshore_warnings{instance="a",subject="webhooks"}': "0x50 1x10",
        },
        {"Warning"},
    ),
    "the secret is wrong from the start": ({DELIVERIES: "0+1x60"}, {"WebhooksRefused"}),
    "strangers knock while webhooks arrive": ({DELIVERIES: "0+1x60", ARRIVED: "0+5x60"}, set()),
    "webhooks are not stored": ({DELIVERIES.replace("401", "503"): "0x50 0+1x10"}, {"WebhooksNotStored"}),
    "calls run out": ({REMAINING: "100x60", CALLS: "0+9x60"}, {"GitHubRateLimitLow"}),
    "calls ran out once, and none are made since": ({REMAINING: "100x60", CALLS: "9x60"}, set()),
    "GitHub is down": ({CALLS.replace("200", "none"): "0+9x60"}, {"GitHubFails"}),
    "a fault": ({FAULTS: "0+9x60"}, {"ServerErrors"}),
    "a backlog, as two processes see it": ({OLDEST % "a": "0+60x60", OLDEST % "b": "0+60x60"}, {"JobsWait"}),
    "the worker hangs": ({'longshore_worker_last_progress_seconds{instance="a"}': "0x50 60+60x10"}, {"WorkerStalled"}),
    "a dead letter": ({'longshore_dead_letters{instance="a"}': "0x50 1x10"}, {"DeadLetters"}),
    "the App is unknown": ({'longshore_warnings{instance="a",subject="github"}': "1x60"}, {"Warning"}),
    "a backlog is not a wrong setting": ({'longshore_warnings{instance="a",subject="queue"}': "1x60"}, set()),
}


@needs_promtool
@pytest.mark.parametrize("situation", SITUATIONS)
def test_each_alert_fires_when_it_should_and_no_other_does(situation: str, tmp_path: Path) -> None:
    series, expected = SITUATIONS[situation]
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "eval_time": "60m",
                "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                "exp_samples": [
                    {"labels": f'{{alertname="Longshore{name}"}}', "value": 1} for name in sorted(expected)
                ],
            }
        ],
    }
    file = tmp_path / "test.yml"
    file.write_text(yaml.safe_dump({"rule_files": [str(FILE)], "evaluation_interval": "1m", "tests": [test]}))
    completed = subprocess.run(["promtool", "test", "rules", file], capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stdout + completed.stderr


def test_every_alert_is_seen_to_fire() -> None:
    fired = {f"Longshore{name}" for _, names in SITUATIONS.values() for name in names}
    assert fired == {rule["alert"] for rule in rules()}


async def test_every_series_that_the_rules_ask_for_is_in_a_scrape(world: World) -> None:
    await build_and_deploy(world)
    scraped = {name for name, _ in samples(await scrape(world))}
    asked = {name for rule in rules() for name in METRIC.findall(rule["expr"])}
    assert asked - PROMETHEUS_OWN and asked - PROMETHEUS_OWN <= scraped


async def test_every_label_that_the_rules_select_by_is_one_of_its_metric(world: World) -> None:
    await build_and_deploy(world)
    labels: dict[str, set[str]] = {"up": {"job"}}
    for name, found in samples(await scrape(world)):
        labels.setdefault(name, set()).update(label for label, _ in found)
    for rule in rules():
        for name, selectors in re.findall(r"(\w+)\{([^}]*)\}", rule["expr"]):
            assert set(re.findall(r'(\w+)(?:=|!)[=~]?"', selectors)) <= labels[name], rule["alert"]


def test_every_rule_has_a_summary_a_severity_and_says_what_to_do() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names)) and all(re.fullmatch(r"Longshore[A-Z]\w+", name) for name in names)
    for rule in rules():
        assert rule["labels"]["severity"] in ("critical", "warning"), rule["alert"]
        assert 10 < len(rule["annotations"]["summary"]) < 100, rule["alert"]
        assert len(rule["annotations"]["description"].split()) >= 20, rule["alert"]


def test_the_headings_that_the_rules_send_people_to_exist() -> None:
    named = re.findall(r'"([A-Z][^"]*)" in (\w+\.md)', " ".join(FILE.read_text().replace("#", " ").split()))
    assert len(named) == 2
    for heading, page in named:
        assert heading in re.findall(r"^#+ (.*)$", (FILE.parent / page).read_text(), re.MULTILINE), (heading, page)
