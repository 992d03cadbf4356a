"""A job's own URLs on the whole stack: from outside, and from inside its containers."""

from __future__ import annotations

import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runtime_trials import IMAGE, require_engine
from stack import job_story
from stack.http import send
from stack.local_stack import LocalStack, StackOptions

if TYPE_CHECKING:
    from stack.job_story import JobStory

pytestmark = pytest.mark.slow

TELLS = """
import json, os, urllib.request
url = os.environ["ACIJOBS_EVENT_URL"]
told = json.dumps({"progress": 1, "message": "all of it", "outputs": {"frames": 240}}).encode()
print("answer", urllib.request.urlopen(urllib.request.Request(url, data=told)).status)
try:
    urllib.request.urlopen(url.removesuffix("/events"))
except urllib.error.HTTPError as error:
    print("reading", error.code)
"""
NETCAT = """
u=${ACIJOBS_EVENT_URL#http://}; where=${u%%/*}; body='{"outputs": {"frames": 240}}'
post='POST /%s HTTP/1.0\\r\\nHost: x\\r\\nContent-Length: 28\\r\\n\\r\\n%s'
(printf "$post" "${u#*/}" "$body"; sleep 2) |
  nc "${where%%:*}" "${where##*:}" | head -1
"""


def ended(stack: LocalStack, spec: dict[str, Any]) -> JobStory:
    story = job_story.start(stack, spec)
    job_story.follow(stack, story, lambda _: None, timeout_s=60)
    return story


def text(url: str) -> str:
    with urllib.request.urlopen(url) as answer:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        return str(answer.read().decode())


def test_a_container_tells_of_its_job_and_can_do_nothing_else(stack: LocalStack) -> None:
    """By the URL that it finds in its environment, with nothing but a standard library."""
    story = ended(stack, {"image": "python:3.13", "command": [sys.executable, "-c", TELLS]})
    links = story.started.body
    job = send("GET", links["jobUrl"]).body
    assert (job["state"], job["outputs"]) == ("Succeeded", {"frames": 240})
    assert text(links["logsUrl"]) == "answer 202\nreading 403\n"
    assert text(links["jobUrl"] + "/logs?tail=1") == "reading 403\n"
    assert send("POST", links["eventUrl"], body={"progress": 1}).status == 410


def test_a_job_is_run_again_by_its_url_and_cancelled_by_another(stack: LocalStack) -> None:
    """Who may run it again may not end it."""
    links = job_story.start(stack, {"image": "alpine", "command": ["sleep", "600"]}).started.body
    again = send("POST", links["rerunUrl"])
    assert again.status == 202
    assert set(again.body) == {"id", "rerunUrl"}
    assert send("DELETE", again.body["rerunUrl"].removesuffix("/rerun")).status == 403
    assert send("POST", links["cancelUrl"] + "?reason=enough").status == 202
    assert send("DELETE", f"{stack.base_url}/api/jobs/{again.body['id']}").status == 202
    give_up_at = time.monotonic() + 30
    while (job := send("GET", links["jobUrl"]).body)["state"] != "Cancelled":
        assert time.monotonic() < give_up_at
        time.sleep(0.2)
    assert job["reason"]["message"] == "cancelled: enough"


def test_a_forged_url_tells_nothing(stack: LocalStack) -> None:
    """A job that exists, and one that does not, give one answer."""
    links = job_story.start(stack, {"image": "alpine", "command": ["true"]}).started.body
    url, job_id = links["jobUrl"], links["id"]
    forged = [url[:-1] + ("A" if url[-1] != "A" else "B"), url.replace(job_id, "none"), url + "x"]
    for method, part in (("GET", ""), ("DELETE", ""), ("GET", "/logs"), ("POST", "/events")):
        answers = [send(method, each + part) for each in forged]
        assert {(answer.status, str(answer.body)) for answer in answers} == {
            (404, str(answers[0].body)),
        }


@pytest.mark.docker
def test_a_real_container_reaches_its_url_through_the_doorway(tmp_path: Path) -> None:
    """Its network is not this machine's, and nothing else of the app is open to it."""
    require_engine()
    options = StackOptions(
        app=Path(__file__).resolve().parents[3],
        state=tmp_path,
        runtime="docker",
    )
    with LocalStack(options) as stack:
        image = IMAGE
        story = ended(stack, {"image": image, "command": ["sh", "-c", NETCAT]})
        job = send("GET", story.started.body["jobUrl"]).body
    assert job["logs"].strip() == "HTTP/1.0 202 Accepted"
    assert (job["state"], job["outputs"]) == ("Succeeded", {"frames": 240})
