"""The queries of alerts, workbook and runbooks are right KQL, and name only what the app tells."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest

from acijobs.domain.metrics import CATALOGUE
from acijobs.domain.progress import CleanUp
from acijobs.domain.reasons import Fault, Reason
from infra_queries import QUERIES, at_grain, rules_of, tiles_of
from infra_templates import SETS, resources
from kusto_language import MISSING, Analysis, analyse, is_at_hand
from log_tables import TABLES

DOCS = Path(__file__).parents[3] / "docs"
LOG_LINES = DOCS / "reference" / "log-lines.md"
COMMENT = re.compile(r"^//.*\n", re.MULTILINE)
ALERTS = {name: COMMENT.sub("", rule.query) for name, rule in rules_of("flex").items()}
TILES = {name: COMMENT.sub("", at_grain(tile["query"])) for name, tile in tiles_of("flex").items()}
ATTRIBUTES = {metric.name: {name.value for name in metric.attributes} for metric in CATALOGUE}
OF_SPANS = {"acijobs.job.id"}
PAGES = (*sorted((DOCS / "runbooks").glob("*.md")), DOCS / "guides" / "observe.md")
RUNBOOKS = {
    f"{page.name} {number}": query
    for page in PAGES
    for number, query in enumerate(
        re.findall(r"^```kql\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    )
}
ALL = ALERTS | TILES | RUNBOOKS
CHARTS = {"barchart", "linechart", "table"}

OF_A_LINE = re.compile(r"\b(Event|event|Why|cleanUp|step)\)? (?:==|in) (\([^)]*\)|'[^']*')")
OF_AN_ATTRIBUTE = re.compile(
    r"tostring\(Properties\['([\w.]+)'\]\)\s*(?:==|!=|!?in)\s*(\([^)]*\)|'[^']*')"
)


def documented_lines() -> dict[str, set[str]]:
    """Return the fields of each event on the page of log lines."""
    found: dict[str, set[str]] = {}
    for line in LOG_LINES.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and len(cells) == len(("event", "when", "level", "fields")):
            for event in re.findall(r"`(\w+)`", cells[0]):
                found[event] = set(re.findall(r"`(\w+)`", cells[3]))
    return found


def literals(text: str) -> set[str]:
    return set(re.findall(r"'([^']*)'", text))


@pytest.fixture(scope="module")
def analysed() -> dict[str, Analysis]:
    """What Microsoft's analyser says of each query."""
    if not is_at_hand():
        pytest.skip(MISSING)
    return analyse(ALL, tables=TABLES)


@pytest.mark.parametrize("name", ALL)
def test_a_query_is_right(analysed: dict[str, Analysis], name: str) -> None:
    """By Microsoft's own analyser: its syntax, its functions, its columns and their types."""
    assert analysed[name].wrong == ()


@pytest.mark.parametrize("name", ALERTS)
def test_a_rule_compares_a_number(analysed: dict[str, Analysis], name: str) -> None:
    """The query has one column, which is the one that the rule measures."""
    (column,) = analysed[name].columns.items()
    assert column in {("Value", "real"), ("Value", "long")}
    (criterion,) = rules_of("flex")[name].properties["criteria"]["allOf"]
    assert criterion["metricMeasureColumn"] == "Value"


@pytest.mark.parametrize(
    "query",
    [
        "AppMetrics | sumarize Value = sum(Sum)",
        "AppMetrics | where Nmae == 'x'",
        "AppMetrics | summarize Value = sum(Name)",
        "AppMetric | count",
        "AppMetrics | where Name == 'x' | summarize Value = summ(Sum)",
        "AppTraces | where tostring(parse_json(Message).event == 'x'",
    ],
    ids=["operator", "column", "type", "table", "function", "bracket"],
)
def test_the_analyser_is_awake(query: str) -> None:
    """So its silence means something."""
    if not is_at_hand():
        pytest.skip(MISSING)
    assert analyse({"it": query}, tables=TABLES)["it"].wrong


