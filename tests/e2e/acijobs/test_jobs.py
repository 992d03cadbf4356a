"""Jobs on the whole local stack, through HTTP only."""

from __future__ import annotations

import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError

import pytest

from stack import job_story
from stack.http import ArmClient, send

if TYPE_CHECKING:
    from stack.job_story import JobStory
    from stack.local_stack import LocalStack

pytestmark = pytest.mark.slow

COUNT = "i=1; while [ $i -le {n} ]; do echo line $i; i=$((i+1)); sleep {s}; done; exit {code}"


def shell(script: str, **fields: Any) -> dict[str, Any]:
    return {"image": "alpine:3.20", "command": ["/bin/sh", "-c", script], **fields}


def finish(stack: LocalStack, story: JobStory, timeout_s: float = 60) -> JobStory:
    job_story.follow(stack, story, lambda _: None, timeout_s=timeout_s)
    return story


def ever_created(stack: LocalStack, job_id: str) -> int:
    """Return how often a group of this job was created."""
    admin = stack.emulator_env["ACI_EMULATOR_ADMIN"]
    found = send("GET", f"{admin}/containers?prefix=job-{job_id}-").body["value"]
    return sum(container["creations"] for container in found)


def has_group(stack: LocalStack, job_id: str) -> bool:
    """Tell whether a group of this job is there now."""
    admin = stack.emulator_env["ACI_EMULATOR_ADMIN"]
    groups = send("GET", f"{admin}/groups").body["value"]
    return any(group["name"].startswith(f"job-{job_id}-") for group in groups)


def is_gone(stack: LocalStack, story: JobStory) -> bool:
    return not ArmClient(env=stack.emulator_env).group_exists(story.status["group"])


def test_a_job_that_succeeds_shows_its_log_and_leaves_nothing(stack: LocalStack) -> None:
    """Succeeded, every line once and in order, the group gone, the orchestration Completed."""
    story = finish(stack, job_story.start(stack, shell(COUNT.format(n=5, s=1, code=0))))
    assert story.lines == [f"line {i}" for i in range(1, 6)]
    assert story.final is not None
    assert story.final.body["runtimeStatus"] == "Completed"
    assert (story.job.status, story.job.body["state"]) == (200, "Succeeded")  # type: ignore[union-attr]
    assert story.status["exitCode"] == 0
    assert story.status["cleanUp"] == "Deleted"
    assert story.status["logs"]["complete"]
    assert is_gone(stack, story)
    times = story.status["timeline"]
    order = ["queued", "creating", "running", "collecting", "cleaning", "succeeded"]
    assert [times[phase] for phase in order] == sorted(times[phase] for phase in order)


def test_exit_code_3_fails_the_orchestration_and_is_shown(stack: LocalStack) -> None:
    """Failed with reason code and exit code in custom status; GET job answers 500."""
    story = finish(stack, job_story.start(stack, shell("echo before; exit 3")))
    assert story.final is not None
    assert story.final.body["runtimeStatus"] == "Failed"
    assert "exited with code 3" in story.final.body["output"]
    assert story.status["exitCode"] == 3
    assert story.status["reason"]["code"] == "NonZeroExitCode"
    assert (story.job.status, story.job.body["state"]) == (500, "Failed")  # type: ignore[union-attr]
    assert story.job.body["logs"] == "before\n"  # type: ignore[union-attr]
    assert is_gone(stack, story)


def test_an_image_that_is_not_there_fails_with_azures_own_message(stack: LocalStack) -> None:
    """The service's code and message reach the user; nothing was created."""
    story = finish(stack, job_story.start(stack, {"image": "example.io/does-not-exist:1"}))
    assert story.status["phase"] == "Failed"
    assert story.status["reason"]["azureCode"] == "InaccessibleImage"
    assert "is not accessible. Please check the image" in story.status["reason"]["message"]
    assert is_gone(stack, story)


