"""What people reported of Azure elsewhere, as jobs on the whole local stack."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from log_requests import read_log
from stack import job_story
from stack.http import ArmClient, send

if TYPE_CHECKING:
    from collections.abc import Callable

    from gate import Gate
    from stack.http import Reply
    from stack.job_story import JobStory
    from stack.local_stack import LocalStack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

COUNT = "i=1; while [ $i -le {n} ]; do echo $i; i=$((i+1)); sleep 1; done"
MISSING = {"kind": "respond", "operation": "ContainerGroups_Get", "status": 404}
DENIED = {"kind": "respond", "status": 403, "code": "AuthorizationFailed"}


def start(
    stack: LocalStack, job_id: str, command: list[str], *faults: dict[str, Any], **fields: Any
) -> JobStory:
    for fault in faults:
        add_fault(stack, job_id, **fault)
    spec = {"image": "alpine:3.20", "command": command, "id": job_id, **fields}
    return job_story.start(stack, spec)


def shell(script: str) -> list[str]:
    return ["/bin/sh", "-c", script]


def python(script: str) -> list[str]:
    return ["python3", "-c", script]


def add_fault(stack: LocalStack, job_id: str, **fault: Any) -> str:
    """Put a fault of this job's group in force; return the URL that lifts it."""
    admin = stack.emulator_env["ACI_EMULATOR_ADMIN"]
    answer = send("POST", f"{admin}/faults", body={"group": f"job-{job_id}-*", **fault})
    assert answer.status < 300, answer.body
    return f"{admin}/faults/{answer.body['id']}"


def finish(stack: LocalStack, story: JobStory, timeout_s: float = 120) -> dict[str, Any]:
    """Follow the job to its end; nothing of it may be left, and it ran once."""
    job_story.follow(stack, story, lambda _: None, timeout_s=timeout_s)
    admin = stack.emulator_env["ACI_EMULATOR_ADMIN"]
    groups = send("GET", f"{admin}/groups").body["value"]
    assert not [group for group in groups if group["name"].startswith(f"job-{story.job_id}-")]
    found = send("GET", f"{admin}/containers?prefix=job-{story.job_id}-").body["value"]
    assert [container["creations"] for container in found] in ([1], [])
    return dict(send("GET", story.started.body["jobUrl"]).body)


