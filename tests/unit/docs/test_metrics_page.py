"""docs/reference/metrics.md is made from the catalogue of metrics; the guide names no other metric."""

from __future__ import annotations

import re
from pathlib import Path

from acijobs.domain.messages import (
    CallbackRequest,
    CheckRequest,
    CreateRequest,
    DeleteRequest,
    FetchRequest,
)
from acijobs.domain.metrics import CATALOGUE, Attribute
from acijobs.domain.reconciling import Act
from metrics_page import PAGE, render

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs" / "guides" / "observe.md").read_text("utf-8")
METRICS = {metric.name for metric in CATALOGUE}


def test_the_page_is_what_the_catalogue_says() -> None:
    """Name, kind, unit, attributes and occasion of every metric."""
    assert PAGE.read_text("utf-8") == render(), (
        "run `make docs` and commit docs/reference/metrics.md"
    )


def spans_shown() -> set[str]:
    """Return the names of the spans that the code shows."""
    folders = ["acijobs", *(path.parent.name for path in ROOT.glob("*/function.json"))]
    texts = [path.read_text("utf-8") for one in folders for path in (ROOT / one).rglob("*.py")]
    steps = {name for text in texts for name in re.findall(r'\.span\("(\w+)"', text)}
    whole = {
        name for text in texts for name in re.findall(r'(?:span\(|name=)"(acijobs\.\w+)"', text)
    }
    kinds = {CreateRequest, CheckRequest, FetchRequest, DeleteRequest, CallbackRequest}
    steps |= {kind.__name__.removesuffix("Request").lower() for kind in kinds}
    steps |= {act.value for act in Act if act is not Act.NOTHING}
    return {f"acijobs.{step}" for step in steps} | {n for n in whole if n not in METRICS}


def test_the_guide_names_metrics_attributes_and_spans_that_there_are() -> None:
    """A query with a name of yesterday finds nothing, and looks like good news."""
    known = METRICS | {name.value for name in Attribute} | spans_shown() | {"acijobs.job.id"}
    named = set(re.findall(r"acijobs\.[a-zA-Z_.]+[a-zA-Z]", GUIDE))
    assert named - known == set()
    underlined = {name.replace(".", "_") for name in known}
    for name in re.findall(r"acijobs_[a-z_]+", GUIDE):
        assert re.sub(r"_(total|seconds_bucket)$", "", name) in underlined, name


def test_every_span_is_in_the_guide() -> None:
    """Whoever sees one in a trace finds what it is."""
    acts = {f"acijobs.{act.value}" for act in Act}
    missing = {name for name in spans_shown() - acts if name not in GUIDE}
    assert missing == set()