def test_cancelling_ends_a_running_job_within_ten_seconds(stack: LocalStack) -> None:
    """Cancelled while it prints: its group is gone soon, the orchestration ends as Completed."""
    story = job_story.start(stack, shell("while true; do echo tick; sleep 1; done"))
    while "tick" not in (send("GET", story.started.body["jobUrl"]).body["logs"] or ""):
        time.sleep(0.2)
    cancelled_at = time.monotonic()
    assert send("DELETE", story.started.body["jobUrl"] + "?reason=enough").status == 202
    assert send("DELETE", story.started.body["jobUrl"]).status in {200, 202}
    while has_group(stack, story.job_id):
        assert time.monotonic() - cancelled_at < 10
        time.sleep(0.1)
    finish(stack, story)
    assert story.final is not None
    assert story.final.body["runtimeStatus"] == "Completed"
    assert story.final.body["output"]["phase"] == "Cancelled"
    assert story.status["reason"]["code"] == "Cancelled"
    assert story.status["reason"]["message"] == "cancelled: enough"
    assert (story.job.status, story.job.body["state"]) == (200, "Cancelled")  # type: ignore[union-attr]
    assert "tick" in story.lines


def test_a_cancel_event_right_after_the_start_is_not_lost(stack: LocalStack) -> None:
    """The event Cancel, raised at once with no reason, ends the job however early it comes."""
    story = job_story.start(stack, shell("sleep 600"))
    url = story.started.body["sendEventPostUri"].replace("{eventName}", "Cancel")
    assert send("POST", url, body={}).status == 202
    finish(stack, story)
    assert story.status["phase"] == "Cancelled"
    assert is_gone(stack, story)


def test_a_job_over_its_run_deadline_times_out(stack: LocalStack) -> None:
    """TimedOut fails the orchestration, GET job answers 500, and the group is gone."""
    spec = shell("echo started; sleep 600", timeouts={"runSeconds": 3})
    story = finish(stack, job_story.start(stack, spec))
    assert story.status["phase"] == "TimedOut"
    assert story.status["reason"]["code"] == "RunTimeout"
    assert story.job.status == 500  # type: ignore[union-attr]
    assert story.lines == ["started"]
    assert is_gone(stack, story)


def test_the_same_id_and_job_posted_twice_at_once_is_one_job(stack: LocalStack) -> None:
    """A repeated request gets the same answer; another job under the id is refused."""
    spec = shell("echo once", id="posted-twice")
    with ThreadPoolExecutor(4) as pool:
        stories = list(pool.map(lambda _: job_story.start(stack, spec), range(4)))
    assert {story.job_id for story in stories} == {"posted-twice"}
    refused = send(
        "POST", f"{stack.base_url}/api/jobs", body=shell("echo other", id="posted-twice")
    )
    assert (refused.status, refused.body["errors"][0]["pointer"]) == (409, "#/id")
    story = finish(stack, stories[0])
    assert story.lines == ["once"]
    assert ever_created(stack, "posted-twice") == 1


def test_a_burst_of_equal_lines_is_archived_line_by_line(stack: LocalStack) -> None:
    """3,000 equal lines at once while the container runs: none lost, none twice."""
    script = "i=0; while [ $i -lt 3000 ]; do echo same; i=$((i+1)); done; sleep 5; echo last"
    story = finish(stack, job_story.start(stack, shell(script)))
    assert story.lines == ["same"] * 3000 + ["last"]
    assert not story.status["logs"]["truncated"]


def test_killing_the_host_in_the_middle_loses_nothing(own_stack: LocalStack) -> None:
    """Kill -9, start again: same outcome, one group ever created, every log line once."""
    story = job_story.start(own_stack, shell(COUNT.format(n=8, s=1, code=0)))
    time.sleep(4)
    own_stack.kill_host()
    time.sleep(2)
    own_stack.start_host()
    _at_new_address(story, own_stack)
    finish(own_stack, story)
    assert story.lines == [f"line {i}" for i in range(1, 9)]
    assert story.status["phase"] == "Succeeded"
    assert ever_created(own_stack, story.job_id) == 1
    assert is_gone(own_stack, story)


def test_deleting_a_terminated_job_removes_the_group_it_left(stack: LocalStack) -> None:
    """Terminating runs no code; DELETE ends the job at once, without waiting for the Reconciler."""
    story = job_story.start(stack, shell("sleep 600", id="terminated"))
    while not has_group(stack, "terminated"):
        time.sleep(0.1)
    terminate = story.started.body["terminatePostUri"].replace("{text}", "enough")
    assert send("POST", terminate).status == 202
    while send("GET", story.started.body["statusQueryGetUri"]).status == 202:
        time.sleep(0.1)
    answer = send("DELETE", story.started.body["jobUrl"])
    assert (answer.status, answer.body["cleanUp"]) == (200, "Deleted")
    assert not has_group(stack, "terminated")
    assert send("GET", story.started.body["jobUrl"]).body["cleanUp"] == "Deleted"


