"""Jobs on the whole local stack while Azure misbehaves."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from aci_emulator.admin.client import AdminClient
from stack import job_story
from stack.http import send

if TYPE_CHECKING:
    from stack.job_story import JobStory
    from stack.local_stack import LocalStack

pytestmark = pytest.mark.slow

LINES = [str(i) for i in range(1, 7)]
COMMAND = ["/bin/sh", "-c", "for i in 1 2 3 4 5 6; do echo $i; sleep 1; done"]


def run(
    stack: LocalStack, job_id: str, *faults: dict[str, Any], timeout_s: float = 90, **fields: Any
) -> JobStory:
    admin = stack.emulator_env["ACI_EMULATOR_ADMIN"]
    for fault in faults:
        answer = send("POST", f"{admin}/faults", body={"group": f"job-{job_id}-*", **fault})
        assert answer.status < 300, answer.body
    spec = {"image": "alpine:3.20", "command": COMMAND, "id": job_id, **fields}
    story = job_story.start(stack, spec)
    job_story.follow(stack, story, lambda _: None, timeout_s=timeout_s)
    groups = send("GET", f"{admin}/groups").body["value"]
    assert not [group for group in groups if group["name"].startswith(f"job-{job_id}-")]
    return story


def ever_created(stack: LocalStack, job_id: str) -> int:
    """Return how often a group of this job was created."""
    admin = stack.emulator_env["ACI_EMULATOR_ADMIN"]
    found = send("GET", f"{admin}/containers?prefix=job-{job_id}-").body["value"]
    return sum(container["creations"] for container in found)


def test_a_create_that_worked_but_looked_failed_is_adopted(stack: LocalStack) -> None:
    """The reply is lost after the work was done: one group, one run, every line once."""
    fault = {"kind": "drop_reply", "operation": "ContainerGroups_CreateOrUpdate", "times": 1}
    story = run(stack, "reply-lost", fault)
    assert (story.status["phase"], story.lines) == ("Succeeded", LINES)


def test_a_create_answered_500_after_the_work_is_adopted(stack: LocalStack) -> None:
    """Asked again, the group is found to be the job's own and is not created twice."""
    fault = {"kind": "respond_after", "operation": "ContainerGroups_CreateOrUpdate", "times": 1}
    story = run(stack, "looked-failed", fault)
    assert (story.status["phase"], story.lines) == ("Succeeded", LINES)
    assert ever_created(stack, "looked-failed") == 1


def test_a_third_of_all_requests_failing_loses_neither_job_nor_lines(stack: LocalStack) -> None:
    """500, 503 and 429 on a third of everything: slower, but the same outcome."""
    faults = [
        {"kind": "respond", "share": 0.1, "status": 500},
        {"kind": "respond", "share": 0.1, "status": 503, "code": "ServiceUnavailable"},
        {"kind": "respond", "share": 0.1, "status": 429, "code": "TooManyRequests"}
        | {"retry_after_s": 3},
    ]
    story = run(stack, "third-failing", *faults)
    assert (story.status["phase"], story.lines) == ("Succeeded", LINES)
    assert story.status["cleanUp"] == "Deleted"


def test_no_capacity_at_first_is_waited_for(stack: LocalStack) -> None:
    """409 ServiceUnavailable twice: the job shows why it waits, then runs."""
    fault = {"kind": "capacity", "times": 2}
    story = run(stack, "capacity-later", fault)
    assert (story.status["phase"], story.lines) == ("Succeeded", LINES)


def test_capacity_that_fails_after_the_create_fails_the_job(stack: LocalStack) -> None:
    """The group that Azure could not place is deleted, and the job says why it failed."""
    story = run(stack, "capacity-async", {"kind": "capacity_async"})
    assert story.status["phase"] == "Failed"
    assert story.status["reason"]["code"] == "NoCapacity"
    assert "not available in the location" in story.status["reason"]["message"]


def test_a_group_stuck_in_pending_times_out(stack: LocalStack) -> None:
    """The provisioning deadline ends it, and the group is deleted."""
    fields = {"timeouts": {"provisionSeconds": 5}}
    story = run(stack, "stuck-pending", {"kind": "stuck_pending"}, **fields)
    assert story.status["phase"] == "TimedOut"
    assert story.status["reason"]["code"] == "ProvisionTimeout"


def test_a_group_that_vanishes_fails_the_job(stack: LocalStack) -> None:
    """Deleted by someone else while it ran: Failed, with the lines that were archived before."""
    spec = {"image": "alpine:3.20", "command": ["/bin/sh", "-c", "echo 1; sleep 600"]}
    story = job_story.start(stack, spec | {"id": "vanishing"})
    while not send("GET", story.started.body["jobUrl"]).body["logs"]:
        time.sleep(0.2)
    admin = AdminClient(stack.emulator_env["ACI_EMULATOR_ADMIN"])
    [name] = [n for g in admin.groups() if (n := g["name"]).startswith("job-vanishing-")]
    admin.befall(name, "vanish")
    job_story.follow(stack, story, lambda _: None, timeout_s=150)
    assert story.status["phase"] == "Failed"
    assert story.status["reason"]["code"] == "GroupVanished"
    assert story.lines == ["1"]


def test_logs_that_cannot_be_read_for_a_while_are_complete_in_the_end(stack: LocalStack) -> None:
    """Three failed reads in a row are made up for by the next."""
    fault = {"kind": "respond", "operation": "Containers_ListLogs", "nth": [1, 2, 3]}
    story = run(stack, "logs-500", fault)
    assert (story.status["phase"], story.lines) == ("Succeeded", LINES)
    logs = story.status["logs"]
    assert (logs["complete"], logs["truncated"], logs["trouble"]) == (True, False, None)


def test_tokens_that_expire_early_are_renewed(stack: LocalStack) -> None:
    """Every token is refused in the middle of the run: a new one is fetched."""
    admin = stack.emulator_env["ACI_EMULATOR_ADMIN"]
    spec = {"image": "alpine:3.20", "command": COMMAND, "id": "tokens-expire"}
    story = job_story.start(stack, spec)
    time.sleep(3)
    assert send("POST", f"{admin}/tokens/expire").status < 300
    job_story.follow(stack, story, lambda _: None, timeout_s=60)
    assert (story.status["phase"], story.lines) == ("Succeeded", LINES)
