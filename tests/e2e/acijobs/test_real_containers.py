"""Jobs in real containers on the whole stack: all of a group's parts, and what comes from inside."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runtime_trials import IMAGE, require_engine
from stack import job_story
from stack.http import send
from stack.local_stack import LocalStack, StackOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.slow, pytest.mark.docker]

TELL = """
tell() {
  u=${ACIJOBS_EVENT_URL#http://}; where=${u%%/*}
  post='POST /%s HTTP/1.0\\r\\nHost: x\\r\\nContent-Length: %s\\r\\n\\r\\n%s'
  (printf "$post" "${u#*/}" "${#1}" "$1"; sleep 1) | nc "${where%%:*}" "${where##*:}" | head -1
}
"""
MAIN = f"""{TELL}
echo "attempt $ACIJOBS_ATTEMPT of $ACIJOBS_JOB_ID"
cat /work/from-init
until nc 127.0.0.1 8080 2>/dev/null; do sleep 0.1; done
cat /secrets/token; echo; echo "$PASSWORD" | md5sum
tell '{{"progress": 0.5, "message": "half of it", "outputs": {{"frames": 240}}}}'
[ "$ACIJOBS_ATTEMPT" = 2 ] || exit 3
tell '{{"outputs": {{"attempt": 2}}, "done": true}}'
"""


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[LocalStack]:
    require_engine()
    app = Path(__file__).resolve().parents[3]
    options = StackOptions(app=app, state=tmp_path, runtime="docker")
    with LocalStack(options) as running:
        yield running


def spec() -> dict[str, Any]:
    return {
        "image": IMAGE,
        "command": ["sh", "-c", MAIN],
        "cpu": 0.5,
        "memoryGb": 0.2,
        "secrets": {"PASSWORD": {"value": "from the door"}},
        "initContainers": [
            {
                "name": "before",
                "image": IMAGE,
                "command": ["sh", "-c", "echo init >/work/from-init"],
            }
        ],
        "sidecars": [
            {
                "name": "beside",
                "image": IMAGE,
                "command": [
                    "sh",
                    "-c",
                    "echo listening; while :; do echo side | nc -l -p 8080; done",
                ],
                "cpu": 0.5,
                "memoryGb": 0.2,
            }
        ],
        "volumes": [
            {"name": "work-files", "mountPath": "/work", "emptyDir": {}},
            {
                "name": "secret-files",
                "mountPath": "/secrets",
                "readOnly": True,
                "containers": ["job"],
                "secret": {"token": {"value": "t0ken"}},
            },
        ],
        "retry": {
            "attempts": 3,
            "backoffSeconds": 1,
            "rules": [{"onExitCodes": [3], "action": "retry"}],
        },
    }


def test_a_job_of_all_parts_fails_once_and_succeeds(stack: LocalStack) -> None:
    """Init container, sidecar, both volumes, secrets, a retry on exit code 3, progress and outputs."""
    story = job_story.start(stack, spec())
    job_story.follow(stack, story, lambda _: None, timeout_s=100)
    job = send("GET", story.started.body["jobUrl"]).body
    assert (job["state"], job["attempt"], job["exitCode"]) == ("Succeeded", 2, 0)
    assert [(a["state"], a["exitCode"], a["counted"]) for a in job["attempts"]] == [
        ("Failed", 3, True),
        ("Succeeded", 0, True),
    ]
    lines = job["logs"].splitlines()
    assert lines[:4] == [f"attempt 2 of {story.job_id}", "init", "side", "t0ken"]
    assert lines[4].split() == [hashlib.md5(b"from the door\n").hexdigest(), "-"]
    assert lines[5:] == ["HTTP/1.0 202 Accepted"] * 2
    assert job["outputs"] == {"frames": 240, "attempt": 2}
    assert (job["progress"]["value"], job["progress"]["message"]) == (0.5, "half of it")
    assert {c["name"] for c in job["containers"]} == {"job", "beside", "before"}
    assert job["cleanUp"] == "Deleted"
