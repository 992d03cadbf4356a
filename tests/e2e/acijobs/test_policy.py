"""The operator's rules hold at every way in: through the local Functions host."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from stack.http import send
from stack.local_stack import LocalStack, StackOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stack.http import Reply

pytestmark = pytest.mark.slow

APP = Path(__file__).resolve().parents[3]
RULES = {
    "AllowedImages": "alpine:3.*, team.azurecr.io/*",
    "AllowedLocations": "westeurope",
    "MaxCpu": "2",
    "MaxRunSeconds": "3600",
    "MaxJobCostUsd": "0.25",
    "PriceVcpuHourUsd": "0.05",
}
JOB: dict[str, Any] = {
    "image": "alpine:3.20",
    "command": ["script", "run_s=0"],
    "timeouts": {"runSeconds": 3600},
}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of all jobs, on a stack whose operator has rules."""
    options = StackOptions(
        app=APP,
        state=tmp_path_factory.mktemp("stack"),
        runtime="scripted",
        settings=RULES,
    )
    with LocalStack(options) as running:
        yield f"{running.base_url}/api/jobs"


def broken(reply: Reply) -> set[tuple[str, str]]:
    """Return rule and pointer of everything that a 403 names."""
    assert reply.status == 403, reply.body
    return {(error["rule"], error["pointer"]) for error in reply.body["errors"]}


def test_a_submission_is_held_to_the_rules(url: str) -> None:
    """One within them is accepted, another told everything that breaks one."""
    assert send("POST", url, body=JOB).status == 202
    wrong = JOB | {"image": "evil.io/alpine:3.20", "cpu": 3, "locations": ["eastus", "northeurope"]}
    assert broken(send("POST", url, body=wrong)) == {
        ("AllowedImages", "#/image"),
        ("AllowedLocations", "#/locations/1"),
        ("MaxCpu", "#/cpu"),
    }


def test_a_dry_run_tells_what_a_submission_would_be_told(url: str) -> None:
    """With 200: it is asked for."""
    wrong = JOB | {"timeouts": {"runSeconds": 7200}, "cpu": 2, "retry": {"attempts": 3}}
    refused = broken(send("POST", url, body=wrong))
    assert refused == {
        ("MaxRunSeconds", "#/timeouts/runSeconds"),
        ("MaxJobCostUsd", "#/maxCostUsd"),
    }
    told = send("POST", f"{url}?dryRun=true", body=wrong)
    assert told.status == 200
    assert {(r["rule"], r["pointer"]) for r in told.body["refusals"]} == refused
    limited = send("POST", f"{url}?dryRun=true", body=wrong | {"maxCostUsd": 0.2}).body
    assert [refusal["rule"] for refusal in limited["refusals"]] == ["MaxRunSeconds"]
    assert limited["runDeadlineSeconds"] < 7200


def test_a_rerun_is_held_to_the_rules(url: str) -> None:
    """Its patch cannot lead past them."""
    first = send("POST", url, body=JOB).body["id"]
    again = f"{url}/{first}/rerun"
    assert send("POST", again).status == 202
    assert broken(send("POST", again, body={"image": "evil.io/x"})) == {
        ("AllowedImages", "#/image")
    }


def test_prices_of_the_operator_are_the_jobs(url: str) -> None:
    """In the dry run, and in what a job is said to have cost."""
    told = send("POST", f"{url}?dryRun=true", body=JOB).body
    assert told["pricePerHourUsd"] == pytest.approx(0.05 + 1.5 * 0.00445)