def test_every_file_of_a_query_is_used() -> None:
    """By one rule, or by one tile."""
    for folder, used in (("alerts", ALERTS), ("workbook", TILES)):
        texts = [path.read_text("utf-8") for path in (QUERIES / folder).glob("*.kql")]
        assert {COMMENT.sub("", at_grain(text)) for text in texts} == set(used.values())
    assert len(ALERTS | TILES) == len(list(QUERIES.rglob("*.kql")))


@pytest.mark.parametrize("name", ALL)
def test_a_query_names_metrics_of_the_catalogue(name: str) -> None:
    """And only the attributes that each of them has."""
    metrics = {one for one in literals(ALL[name]) if one.startswith("acijobs.")}
    attributes = set(re.findall(r"Properties\['([^']+)'\]", ALL[name])) - OF_SPANS
    metrics -= attributes | OF_SPANS
    assert metrics <= set(ATTRIBUTES)
    assert bool(metrics) == ("AppMetrics" in ALL[name])
    assert attributes <= set().union(*(ATTRIBUTES[one] for one in metrics))


@pytest.mark.parametrize("name", ALL)
def test_a_query_compares_attributes_with_values_that_they_have(name: str) -> None:
    """A reason that was renamed would never be found again."""
    values: dict[str, set[str]] = {
        "acijobs.reason": {one.value for one in Reason},
        "acijobs.fault": {one.value for one in Fault},
        "cicd.pipeline.result": {"success", "failure", "error", "timeout", "cancellation"},
        "acijobs.outcome": {"whole", "partial", "delivered", "failed", "postponed"},
    }
    for attribute, compared in OF_AN_ATTRIBUTE.findall(ALL[name]):
        if attribute in OF_SPANS:
            continue
        assert literals(compared)
        assert literals(compared) <= values[attribute]


@pytest.mark.parametrize("name", ALL)
def test_a_query_names_lines_of_the_log_that_are_written(name: str) -> None:
    """Events, the fields that they have, and the reasons of the Reconciler."""
    lines = documented_lines()
    page = LOG_LINES.read_text("utf-8")
    compared: dict[str, set[str]] = defaultdict(set)
    for what, values in OF_A_LINE.findall(ALL[name]):
        compared[what.lower()] |= literals(values)
    assert compared["event"] <= set(lines)
    assert [one for one in compared["why"] | compared["step"] if f"`{one}`" not in page] == []
    assert compared["cleanup"] <= set(CleanUp)
    fields = set(re.findall(r"\bLine\.(\w+)", ALL[name])) - {"event"}
    assert fields <= set().union(*(lines[one] for one in compared["event"] or lines))
    assert bool(compared["event"]) or "Line.event" not in ALERTS.get(name, "")


def test_every_metric_is_looked_at() -> None:
    """One that no rule and no tile shows would be told for nothing."""
    shown = set().union(*(literals(query) for query in (ALERTS | TILES).values()))
    assert set(ATTRIBUTES) <= shown


@pytest.mark.parametrize("name", TILES)
def test_a_tile_is_complete(name: str) -> None:
    """It has a title, follows the chosen time, asks the workspace, and is drawn as one can be."""
    tile = tiles_of("flex")[name]
    assert tile["title"] == name
    assert tile["timeContextFromParameter"] == "TimeRange"
    assert tile["visualization"] in CHARTS
    assert ["/workspaces/" in one for one in tile["crossComponentResources"]] == [True]
    is_over_time = "bin(TimeGenerated" in tile["query"]
    assert is_over_time == (tile["visualization"] != "table")


def test_a_workbook_keeps_its_name() -> None:
    """It is made of the workspace's, so that a second deployment changes it and makes no other."""
    names = {one["name"] for s in SETS for one in resources(s, "Microsoft.Insights/workbooks")}
    assert len(names) == 1
