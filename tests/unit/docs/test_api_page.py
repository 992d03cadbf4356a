"""docs/reference/api.md has every field, state and status of the job API."""

from __future__ import annotations

import ast
import re
from http import HTTPStatus
from pathlib import Path

import pytest

from acijobs.domain.outcome import Phase
from acijobs.domain.progress import CleanUp, LogState
from acijobs.domain.row import Row
from acijobs.domain.spec.job import JobSpec, Timeouts
from acijobs.instances import Instance
from acijobs.web.job_view import view_job

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "reference" / "api.md").read_text("utf-8")


def section(title: str) -> str:
    """Return the text below this heading, up to the next of its kind."""
    return PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def first_column(text: str) -> set[str]:
    """Return what stands in backticks in the first column of the tables."""
    return set(re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE))


def wire_names(model: type[JobSpec | Timeouts]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


def test_every_field_of_a_job_that_can_be_sent() -> None:
    """And no other."""
    names = wire_names(JobSpec) - {"timeouts"}
    assert first_column(section("POST /api/jobs")) == names | {
        f"timeouts.{name}" for name in wire_names(Timeouts)
    }


def test_every_field_that_get_answers() -> None:
    """And no other."""
    shown = set(view_job(Row(job_id="j"), Instance()).fields) | {"logs", "logsError"}
    assert first_column(section("GET /api/jobs/{id}")) == shown


STATES = {"Pending", "Running"} | {phase.value for phase in Phase if phase.is_end}


@pytest.mark.parametrize(
    "word",
    [
        *sorted(STATES),
        *(phase.value for phase in Phase),
        *(clean_up.value for clean_up in CleanUp),
        *LogState().shown(),
        *("code", "message", "fault", "retryable", "advice", "azureCode"),
        *("deleted", "imagePulling", "containerStarted", "containerFinished"),
    ],
)
def test_every_state_phase_clean_up_and_member(word: str) -> None:
    """Each in backticks, where GET is described."""
    assert f"`{word}`" in section("GET /api/jobs/{id}")


def statuses() -> set[int]:
    """Return every status that the API's code names."""
    found = set()
    for path in (ROOT / "acijobs" / "web").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                found |= {HTTPStatus[node.attr].value} if node.value.id == "HTTPStatus" else set()
    return found


def test_every_status() -> None:
    """Those of answers and those of problems."""
    assert {status for status in statuses() if not re.search(rf"\b{status}\b", PAGE)} == set()
    assert {200, 202, 404, 409, 503} <= statuses()