def wait_for(story: JobStory, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    while not is_so(shown := dict(send("GET", story.started.body["jobUrl"]).body)):
        time.sleep(0.1)
    return shown


def group_of(stack: LocalStack, story: JobStory) -> str:
    admin = stack.emulator_env["ACI_EMULATOR_ADMIN"]
    names = [group["name"] for group in send("GET", f"{admin}/groups").body["value"]]
    return str(next(name for name in names if name.startswith(f"job-{story.job_id}-")))


def mishap(stack: LocalStack, story: JobStory, what: str) -> None:
    admin = stack.emulator_env["ACI_EMULATOR_ADMIN"]
    answer = send("POST", f"{admin}/groups/{group_of(stack, story)}/{what}", body={})
    assert answer.status < 300, answer.body


def test_a_running_group_that_reads_do_not_find_for_30_s_goes_on(stack: LocalStack) -> None:
    """ARM's replicas lag: the job neither ends nor is the group said to be gone."""
    story = start(stack, "unseen-running", shell(COUNT.format(n=40)))
    wait_for(story, lambda job: job["phase"] == "Running")
    add_fault(stack, "unseen-running", **MISSING, for_s=30)
    job = finish(stack, story)
    assert (job["state"], job["exitCode"], job["cleanUp"]) == ("Succeeded", 0, "Deleted")
    assert story.lines == [str(n) for n in range(1, 41)]
    assert not job["logState"]["truncated"]


def test_a_group_that_reads_do_not_find_after_its_create_is_waited_for(stack: LocalStack) -> None:
    """It ran all the while, and is created once."""
    fault = MISSING | {"for_s": 30}
    story = start(stack, "unseen-created", shell(COUNT.format(n=5)), fault)
    job = finish(stack, story)
    assert (job["state"], job["exitCode"], job["cleanUp"]) == ("Succeeded", 0, "Deleted")
    assert story.lines == [str(n) for n in range(1, 6)]


def test_a_group_whose_create_was_lost_and_that_reads_do_not_find_is_adopted(
    stack: LocalStack,
) -> None:
    """Not asked for again while reads may lag: two containers would run."""
    lost = {"kind": "drop_reply", "operation": "ContainerGroups_CreateOrUpdate", "times": 1}
    story = start(stack, "unseen-lost", shell(COUNT.format(n=5)), lost, MISSING | {"for_s": 30})
    job = finish(stack, story)
    assert (job["state"], job["exitCode"], job["cleanUp"]) == ("Succeeded", 0, "Deleted")


def test_a_clean_up_during_which_reads_find_nothing_still_deletes(stack: LocalStack) -> None:
    """`Deleted` is said after Azure took a DELETE, and not because a read found nothing."""
    story = start(stack, "unseen-cleaning", shell("echo ok; sleep 600"))
    wait_for(story, lambda job: job["logs"] == "ok\n")
    add_fault(stack, "unseen-cleaning", **MISSING, for_s=30)
    assert send("DELETE", story.started.body["jobUrl"]).status == 202
    job = finish(stack, story)
    assert (job["state"], job["cleanUp"]) == ("Cancelled", "Deleted")


def test_a_group_that_cannot_be_deleted_is_not_said_to_be(stack: LocalStack) -> None:
    """Though no read finds it; each DELETE of the job asks Azure again."""
    story = start(stack, "undeletable", shell("sleep 600"))
    wait_for(story, lambda job: job["phase"] == "Running")
    denied = add_fault(stack, "undeletable", **DENIED, operation="ContainerGroups_Delete")
    add_fault(stack, "undeletable", **MISSING, for_s=30)
    assert send("DELETE", story.started.body["jobUrl"]).status == 202
    closed = wait_for(story, lambda job: job["state"] == "Cancelled")
    assert closed["cleanUp"] == "Pending"
    assert send("DELETE", denied).status < 300
    job = finish(stack, story)
    assert job["cleanUp"] == "Deleted"


def test_tags_in_another_letter_case_are_still_ours(stack: LocalStack) -> None:
    """Also where the create's answer was lost, and the group is recognised by them."""
    lost = {"kind": "drop_reply", "operation": "ContainerGroups_CreateOrUpdate", "times": 1}
    recased = {"kind": "recase_tags", "after_s": 0}
    story = start(stack, "recased", shell(COUNT.format(n=5)), lost, recased)
    job = finish(stack, story)
    assert (job["state"], job["cleanUp"]) == ("Succeeded", "Deleted")
    assert story.lines == [str(n) for n in range(1, 6)]


def test_a_long_line_before_the_end_is_neither_repeated_nor_marked(stack: LocalStack) -> None:
    """The last window, 16 KB, begins within the last archived line."""
    script = "import time\nprint('a' * 12008, flush=True)\ntime.sleep(8)\nprint('a' * 12008)"
    story = start(stack, "two-long-lines", python(script))
    job = finish(stack, story)
    assert job["logs"] == ("a" * 12_008 + "\n") * 2
    assert (job["logState"]["truncated"], job["logState"]["complete"]) == (False, True)


@pytest.mark.parametrize("size", [12_000, 36_000, 200_000])
@pytest.mark.parametrize("last", ["'bye'", "line[:9000]"])
def test_lines_of_any_length_are_exact(stack: LocalStack, size: int, last: str) -> None:
    """JSON records, base64: whether the end has another line, or a part of one."""
    script = (
        f"import time\nline = ''.join(f'{{n:07d}};' for n in range({size} // 8))\n"
        f"print(line[::-1], flush=True)\ntime.sleep(1)\nprint(line, flush=True)\n"
        f"time.sleep(7)\nprint({last}, end='')"
    )
    line = "".join(f"{n:07d};" for n in range(size // 8))
    name = f"line-{size}-{'part' if 'line' in last else 'bye'}"
    job = finish(stack, start(stack, name, python(script)))
    end = line[:9000] if "line" in last else "bye"
    log = read_log(job["logState"]["url"])
    assert log.text == f"{line[::-1]}\n{line}\n{end}"
    assert log.headers["x-log-complete"] == "true"
    assert (job["logState"]["truncated"], job["logState"]["complete"]) == (False, True)


def test_a_progress_bar_is_exact_and_shown_while_it_grows(stack: LocalStack) -> None:
    """40 KB of one line that ends with the container."""
    script = (
        "import time\nfor n in range(1001):\n"
        " print(f'\\r{n / 10:5.1f}% [{\"#\" * (n // 40):<25}] {n}/1000', end='', flush=True)\n"
        " time.sleep(0.012)\nprint()"
    )
    story = start(stack, "bar", python(script))
    shown = wait_for(story, lambda job: bool(job["logs"]))["logs"]
    job = finish(stack, story)
    frames = (f"\r{n / 10:5.1f}% [{'#' * (n // 40):<25}] {n}/1000" for n in range(1001))
    whole = "".join(frames) + "\n"
    assert len(whole) > 40_000
    assert job["logs"] == whole
    assert not job["logState"]["truncated"]
    assert whole.startswith(shown)
    assert "\n" not in shown


def test_text_without_its_newline_is_shown_while_it_waits(stack: LocalStack, gate: Gate) -> None:
    """A prompt, or a step that takes long."""
    story = start(stack, "prompt", shell(f"printf 'step 1... '; {gate.wait}; echo done"))
    shown = wait_for(story, lambda job: job["state"] == "Running" and bool(job["logs"]))
    assert shown["logs"] == "step 1... "
    gate.open()
    assert finish(stack, story)["logs"] == "step 1... done\n"


@pytest.mark.parametrize("what", ["evict", "restart"])
def test_a_container_that_was_started_again_counts_as_restarted(
    stack: LocalStack, what: str
) -> None:
    """Azure counts none of these: its own count begins anew, or stays."""
    story = start(stack, f"again-{what}", shell("date +%s%N; sleep 12"))
    wait_for(story, lambda job: job["phase"] == "Running" and bool(job["logs"]))
    if what == "restart":
        ArmClient(env=stack.emulator_env).restart_group(group_of(stack, story))
    else:
        mishap(stack, story, what)
    job = finish(stack, story)
    assert job["state"] == "Succeeded"
    assert job["restarts"] >= 1
    assert job["logState"]["truncated"]


def test_a_group_that_is_repaired_again_and_again_counts_its_starts(stack: LocalStack) -> None:
    """Into Repairing and back, until the run deadline."""
    fault = {"kind": "repairing", "after_s": 3, "period_s": 6}
    fields = {"timeouts": {"runSeconds": 20}}
    story = start(stack, "repaired", shell("date +%s%N; sleep 60"), fault, **fields)
    job = finish(stack, story)
    assert job["state"] == "TimedOut"
    assert job["restarts"] >= 1
    assert job["reason"]["code"] in {"RunTimeout", "Unhealthy"}


@pytest.mark.parametrize("policy", ["Never", "OnFailure"])
def test_a_container_that_never_started_fails_by_provisioning(
    stack: LocalStack, policy: str
) -> None:
    """Three restarts are three attempts, and not a container that runs for a day."""
    job_id = f"unstartable-{policy.lower()}"
    fault = {"kind": "unstartable"}
    job = finish(stack, start(stack, job_id, shell("echo x"), fault, restartPolicy=policy))
    assert (job["state"], job["reason"]["code"]) == ("Failed", "ProvisioningFailed")
    assert (job["cleanUp"], job["logs"]) == ("Deleted", "")
    assert "running" not in job["timeline"]


def test_a_container_that_crashes_for_ever_ends_as_a_crash_loop(stack: LocalStack) -> None:
    """The run deadline says so, rather than that the container ran too long."""
    fields = {"restartPolicy": "OnFailure", "timeouts": {"runSeconds": 14}}
    story = start(stack, "crash-loop", shell("echo x; exit 3"), **fields)
    job = finish(stack, story)
    assert (job["state"], job["reason"]["code"]) == ("TimedOut", "CrashLoop")
    assert job["restarts"] > 1


@pytest.mark.parametrize(
    "refusal",
    [(403, "AuthorizationFailed"), (403, "LinkedAuthorizationFailed"), (409, "Conflict")],
)
def test_a_create_that_was_refused_once_is_tried_again(
    stack: LocalStack, refusal: tuple[int, str]
) -> None:
    """Rights take minutes to spread, and a conflict passes."""
    status, code = refusal
    fault = {"kind": "respond", "operation": "ContainerGroups_CreateOrUpdate", "times": 2}
    story = start(
        stack, f"once-{code.lower()}", shell("echo ok"), fault | {"status": status, "code": code}
    )
    shown = wait_for(story, lambda job: job["waitingFor"] or job["phase"] != "Creating")
    job = finish(stack, story)
    assert (job["state"], job["logs"], job["cleanUp"]) == ("Succeeded", "ok\n", "Deleted")
    assert shown["waitingFor"] is None or code in shown["waitingFor"]


def test_a_log_that_was_refused_at_the_end_is_fetched_again(stack: LocalStack) -> None:
    """A cancelled job's last lines, too."""
    story = start(stack, "log-refused", shell("echo one; sleep 600"))
    wait_for(story, lambda job: job["logs"] == "one\n")
    add_fault(stack, "log-refused", **DENIED, operation="Containers_ListLogs", for_s=6)
    assert send("DELETE", story.started.body["jobUrl"]).status == 202
    job = finish(stack, story)
    assert (job["state"], job["logs"], job["cleanUp"]) == ("Cancelled", "one\n", "Deleted")
    assert job["logState"]["trouble"] is None


@pytest.mark.parametrize("job_id", ["a b", "zaż", "a+b", "_nightly"])
def test_an_id_that_only_durable_takes_creates_nothing(stack: LocalStack, job_id: str) -> None:
    """The instance ends at once, and says why: nobody could find or cancel its job."""
    url = f"{stack.base_url}/runtime/webhooks/durabletask/orchestrators/JobOrchestrator"
    spec = {"image": "alpine:3.20", "command": ["echo", "x"]}
    started = send("POST", f"{url}/{quote(job_id)}", body=spec)
    assert started.status == 202, started.body
    ended = _ended(started)
    assert ended.body["runtimeStatus"] == "Failed"
    assert ended.body["customStatus"]["reason"]["code"] == "NotAJob"
    assert ended.body["customStatus"]["cleanUp"] == "NotNeeded"
    assert send("GET", f"{stack.base_url}/api/jobs/{quote(job_id)}").status == 404


def test_the_children_of_a_job_are_found_by_its_id(stack: LocalStack) -> None:
    """A job that polls for long hands over to instances whose ids begin with its own."""
    story = start(stack, "has-children", shell("sleep 45"))
    finish(stack, story)
    url = story.started.body["statusQueryGetUri"].replace("/has-children", "")
    found = send("GET", f"{url}&instanceIdPrefix=has-children:").body
    assert [(i["name"], i["instanceId"]) for i in found] == [
        ("WatchOrchestrator", "has-children:1.1")
    ]


def _ended(started: Reply) -> Reply:
    give_up_at = time.monotonic() + 30
    while (found := send("GET", started.body["statusQueryGetUri"])).status == 202:
        assert time.monotonic() < give_up_at
        time.sleep(0.1)
    return found
