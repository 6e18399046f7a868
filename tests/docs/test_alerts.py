"""The alerting rules in docs/alerts.yml: they parse, ask for metrics that exist, and say what to do."""

import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from tests.server.test_metrics import build_and_deploy, samples, scrape
from tests.test_shape import ROOT
from tests.world import World

FILE = ROOT / "docs" / "alerts.yml"
PROMETHEUS_OWN = {"up"}
METRIC = re.compile(r"\b(up|longshore_\w+)\b")


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(FILE.read_text())["groups"]
    return list(group["rules"])


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_prometheus_takes_the_rules() -> None:
    completed = subprocess.run(["promtool", "check", "rules", FILE], capture_output=True, text=True, check=False)
    assert (completed.returncode, completed.stderr) == (0, "")


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
    page = (ROOT / "docs" / "operations.md").read_text()
    headings = set(re.findall(r"^#+ (.*)$", page, re.MULTILINE))
    for rule in rules():
        text = rule["annotations"]["description"]
        if "operations.md" in text:
            assert set(re.findall(r'"([A-Z][^"]*)"', text)) <= headings, rule["alert"]
    assert set(re.findall(r'under "([^"]*)"', FILE.read_text())) <= headings
