"""docs/reference/api.md has every field, state and status of the job API."""

from __future__ import annotations

import ast
import json
import re
from http import HTTPStatus
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest

from acijobs.domain.callback.state import CallbackStatus
from acijobs.domain.job_account import account
from acijobs.domain.job_view import view_job
from acijobs.domain.outcome import Phase
from acijobs.domain.progress import CleanUp, LogState
from acijobs.domain.row import Row
from acijobs.domain.spec.job import JobSpec
from acijobs.domain.spec.model import SpecModel
from acijobs.domain.spec.secret import Secret
from acijobs.domain.spec.stored import shape_of
from acijobs.instances import Instance
from acijobs.wiring import health_checks

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "reference" / "api.md").read_text("utf-8")


def section(title: str) -> str:
    """Return the text below this heading, up to the next of its kind."""
    return PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def first_column(text: str) -> set[str]:
    """Return what stands in backticks in the first column of the tables."""
    return set(re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE))


def fields(model: type[SpecModel], prefix: str = "") -> set[str]:
    """Return every field of a model by its path; secrets have a table of their own."""
    found = set()
    for name, field in model.model_fields.items():
        shape, path = shape_of(field.annotation), prefix + model.wire_name(name)
        if get_origin(shape) is list:
            shape, path_of_items = shape_of(get_args(shape)[0]), f"{path}[]"
            path = path_of_items if is_object(shape) else path
        found |= fields(shape, f"{path}.") if is_object(shape) else {path}
    return found


def is_object(shape: Any) -> bool:
    is_model = isinstance(shape, type) and issubclass(shape, SpecModel)
    return is_model and shape is not Secret and bool(shape.model_fields)


def test_every_field_of_a_job_that_can_be_sent() -> None:
    """And no other."""
    secret = {"keyVault", "appSetting", "value"}
    assert first_column(section("POST /api/jobs")) == fields(JobSpec) | secret


def test_every_field_that_get_answers() -> None:
    """And no other."""
    row = Row(job_id="j")
    shown = set(view_job(row, Instance()).fields) | set(account(row, row.accepted_at, {}))
    shown |= {"logs", "logsError"}
    assert first_column(section("GET /api/jobs/{id}")) == shown


def test_the_parts_of_a_deep_look() -> None:
    """In the example and in the table, as the app asks for them."""
    shown = section("GET /api/health/deep")
    example = json.loads(shown.split("```json\n")[1].split("```")[0])
    table = re.findall(r"^\| (`[^|]+`) \|", shown, re.MULTILINE)
    parts = {name for cell in table for name in re.findall(r"`(\w+)`", cell)}
    assert set(example["checks"]) == parts == set(health_checks())


STATES = {"Pending", "Running"} | {phase.value for phase in Phase if phase.is_end}


@pytest.mark.parametrize(
    "word",
    [
        *sorted(STATES),
        *(phase.value for phase in Phase),
        *(clean_up.value for clean_up in CleanUp),
        *LogState().shown(),
        *CallbackStatus,
        *("state", "tries", "trouble", "NotNeeded"),
        *("code", "message", "fault", "retryable", "advice", "azureCode"),
        *("deleted", "groupCreated", "imagePulling", "imagePulled"),
        *("containerStarted", "containerFinished"),
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
