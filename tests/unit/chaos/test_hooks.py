"""The receivers of a chaos run's callbacks, and their judge: each kind of trouble is found."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import replace
from datetime import UTC, datetime
from http.client import RemoteDisconnected
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from engine_chaos_hooks import Hook, Hooks, Message, untold
from engine_chaos_jobs import Plan

KEY, OTHER_KEY = f"whsec_{'a' * 40}", f"whsec_{'b' * 40}"
JOB = Plan(
    id="j",
    spec={},
    at_s=0,
    state="Failed",
    exit_code=3,
    reason="NonZeroExitCode",
    hook=Hook(key=KEY, phases=("Running", "Failed")),
)
RUNS = Message(job_id="j", id="j-running", phase="Running", outcome=("Running", None, ""))
FAILED = Message(
    job_id="j", id="j-failed", phase="Failed", outcome=("Failed", 3, "NonZeroExitCode")
)
MISSED = replace(FAILED, is_taken=False)
DELIVERED = {"state": "Delivered"}


@pytest.mark.parametrize("heard", [[FAILED], [RUNS, FAILED], [RUNS, RUNS, MISSED, FAILED, FAILED]])
def test_a_receiver_that_was_told_its_jobs_end_has_no_complaint(heard: list[Message]) -> None:
    """Once or several times, with the message that it runs or without."""
    elsewhere = replace(FAILED, job_id="k", outcome=("Succeeded", 0, ""))
    assert untold(JOB, [elsewhere, *heard], DELIVERED) == []


@pytest.mark.parametrize(
    ("heard", "complaint"),
    [
        ([], "no message of Failed was taken"),
        ([RUNS], "no message of Failed was taken"),
        ([MISSED], "no message of Failed was taken"),
        ([replace(FAILED, is_genuine=False)], "not genuine"),
        ([replace(FAILED, outcome=("Failed", 4, "NonZeroExitCode"))], "instead of"),
        ([replace(RUNS, outcome=("Provisioning", None, "")), FAILED], "instead of"),
        ([FAILED, replace(FAILED, phase="Succeeded")], "not to be told"),
        ([FAILED, replace(FAILED, id="another")], "several ids for Failed"),
        ([RUNS, replace(RUNS, id="another"), FAILED], "several ids for Running"),
        ([FAILED, RUNS], "Running told after the end"),
    ],
)
def test_a_receiver_that_was_told_wrongly_complains(heard: list[Message], complaint: str) -> None:
    """Of just that."""
    [(kind, text)] = untold(JOB, heard, DELIVERED)
    assert kind == "untold"
    assert complaint in text


@pytest.mark.parametrize("shown", [None, {"state": "Pending"}, {"state": "GivenUp"}])
def test_a_job_must_show_that_it_was_told(shown: dict[str, str] | None) -> None:
    """Not only the receiver must know."""
    [(_, text)] = untold(JOB, [FAILED], shown)
    assert "instead of Delivered" in text


def test_who_did_not_ask_for_an_end_is_not_told_of_it() -> None:
    """Neither where there is no callback, nor where it names other phases."""
    other = replace(JOB, hook=Hook(key=KEY, phases=("Succeeded",)))
    assert untold(other, [], {"state": "NotNeeded"}) == []
    [(_, told)] = untold(other, [FAILED], {"state": "NotNeeded"})
    assert "not to be told" in told
    silent = replace(JOB, hook=None)
    assert untold(silent, [], None) == []
    [(_, told)] = untold(silent, [FAILED], None)
    assert "without being asked" in told


def send(url: str, key: str, job_id: str = "j") -> int | None:
    """Send the message that a job has failed; return what was answered, None for nothing."""
    data = {
        "id": job_id,
        "state": "Failed",
        "exitCode": 3,
        "reason": {"code": "NonZeroExitCode"},
    }
    event: dict[str, Any] = {"type": "acijobs.job.failed", "subject": job_id, "data": data}
    body, now = json.dumps(event), datetime.now(UTC)
    headers = {
        "webhook-id": f"{job_id}-failed",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(key).sign(f"{job_id}-failed", now, body),
    }
    request = urllib.request.Request(url, data=body.encode(), headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code
    except RemoteDisconnected:
        return None


@pytest.mark.parametrize(("manner", "first"), [("takes", 200), ("busy", 503), ("cuts", None)])
def test_a_receiver_may_fail_at_the_first_message(manner: str, first: int | None) -> None:
    """And takes its repetition."""
    with Hooks(known={"j": Hook(key=KEY, manner=manner)}) as hooks:
        assert [send(hooks.url_of("j"), KEY) for _ in range(2)] == [first, 200]
    assert hooks.messages == [replace(FAILED, is_taken=first == 200), FAILED]


def test_a_message_for_somebody_else_is_not_genuine() -> None:
    """Signed with another key, about another job, or to a receiver that nobody has."""
    with Hooks(known={"j": Hook(key=KEY), "k": Hook(key=KEY)}) as hooks:
        send(hooks.url_of("j"), OTHER_KEY)
        send(hooks.url_of("k"), KEY)
        send(hooks.url_of("nobody"), KEY, "nobody")
    assert [one.is_genuine for one in hooks.messages] == [False, False, False]
