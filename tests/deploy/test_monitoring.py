"""What deploy/ and docs/monitoring.md say of metrics fits what the service exposes, as a real Prometheus sees it."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.deploy.conftest import (
    CONNECTIONS,
    FIRST,
    FOLDER,
    LATER,
    Prometheus,
    expected_images,
    expected_requests,
    find_program,
)

RULES, RULE_TESTS = (FOLDER / "alerts.yml").read_text(), (FOLDER / "alerts_test.yml").read_text()
DASHBOARD_FILE = Path("deploy/grafana/dashboard.json")
DASHBOARD: dict[str, Any] = json.loads(DASHBOARD_FILE.read_text())
PAGE = Path("docs/monitoring.md").read_text()
ALERTS = re.findall(r"- alert: (\w+)", RULES)
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
VARIABLES = {"$__rate_interval": "1m", "$job": "upload-and-classify", "$instance": ".+"}


def expressions() -> Iterator[tuple[str, str]]:
    """Each PromQL expression of the dashboard's panels, and the legend of its series."""
    for panel in PANELS:
        for target in panel["targets"]:
            yield target["expr"], target["legendFormat"]


def selectors() -> Iterator[tuple[str, str]]:
    """What each variable of the dashboard asks for: series, and a label of theirs."""
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            found = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"])
            assert found
            yield found[1], found[2]


def substitute(expression: str, model: str) -> str:
    """The expression as Grafana sends it."""
    for name, value in {**VARIABLES, "$model": model}.items():
        expression = expression.replace(name, value)
    assert "$" not in expression
    return expression


def scrape(service: str) -> dict[str, str]:
    """Type of each sample's name."""
    families = text_string_to_metric_families(httpx.get(f"{service}/metrics").text)
    return {sample.name: family.type for family in families for sample in family.samples}


def counts(service: str) -> dict[str, str]:
    """What has been counted of uploads; each call is a connection of its own."""
    lines = httpx.get(f"{service}/metrics").text.splitlines()
    return dict(line.rsplit(" ", 1) for line in lines if line.startswith("service_") and 'route="metrics"' not in line)


@pytest.mark.parametrize("text", [RULES, json.dumps(DASHBOARD)], ids=["rules", "dashboard"])
def test_the_metrics_in_use_are_there(text: str, service: str) -> None:
    names = set(re.findall(r"\bservice_\w+", text))
    assert len(names) > 5
    assert names - set(scrape(service)) == set()


def test_the_page_lists_every_metric_with_its_type_and_labels(service: str) -> None:
    families = list(text_string_to_metric_families(httpx.get(f"{service}/metrics").text))
    exposed = {}
    for family in families:
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        total = "_total" if family.type == "counter" else ""
        exposed[family.name + total] = (family.type, labels)
    rows = re.findall(r"^\| `(service_\w+)` \| (\w+) \| (.*?) \|", PAGE, re.MULTILINE)
    assert {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows} == exposed


def test_the_page_explains_every_alert_where_the_alert_links_to() -> None:
    assert re.findall(r"^### (Service\w+)$", PAGE, re.MULTILINE) == ALERTS
    links = re.findall(r"runbook_url: \S+/docs/monitoring\.md#(\w+)", RULES)
    assert links == [alert.lower() for alert in ALERTS]


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_is_tested_to_fire_and_to_be_silent(alert: str) -> None:
    expected = re.findall(rf"alertname: {alert}\n *exp_alerts:(.*)\n", RULE_TESTS)
    assert "" in expected
    assert " []" in expected


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: str(panel["title"]))
def test_a_panel_says_what_it_shows(panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert all(target["datasource"] == panel["datasource"] for target in panel["targets"])


def test_panels_do_not_overlap_and_the_file_is_readable() -> None:
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    cells = [
        (x, y)
        for place in places
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(places)
    assert DASHBOARD_FILE.read_text() == json.dumps(DASHBOARD, indent=2) + "\n"


@pytest.mark.parametrize(
    "arguments", ["check rules alerts.yml", "check config prometheus.yml", "test rules alerts_test.yml"]
)
def test_promtool_finds_nothing_wrong(arguments: str) -> None:
    command = [find_program("promtool"), *arguments.split()]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_finds_nothing_wrong_with_the_metrics(service: str) -> None:
    metrics = httpx.get(f"{service}/metrics").text
    command = [find_program("promtool"), "check", "metrics"]
    done = subprocess.run(command, input=metrics, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_both_workers_tell_the_same_counts(service: str) -> None:
    first = counts(service)
    assert first
    assert all(counts(service) == first for _ in range(15))


def test_prometheus_has_the_counts_of_what_was_sent(prometheus: Prometheus) -> None:
    found = prometheus.query('service_requests_total{job="upload-and-classify", route!~"health|metrics"} > 0')
    by_name = {(each["route"], each.get("model", ""), each["status"]): value for each, value in found}
    assert by_name == expected_requests(FIRST + LATER)
    assert [value for _, value in prometheus.query("sum by (job) (up)")] == [1] * CONNECTIONS
    assert {value for _, value in prometheus.query("service_workers_ready")} == {2}


def test_counters_never_fall_whichever_worker_is_scraped(service: str, prometheus: Prometheus) -> None:
    names = [name for name in scrape(service) if re.search("_(total|count|sum|bucket)$", name)]
    assert len(names) > 10
    for name in names:
        found = prometheus.query(f"resets({name}[5m])")
        assert len(found) >= CONNECTIONS
        assert {value for _, value in found} == {0}, name


def test_the_increase_is_what_was_sent_between_scrapes(prometheus: Prometheus) -> None:
    now = time.time()
    passed_ms = int(1000 * (now - prometheus.since))
    found = prometheus.query(f"increase(service_images_total[{passed_ms}ms])", time=str(now))
    assert len(found) == CONNECTIONS
    # Prometheus extrapolates to both ends of the window. A jump back would add all that had been counted before.
    assert all(expected_images(LATER) <= value < expected_images(FIRST) for _, value in found)


@pytest.mark.parametrize("model", ["mnist", ".+"])
def test_every_expression_of_the_dashboard_gives_series_that_fit_their_legend(
    model: str, prometheus: Prometheus
) -> None:
    for expression, legend in expressions():
        found = prometheus.query(substitute(expression, model))
        assert found, expression
        assert all(set(re.findall(r"{{(\w+)}}", legend)) <= set(labels) for labels, _ in found), expression


def test_variables_and_annotations_of_the_dashboard_can_be_asked_for(prometheus: Prometheus) -> None:
    for series, label in selectors():
        selector = {"match[]": substitute(series, ".+")}
        assert prometheus.get(f"label/{label}/values", **selector), series
    for annotation in DASHBOARD["annotations"]["list"]:
        prometheus.query(substitute(annotation["expr"], ".+"))


def test_prometheus_evaluates_every_rule_and_none_fires_while_all_is_well(prometheus: Prometheus) -> None:
    rules = [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
    assert [rule["name"] for rule in rules] == ALERTS
    for rule in rules:
        assert (rule["health"], rule["state"] != "firing") == ("ok", True), rule
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
