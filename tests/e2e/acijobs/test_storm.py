"""A hundred jobs on the whole local stack while Azure throttles and stumbles."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from stack.http import send
from stack.local_stack import LocalStack, StackOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

APP = Path(__file__).resolve().parents[3]
JOBS = 100
STORM = (
    {"kind": "respond", "share": 0.25, "status": 429, "code": "TooManyRequests"}
    | {"retry_after_s": 2},
    {"kind": "respond", "share": 0.1, "status": 503, "code": "ServiceUnavailable"},
)


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[LocalStack]:
    """A stack whose containers follow scripts, without Azure's quotas."""
    options = StackOptions(
        app=APP,
        state=tmp_path / "state",
        runtime="scripted",
        is_unlimited=True,
    )
    with LocalStack(options) as running:
        yield running


def test_a_hundred_jobs_in_a_storm_all_end_right_and_soon(stack: LocalStack) -> None:
    """A quarter of all requests 429 and a tenth 503: every outcome right, none left, none late."""
    admin = stack.emulator_env["ACI_EMULATOR_ADMIN"]
    for fault in STORM:
        assert send("POST", f"{admin}/faults", body=fault).status < 300
    with ThreadPoolExecutor(8) as pool:
        urls = list(pool.map(lambda number: _start(stack, number), range(JOBS)))
    ended = [_wait(url) for url in urls]
    assert {(job["state"], job["exitCode"], job["cleanUp"]) for job in ended} == {
        ("Succeeded", 0, "Deleted")
    }
    assert {job["logs"] for job in ended} == {"".join(f"line {i}\n" for i in range(1, 11))}
    assert max(_lateness_s(job) for job in ended) < 60
    assert send("GET", f"{admin}/groups").body["value"] == []
    created = send("GET", f"{admin}/containers?prefix=job-storm-").body["value"]
    assert [container["creations"] for container in created] == [1] * JOBS


def _start(stack: LocalStack, number: int) -> str:
    command = ["script", "run_s=20", "exit_code=0", "lines=10"]
    job = {"id": f"storm-{number}", "image": "any", "command": command}
    started = send("POST", f"{stack.base_url}/api/jobs", body=job)
    assert started.status == 202, started.body
    return str(started.body["jobUrl"])


def _wait(url: str) -> dict[str, Any]:
    while (answer := send("GET", url)).status == 202 or answer.body["cleanUp"] == "Pending":
        time.sleep(0.5)
    found: dict[str, Any] = answer.body
    return found


def _lateness_s(job: dict[str, Any]) -> float:
    times = {name: datetime.fromisoformat(at) for name, at in job["timeline"].items()}
    return (times["succeeded"] - times["containerFinished"]).total_seconds()
