"""Each alert has a runbook, each runbook an alert, and the index says when which one fires."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from infra_queries import rules_of, tiles_of

FOLDER = Path(__file__).parents[3] / "docs" / "runbooks"
INDEX = FOLDER / "README.md"
PAGES = {path.stem: path for path in FOLDER.glob("*.md") if path != INDEX}
RULES = rules_of("flex")
ROW = re.compile(
    r"^\| \[([\w-]+)\]\(([\w-]+)\.md\) \| (\d) \| (.+), (\d+) (minutes|hour|day) \|(.*?)\| .+ \|$",
    re.MULTILINE,
)
MINUTES = {"minutes": 1, "hour": 60, "day": 1440}
SECTIONS = ["First look", "Causes and cures", "When it is over"]


def test_each_alert_has_a_page_and_each_page_an_alert() -> None:
    """Whoever is woken finds what to do."""
    assert set(PAGES) == set(RULES)


@pytest.mark.parametrize("name", RULES)
def test_an_alert_names_its_page(name: str) -> None:
    """In its description, which is in the e-mail, and in what a webhook is sent."""
    properties = RULES[name].properties
    assert properties["description"].endswith(f"docs/runbooks/{name}.md")
    assert properties["actions"]["customProperties"] == {"runbook": f"docs/runbooks/{name}.md"}
    elsewhere = rules_of("alerts")[name].properties["description"]
    assert f"https://git.example.com/acijobs/docs/runbooks/{name}.md" in elsewhere


@pytest.mark.parametrize("name", PAGES)
def test_a_page_says_what_it_means_and_what_to_do(name: str) -> None:
    """In one form: its meaning, a query or a command, causes, and how to see that it is over."""
    text = PAGES[name].read_text("utf-8")
    assert re.match(r"# .+\n\n\*\*", text)
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS
    first = text.split("## First look\n")[1].split("\n## ")[0]
    assert "```" in first
    assert "|---|" in text.split("## Causes and cures\n")[1]


def test_the_index_says_how_grave_an_alert_is_and_how_far_back_it_looks() -> None:
    """As the templates do."""
    rows = ROW.findall(INDEX.read_text("utf-8"))
    said = {row[0]: (int(row[2]), int(row[4]) * MINUTES[row[5]]) for row in rows}
    assert [row[0] for row in rows] == [row[1] for row in rows]
    assert said == {
        name: (rule.properties["severity"], rule.window.total_seconds() / 60)
        for name, rule in RULES.items()
    }


def test_the_index_says_each_threshold_and_its_default() -> None:
    """By the name that an operator chooses it with; the names are those of the templates' type."""
    rows = {row[0]: row[6].strip() for row in ROW.findall(INDEX.read_text("utf-8"))}
    said = {name: re.fullmatch(r"`(\w+)`, (\d+)", cell) for name, cell in rows.items() if cell}
    template = (FOLDER.parents[1] / "infra" / "alerts.bicep").read_text("utf-8")
    block = template.split("type AlertThresholds = {")[1].split("\n}")[0]
    chosen = set(re.findall(r"^  (\w+): int\?$", block, re.MULTILINE))
    assert {found[1] for found in said.values() if found} == chosen
    for name, found in said.items():
        assert found is not None
        assert float(found[2]) == RULES[name].threshold


@pytest.mark.parametrize("name", PAGES)
def test_a_page_names_tiles_that_the_workbook_has(name: str) -> None:
    """Each *name* that it says is on the workbook is the beginning of a tile's title."""
    text = PAGES[name].read_text("utf-8")
    named = {one for part in re.findall(r"([^.\n|]*\bworkbook\b)", text) for one in italics(part)}
    titles = list(tiles_of("flex"))
    assert [one for one in named if not any(title.startswith(one) for title in titles)] == []


def italics(text: str) -> list[str]:
    return re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", text)