def test_purging_a_job_forgets_only_its_history(stack: LocalStack) -> None:
    """The job, its log and its id stay: the same job is not run again, another is refused."""
    spec = shell("echo of the first", id="purged")
    first = finish(stack, job_story.start(stack, spec))
    assert send("DELETE", first.started.body["purgeHistoryDeleteUri"]).status == 200
    shown = send("GET", first.started.body["jobUrl"])
    assert (shown.status, shown.body["state"]) == (200, "Succeeded")
    assert shown.body["logs"] == "of the first\n"
    assert send("POST", f"{stack.base_url}/api/jobs", body=spec).status == 202
    assert ever_created(stack, "purged") == 1
    other = shell("echo of the second", id="purged")
    assert send("POST", f"{stack.base_url}/api/jobs", body=other).status == 409


def test_restarting_a_job_at_durables_own_url_does_nothing(stack: LocalStack) -> None:
    """The restarted execution finds its offer used, and ends as superseded."""
    story = finish(stack, job_story.start(stack, shell("echo once", id="restarted")))
    restart = story.started.body["restartPostUri"] + "&restartWithNewInstanceId=false"
    assert send("POST", restart).status == 202
    while (found := send("GET", story.started.body["statusQueryGetUri"])).status == 202:
        time.sleep(0.1)
    assert found.body["customStatus"] == {"superseded": True}
    assert send("GET", story.started.body["jobUrl"]).body["state"] == "Succeeded"
    assert ever_created(stack, "restarted") == 1


def test_a_command_that_does_not_exist_says_so(stack: LocalStack) -> None:
    """The reason carries what the platform told, not only the number 127."""
    story = finish(stack, job_story.start(stack, {"image": "alpine", "command": ["/no/such"]}))
    assert story.status["exitCode"] == 127
    assert "/no/such" in story.status["reason"]["message"]


def test_long_lines_cut_by_azure_are_flagged(stack: LocalStack) -> None:
    """40 lines of 6,000 bytes from a container that ended before the first look."""
    script = (
        "i=0; while [ $i -lt 40 ]; do head -c 6000 /dev/zero | tr '\\0' k; echo; i=$((i+1)); done"
    )
    story = finish(stack, job_story.start(stack, shell(script)))
    assert story.status["logs"]["truncated"]
    assert story.lines[0].startswith("[acijobs] log lines may be missing here")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/jobs/none-such", 404),
        ("DELETE", "/api/jobs/none-such", 404),
        ("GET", "/api/nothing", 404),
        ("PUT", "/api/jobs", 404),  # as the real host: a route with another method is no route
        ("GET", "/api/jobs/none-such?tail=x", 400),
    ],
)
def test_wrong_requests_get_their_status(
    stack: LocalStack, method: str, path: str, status: int
) -> None:
    """Unknown jobs, paths and methods are 404; a wrong parameter is 400."""
    request = urllib.request.Request(stack.base_url + path, method=method)
    with pytest.raises(HTTPError) as error:
        urllib.request.urlopen(request, timeout=30)
    with error.value:
        assert error.value.status == status


def test_every_wrong_field_is_named_in_one_answer(stack: LocalStack) -> None:
    """400 as problem+json, with a pointer for each field."""
    reply = send("POST", f"{stack.base_url}/api/jobs", body={"cpu": 99, "comand": "echo hi"})
    assert reply.status == 400
    assert reply.headers["content-type"].startswith("application/problem+json")
    assert {e["pointer"] for e in reply.body["errors"]} == {"#/image", "#/cpu", "#/comand"}


def test_a_body_over_256_kb_is_refused(stack: LocalStack) -> None:
    """413, before anything is parsed."""
    reply = send("POST", f"{stack.base_url}/api/jobs", body={"image": "x" * (256 * 1024)})
    assert reply.status == 413


def _at_new_address(story: JobStory, stack: LocalStack) -> None:
    old = story.started.body["jobUrl"].split("/api/")[0]
    for name, url in story.started.body.items():
        story.started.body[name] = url.replace(old, stack.base_url)
