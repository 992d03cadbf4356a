"""The list, re-runs, repeated requests and events from inside, on the whole local stack."""

from __future__ import annotations

import re
import shutil
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from stack.http import Reply, send

if TYPE_CHECKING:
    from collections.abc import Callable

    from gate import Gate
    from stack.local_stack import LocalStack

pytestmark = pytest.mark.slow

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "report-progress.md"

TELL = """
import json, os, sys, time, urllib.request

def tell(**event):
    url = os.environ["ACIJOBS_EVENT_URL"]
    sent = urllib.request.Request(url, data=json.dumps(event).encode())
    print(urllib.request.urlopen(sent, timeout=30).status, flush=True)

tell(progress=0.25, message="begun")
while not os.path.exists(sys.argv[1]):
    time.sleep(0.1)
tell(progress=1, outputs={"sum": 42})
tell(outputs={"rows": [1, 2]}, done=True)
"""


def jobs(stack: LocalStack, path: str = "") -> str:
    return f"{stack.base_url}/api/jobs{path}"


def unique(name: str) -> str:
    return f"{name}-{uuid.uuid4().hex[:8]}"


def shell(script: str, **fields: Any) -> dict[str, Any]:
    return {"image": "alpine:3.20", "command": ["/bin/sh", "-c", script], **fields}


def until(
    stack: LocalStack, job_id: str, is_so: Callable[[Reply], object], timeout_s: float = 60
) -> Reply:
    """Return the job's answer once it is as wanted."""
    give_up_at = time.monotonic() + timeout_s
    while not is_so(answer := send("GET", jobs(stack, f"/{job_id}"))):
        assert time.monotonic() < give_up_at, answer
        time.sleep(0.3)
    return answer


def is_over(answer: Reply) -> bool:
    return answer.status != 202


def test_jobs_are_listed_by_label_and_state(stack: LocalStack) -> None:
    """The newest first, page by page; a re-run is listed with where it comes from."""
    team = unique("team")
    for number in range(3):
        spec = shell(f"exit {number}", id=f"{team}-{number}", labels={"team": team})
        assert send("POST", jobs(stack), body=spec).status == 202
    for number in range(3):
        until(stack, f"{team}-{number}", is_over)
    listed = send("GET", jobs(stack, f"?label=team:{team}")).body
    assert [job["id"] for job in listed["jobs"]] == [f"{team}-{n}" for n in (2, 1, 0)]
    assert [job["exitCode"] for job in listed["jobs"]] == [2, 1, 0]
    assert listed["next"] is None
    failed = send("GET", jobs(stack, f"?label=team:{team}&state=Failed&limit=1")).body
    assert [job["id"] for job in failed["jobs"]] == [f"{team}-2"]
    more = send("GET", jobs(stack, f"?label=team:{team}&state=Failed&after={failed['next']}")).body
    assert [job["id"] for job in more["jobs"]] == [f"{team}-1"]
    patch = {"command": ["/bin/sh", "-c", "exit 0"], "id": f"{team}-again"}
    again = send("POST", jobs(stack, f"/{team}-2/rerun"), body=patch)
    assert (again.status, again.body["id"]) == (202, f"{team}-again")
    ended = until(stack, f"{team}-again", is_over)
    assert (ended.body["state"], ended.body["rerunOf"]) == ("Succeeded", f"{team}-2")
    assert send("GET", jobs(stack, f"?label=team:{team}")).body["jobs"][0]["rerunOf"]


def test_a_repeated_request_with_a_key_is_one_job(stack: LocalStack) -> None:
    """Also when it has ended; another body under the key is refused."""
    headers = {"Idempotency-Key": unique("key")}
    first = send("POST", jobs(stack), body=shell("echo once"), headers=headers)
    until(stack, first.body["id"], is_over)
    again = send("POST", jobs(stack), body=shell("echo once"), headers=headers)
    assert (again.status, again.body["id"]) == (202, first.body["id"])
    assert send("POST", jobs(stack), body=shell("echo twice"), headers=headers).status == 422


def test_a_container_tells_of_itself(stack: LocalStack, gate: Gate) -> None:
    """With the URL that it was given. Its progress shows; outputs stay; a late event is refused."""
    job_id = unique("tells")
    command = ["python3", "-c", TELL, str(gate.path)]
    spec = {"image": "python:3.13", "command": command, "id": job_id}
    assert send("POST", jobs(stack), body=spec).status == 202
    shown = until(stack, job_id, lambda answer: answer.body["progress"] or is_over(answer))
    assert (shown.body["progress"]["value"], shown.body["progress"]["message"]) == (0.25, "begun")
    gate.open()
    ended = until(stack, job_id, is_over).body
    assert (ended["state"], ended["exitCode"]) == ("Succeeded", 0)
    assert ended["outputs"] == {"sum": 42, "rows": [1, 2]}
    assert ended["progress"]["value"] == 1
    assert ended["logs"] == "202\n202\n202\n"
    late = send("POST", jobs(stack, f"/{job_id}/events"), body={"progress": 0})
    assert late.status == 410
    wrong = send("POST", jobs(stack, f"/{job_id}/events"), body={"progress": 7, "x": 1})
    assert [error["pointer"] for error in wrong.body["errors"]] == ["#/progress", "#/x"]


def snippet(beginning: str) -> str:
    """Return the guide's code that begins so."""
    found = re.findall(r"```(?:sh|python)\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    return next(code for code in found if code.startswith(beginning))


@pytest.mark.parametrize(
    ("tool", "beginning", "expected"),
    [
        ("curl", "curl ", ({"value": 0.5, "message": "frame 120 of 240"}, None)),
        ("wget", "wget ", (None, {"frames": 240, "video": "https://media.example.com/42.mp4"})),
        ("python3", "import ", ({"value": 1, "message": "frame 240"}, {"frames": 240})),
    ],
)
def test_the_guides_examples_work(
    stack: LocalStack, tool: str, beginning: str, expected: tuple[Any, Any]
) -> None:
    """Each as it stands there; a loop that tells at each turn takes seconds, not minutes."""
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not on this machine")
    code = snippet(beginning)
    spec = shell(code)
    if tool == "python3":
        spec["command"] = ["python3", "-c", f"render = lambda frame: None\n{code}"]
    job_id = send("POST", jobs(stack), body=spec).body["id"]
    ended = until(stack, job_id, is_over).body
    assert (ended["state"], ended["exitCode"]) == ("Succeeded", 0), ended["logs"]
    progress, outputs = expected
    assert ended["outputs"] == outputs
    shown = ended["progress"] or {}
    assert {name: shown[name] for name in progress or {}} == (progress or {})
