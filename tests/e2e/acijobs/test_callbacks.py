"""Callbacks of jobs on the whole local stack, to a receiver on this machine."""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from standardwebhooks.webhooks import Webhook

from callback_receivers import OK, Receiver, answer
from scripted_callbacks import CALLBACK_KEY
from stack.http import send
from stack.local_stack import LocalStack, StackOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stack.http import Reply

pytestmark = pytest.mark.slow

APP = Path(__file__).resolve().parents[3]
OWN_KEY = "whsec_" + "b" * 40


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A stack whose operator trusts receivers on this machine, and has a key."""
    options = StackOptions(
        app=APP,
        state=tmp_path_factory.mktemp("callbacks"),
        settings={
            "CallbackSecret": CALLBACK_KEY,
            "CallbackTrustedHosts": "127.0.0.1",
            "JobSecret_Hook": OWN_KEY,
        },
    )
    with LocalStack(options) as running:
        yield running


def start(stack: LocalStack, script: str, callback: dict[str, Any]) -> str:
    job_id = f"job-{uuid.uuid4().hex[:10]}"
    job = {"id": job_id, "image": "alpine:3.20", "command": ["/bin/sh", "-c", script]}
    reply = send("POST", f"{stack.base_url}/api/jobs", body=job | {"callback": callback})
    assert reply.status == 202, reply.body
    return job_id


def shown(stack: LocalStack, job_id: str) -> dict[str, Any]:
    found: dict[str, Any] = send("GET", f"{stack.base_url}/api/jobs/{job_id}").body
    return found


def until(stack: LocalStack, job_id: str, state: str) -> dict[str, Any]:
    """Return the job once its callback is in this state."""
    give_up_at = time.monotonic() + 60
    while (job := shown(stack, job_id))["callback"]["state"] != state:
        assert time.monotonic() < give_up_at, job
        time.sleep(0.2)
    return job


def events_of(receiver: Receiver, job_id: str) -> list[dict[str, Any]]:
    events = [json.loads(request.body) for request in receiver.received]
    return [event for event in events if event["subject"] == job_id]


def test_a_jobs_whole_life_is_told(stack: LocalStack, receiver: Receiver) -> None:
    """Running and the end, signed with the operator's key, and the job shows that they were."""
    callback = {"url": receiver.url, "phases": ["Running", "Failed"]}
    job_id = start(stack, "sleep 4; exit 3", callback)
    job = until(stack, job_id, "Delivered")
    assert job["callback"] == {"state": "Delivered", "tries": 1, "trouble": None}
    running, failed = events_of(receiver, job_id)
    assert (running["type"], failed["type"]) == ("acijobs.job.running", "acijobs.job.failed")
    assert failed["source"] == f"{stack.base_url}/api/jobs/{job_id}"
    assert failed["data"]["exitCode"] == 3
    assert failed["data"] == {
        name: value
        for name, value in job.items()
        if name not in {"callback", "logs", "logState", "usage"}
    } | {name: failed["data"][name] for name in ("logState", "usage")}
    for request in receiver.received:
        if json.loads(request.body)["subject"] == job_id:
            assert Webhook(CALLBACK_KEY).verify(request.body, request.headers)


def test_a_job_may_bring_its_own_key(stack: LocalStack, receiver: Receiver) -> None:
    """Here in an app setting; it stands nowhere that the job shows."""
    job_id = start(stack, "true", {"url": receiver.url, "secret": {"appSetting": "JobSecret_Hook"}})
    until(stack, job_id, "Delivered")
    [request] = [r for r in receiver.received if json.loads(r.body)["subject"] == job_id]
    assert Webhook(OWN_KEY).verify(request.body, request.headers)


def test_a_key_that_was_sent_is_sealed(stack: LocalStack, receiver: Receiver) -> None:
    """And opened for the message only."""
    key = "whsec_" + "c" * 40
    job_id = start(stack, "true", {"url": receiver.url, "secret": {"value": key}})
    until(stack, job_id, "Delivered")
    [request] = [r for r in receiver.received if json.loads(r.body)["subject"] == job_id]
    assert Webhook(key).verify(request.body, request.headers)
    for path in stack.options.state.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # a database's journal comes and goes
            assert path.is_dir() or b"c" * 40 not in path.read_bytes(), path


def test_a_receiver_that_is_down_is_tried_again(stack: LocalStack) -> None:
    """By the same run; the result does not wait for it."""
    with Receiver(answers=[answer(500), OK]) as flaky:
        job_id = start(stack, "true", {"url": flaky.url})
        flaky.wait_for(1)
        assert shown(stack, job_id)["state"] == "Succeeded"
        job = until(stack, job_id, "Delivered")
        first, second = flaky.received
    assert job["callback"]["tries"] == 2
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]


def test_a_receiver_that_wants_no_more_is_left_alone(stack: LocalStack) -> None:
    """It answered 410, and the job shows that."""
    with Receiver(answers=[answer(410)]) as gone:
        job_id = start(stack, "true", {"url": gone.url})
        job = until(stack, job_id, "Refused")
        assert len(gone.received) == 1
    assert job["state"] == "Succeeded"
    assert job["callback"]["trouble"] == "the receiver answered 410"


def post(stack: LocalStack, job_id: str, callback: dict[str, Any]) -> Reply:
    job = {"id": job_id, "image": "alpine:3.20", "command": ["true"], "callback": callback}
    return send("POST", f"{stack.base_url}/api/jobs", body=job)


@pytest.mark.parametrize(
    "url",
    [
        "https://169.254.169.254/metadata",
        "https://localhost/",
        "http://example.com/",
        "https://a:b@c.d/",
    ],
)
def test_a_hostile_url_is_refused_at_the_door(stack: LocalStack, url: str) -> None:
    """By its pointer; nothing is started."""
    refused = post(stack, f"job-{uuid.uuid4().hex[:10]}", {"url": url})
    assert refused.status == 400
    assert [error["pointer"] for error in refused.body["errors"]] == ["#/callback/url"]


def test_receivers_that_hang_hold_up_no_other_job(stack: LocalStack) -> None:
    """More jobs with such a callback than the host has threads; one without ends as soon as ever."""
    with Receiver() as hanging:
        hanging.answers = [hanging.hang]
        for _ in range(8):
            start(stack, "true", {"url": hanging.url})
        hanging.wait_for(3)
        began_at = time.monotonic()
        job_id = f"job-{uuid.uuid4().hex[:10]}"
        job = {"id": job_id, "image": "alpine:3.20", "command": ["true"]}
        assert send("POST", f"{stack.base_url}/api/jobs", body=job).status == 202
        while (shown_job := shown(stack, job_id))["cleanUp"] == "Pending":
            assert time.monotonic() - began_at < 30, shown_job
            time.sleep(0.2)
    assert shown_job["state"] == "Succeeded"
