"""The job API, on the SDK's own Durable client: read and cancel."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from acijobs.domain.messages import CreateRequest
from acijobs.domain.outcome import Outcome
from acijobs.domain.reasons import Reason
from acijobs.domain.retry import Again
from acijobs.domain.row import retried
from acijobs.usecases.create_group import create_group
from acijobs.usecases.finish_job import End, end_job
from acijobs.web.job_logs import MAX_READ_BYTES, MAX_TEXT_BYTES
from acijobs.web.jobs import read_job
from acijobs_interleaving import RUN, accept, at_call
from acijobs_world import busy
from job_api import Api, fail, request, storage_fails
from job_calls import decoded

pytestmark = pytest.mark.filterwarnings("ignore:enable_cleanup_closed:DeprecationWarning")

T = "2026-11-23T10:00:00.000000001Z "
ODD_IDS = ["none", "a/b", "..", "", "a?b", "%2e%2e", "a#b", "a b", "x" * 101, "é", "a\n", "-a"]


@pytest.mark.parametrize(
    ("phase", "http", "state"),
    [
        ("Queued", 202, "Pending"),
        ("Creating", 202, "Pending"),
        ("Pulling", 202, "Pending"),
        ("Running", 202, "Running"),
        ("Collecting", 202, "Running"),
        ("Cleaning", 202, "Running"),
    ],
)
@pytest.mark.parametrize("runtime", ["Pending", "Running", "Suspended"])
async def test_a_driven_job_is_shown_as_its_run_shows_it(
    api: Api, runtime: str, phase: str, http: int, state: str
) -> None:
    """In the words of jobs, 202 while it runs."""
    shown = {"run": RUN.execution, "phase": phase, "restarts": 7, "unknown": 1}
    api.running(runtimeStatus=runtime, customStatus=shown)
    answer = await api.get()
    assert (answer.status, answer.body["id"], answer.body["state"]) == (http, "j", state)
    assert (answer.body["phase"], answer.body["restarts"]) == (phase, 7)
    assert (answer.body["cleanUp"], answer.headers["Retry-After"]) == ("Pending", "5")
    assert not {"run", "group", "unknown"} & set(answer.body)


@pytest.mark.parametrize(
    "shown",
    [
        *(None, [], "x", {}, {"phase": "Running"}, {"run": "another", "phase": "Running"}),
        {"superseded": True},
    ],
)
async def test_a_status_of_another_run_is_ignored(api: Api, shown: Any) -> None:
    """The row tells what it knows."""
    api.running(customStatus=shown)
    answer = await api.get()
    assert (answer.status, answer.body["state"], answer.body["phase"]) == (
        202,
        "Pending",
        "Creating",
    )
    assert set(answer.body["timeline"]) == {"queued", "creating", "groupCreated"}


async def test_no_status_is_believed_before_a_run_has_claimed_the_job(api: Api) -> None:
    """An instance of an earlier life of the id may still be shown."""
    accept(api.world)
    api.durable.add("j", runtimeStatus="Failed", customStatus={"run": "", "phase": "Running"})
    answer = await api.get()
    assert (answer.status, answer.body["state"], answer.body["phase"]) == (202, "Pending", "Queued")


@pytest.mark.parametrize("runtime", ["Failed", "Terminated", "Canceled", "Completed"])
async def test_a_job_whose_orchestration_is_dead_is_not_over(api: Api, runtime: str) -> None:
    """Its row is open: the Reconciler takes it over, or ends it."""
    api.running(runtimeStatus=runtime)
    answer = await api.get()
    assert (answer.status, answer.body["cleanUp"]) == (202, "Pending")
    assert answer.body["state"] in {"Pending", "Running"}
    assert answer.body["reason"] is None


@pytest.mark.parametrize(
    ("outcome", "http", "state"),
    [
        (Outcome.succeeded(), 200, "Succeeded"),
        (Outcome.cancelled("slow"), 200, "Cancelled"),
        (Outcome.refused("InaccessibleImage", "no"), 500, "Failed"),
        (Outcome.timed_out(Reason.RUN_TIMEOUT, "late"), 500, "TimedOut"),
    ],
)
async def test_an_ended_job_is_answered_from_its_row_alone(
    api: Api, outcome: Outcome, http: int, state: str
) -> None:
    """The engine is not asked, and may have forgotten it."""
    api.ended(outcome)
    del api.durable.instances["j"]
    asked: list[int] = []
    api.durable.before_status = lambda: asked.append(1)
    answer = await api.get()
    assert (answer.status, answer.body["state"], answer.body["phase"]) == (http, state, state)
    assert (answer.body["cleanUp"], answer.body["exitCode"]) == ("Deleted", outcome.exit_code)
    assert (answer.body["reason"] or {}).get("message", "") == outcome.message
    assert "Retry-After" not in answer.headers
    assert asked == []


async def test_a_timeline_is_shown_in_the_order_of_a_jobs_life(api: Api) -> None:
    """However the store kept it."""
    api.ended()
    stored = api.world.memory_rows.read("j")
    assert stored is not None
    at = stored.row.accepted_at
    names = ["queued", "creating", "containerStarted", "running", "collecting", "succeeded"]
    row = replace(stored.row, times=dict.fromkeys(sorted(names), at))
    api.world.memory_rows.swap(stored, row)
    shown = list((await api.get()).body["timeline"])
    assert [name for name in shown if name in names] == names


async def test_an_engine_that_does_not_answer_hides_no_job(api: Api) -> None:
    """What the row knows is shown."""
    api.running()
    api.durable.before_status = fail
    answer = await api.get()
    assert (answer.status, answer.body["phase"]) == (202, "Creating")


async def test_a_store_that_is_down_is_not_an_unknown_job(api: Api) -> None:
    """503 with Retry-After, never 404."""
    api.running()
    api.world.storage_down = True
    for answer in (await api.get(), await api.delete()):
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert api.durable.events == []


@pytest.mark.parametrize("job_id", ODD_IDS)
async def test_an_unknown_job_is_404_however_odd_its_id(api: Api, job_id: str) -> None:
    """An id that no job can have is looked for nowhere."""
    api.durable.add("b")
    assert (await api.get(job_id)).status == 404
    assert (await api.delete(job_id)).status == 404
    assert api.durable.events == []


async def test_an_instance_without_a_row_is_no_job(api: Api) -> None:
    """The watch of a job, for instance, or one that was started past the API."""
    api.durable.add("w", name="WatchOrchestrator")
    assert (await api.get("w")).status == 404
    assert (await api.delete("w")).status == 404
    assert api.durable.events == []


@pytest.mark.parametrize(
    ("query", "logs"),
    [
        ("", "one\ntwo\rhalf\nthree\n"),
        ("?tail=0", ""),
        ("?tail=1", "three\n"),
        ("?tail=2", "two\rhalf\nthree\n"),
        ("?tail=3", "one\ntwo\rhalf\nthree\n"),
        ("?tail=999999999", "one\ntwo\rhalf\nthree\n"),
    ],
)
async def test_the_log_is_shown_as_the_container_wrote_it(api: Api, query: str, logs: str) -> None:
    """Whole or its last lines, without times; a carriage return ends no line."""
    api.running()
    api.write_log(f"{T}one\n{T}two\rhalf\n{T}three\n")
    answer = await api.get("j", query)
    assert (answer.status, answer.body["logs"]) == (202, logs)
    assert answer.body["logState"]["archivedBytes"] > 0


async def test_a_job_without_a_group_has_an_empty_log(api: Api) -> None:
    """Nothing was created yet."""
    api.accepted()
    answer = await api.get()
    assert (answer.body["logs"], answer.body["logState"]["archivedBytes"]) == ("", 0)


async def test_a_last_line_without_an_end_is_a_line(api: Api) -> None:
    """A container need not end its output with a line end."""
    api.running()
    api.write_log(f"{T}one\n{T}two")
    assert (await api.get("j", "?tail=1")).body["logs"] == "two"
    assert (await api.get("j", "?tail=0")).body["logs"] == ""


@pytest.mark.parametrize("tail", ["-1", "1.5", "x", "1e3", "٣", "9" * 10])
async def test_a_wrong_tail_is_refused(api: Api, tail: str) -> None:
    """With the value that was given."""
    api.running()
    assert (await api.get("j", f"?tail={tail}")).status == 400


async def test_a_long_log_is_shown_from_a_line_start(api: Api) -> None:
    """The answer carries the last 64 KB of it, the times not counted, and says so."""
    api.running()
    line = f"{T}{'x' * 100}é\n"
    api.write_log(line * (MAX_TEXT_BYTES // 100))
    body = (await api.get()).body
    assert set(body["logs"].split("\n")) == {"x" * 100 + "é", ""}
    assert MAX_TEXT_BYTES - len(line) < len(body["logs"].encode()) <= MAX_TEXT_BYTES
    assert body["logState"]["partial"]


async def test_a_log_of_very_short_lines_is_read_far_back(api: Api) -> None:
    """Most of what is read are times, so that there is less text than in other logs."""
    api.running()
    line = f"{T}y\n"
    api.write_log(line * (2 * MAX_READ_BYTES // len(line)))
    body = (await api.get()).body
    assert body["logs"] == "y\n" * (MAX_TEXT_BYTES // len("y\n") - 1)
    assert body["logState"]["partial"]


@pytest.mark.parametrize(
    ("log", "query", "logs", "partial"),
    [
        (f"{T}one\n{T}two\n", "", "one\ntwo\n", False),
        (f"{T}one\n{T}two\n", "?tail=2", "one\ntwo\n", False),
        (f"{T}one\n{T}two\n", "?tail=1", "two\n", True),
        (f"{T}one\n", "?tail=0", "", True),
        ("", "?tail=0", "", False),
        (T + "é" * MAX_TEXT_BYTES, "", "é" * (MAX_TEXT_BYTES // 2), True),
        (T + "z" * MAX_TEXT_BYTES + f"\n{T}end\n", "", "end\n", True),
    ],
)
async def test_a_part_of_a_log_is_said_to_be_one(
    api: Api, log: str, query: str, logs: str, *, partial: bool
) -> None:
    """Whether it was asked for or is all that one answer carries."""
    api.running()
    api.write_log(log)
    body = (await api.get("j", query)).body
    assert body["logs"] == logs
    assert body["logState"]["partial"] is partial


async def test_a_part_of_a_log_says_where_the_rest_is(api: Api) -> None:
    """At the address that callers know, without the key that was sent."""
    api.running()
    asked = request("/api/jobs/j?code=K&tail=1", id="j")
    for public_url, host in (("", "app.example"), ("https://jobs.example", "jobs.example")):
        answer = await read_job(asked, api.instances, api.world, public_url=public_url)
        url = decoded(answer).body["logState"]["url"]
        assert url == f"https://{host}/api/jobs/j/logs"


async def test_between_two_attempts_the_log_of_the_last_one_is_shown(api: Api) -> None:
    """The next one has none yet, and a job that is cancelled then never will."""
    api.running()
    api.write_log(f"{T}one\n")
    stored = api.world.memory_rows.read("j")
    assert stored is not None
    failed = Outcome.failed(Reason.EXIT_CODE, "it exited", exit_code=3, has_ended=True)
    again = retried(stored.row, Again(delay_s=60), failed, now=api.world.clock.now())
    assert again is not None
    api.world.memory_rows.swap(stored, again)
    assert (await api.get()).body["logs"] == "one\n"


async def test_a_log_store_that_is_down_does_not_look_like_a_failed_job(api: Api) -> None:
    """How the job is, is shown all the same; why there is no log, without its secrets."""
    api.running()
    api.world.memory_logs.troubles = [OSError("disk s3cret")]
    answer = await api.get()
    assert (answer.status, answer.body["logs"]) == (202, None)
    assert "OSError" in answer.body["logsError"]
    assert "s3cret" not in answer.body["logsError"]


async def test_a_request_to_cancel_is_in_the_row_before_the_event_is_raised(api: Api) -> None:
    """The event only makes it quicker; its data is in the form in which the SDK sends objects."""
    api.running()
    seen: list[Any] = []
    api.durable.before_event = lambda: seen.append(api.row().cancel)
    answer = await api.delete("j", "?reason=too%20slow")
    assert answer.status == 202
    assert [cancel.why for cancel in seen] == ["too slow"]
    assert api.durable.events == [("j", "Cancel", {"reason": "too slow"})]


async def test_cancelling_twice_is_cancelling_once(api: Api) -> None:
    """The first request stays; the second may still help a lost event."""
    api.running()
    assert (await api.delete("j", "?reason=first")).status == 202
    first = api.row()
    assert (await api.delete("j", "?reason=second")).status == 202
    assert api.row() == first
    assert first.cancel is not None
    assert first.cancel.why == "first"


async def test_an_event_that_is_lost_costs_nothing_but_a_poll(api: Api) -> None:
    """The request is in the row, and the answer is the same."""
    api.running()
    api.durable.before_event = fail
    assert (await api.delete()).status == 202
    assert api.row().cancel is not None
    assert api.durable.events == []


async def test_a_job_that_has_not_been_claimed_yet_is_cancelled_by_its_row(api: Api) -> None:
    """Its first step finds the request, and asks nothing of Azure."""
    api.accepted()
    assert (await api.delete()).status == 202
    create_group(api.world, CreateRequest(run=RUN))
    assert not api.world.azure.calls


async def test_a_cancel_of_an_ended_job_changes_nothing(api: Api) -> None:
    """200, with how it ended."""
    api.ended()
    row, calls = api.row(), api.world.azure.calls.copy()
    answer = await api.delete()
    assert (answer.status, answer.body["state"]) == (200, "Succeeded")
    assert (api.row(), api.world.azure.calls, api.durable.events) == (row, calls, [])


@pytest.mark.parametrize("is_over", [False, True])
async def test_a_cancel_answers_the_whole_job_but_its_log(api: Api, is_over: bool) -> None:  # noqa: FBT001
    """Whether it runs or has ended, with its attempts and what it cost."""
    if is_over:
        api.ended()
    else:
        api.running()
    shown = (await api.get()).body
    assert set((await api.delete()).body) == set(shown) - {"logs"}


async def test_a_job_that_ends_while_it_is_cancelled_has_ended(api: Api) -> None:
    """The close came between the look and the request."""
    api.running()

    def end() -> None:
        stored = api.world.memory_rows.read("j")
        assert stored is not None
        end_job(api.world, stored, End(outcome=Outcome.succeeded(), collects_log=False))

    at_call(api.world, "rows.swap", end)
    answer = await api.delete()
    assert (answer.status, answer.body["state"]) == (200, "Succeeded")
    assert api.row().cancel is None
    assert api.durable.events == []


@pytest.mark.parametrize("runtime", ["Terminated", "Failed", "Completed", None])
async def test_a_job_whose_orchestration_is_dead_is_ended_by_its_cancel(
    api: Api, runtime: str | None
) -> None:
    """Durable runs no code for it: log, outcome and deletion are made here."""
    api.running(runtimeStatus=runtime or "Running")
    if runtime is None:
        del api.durable.instances["j"]
    answer = await api.delete("j", "?reason=stuck")
    assert (answer.status, answer.body["state"]) == (200, "Cancelled")
    assert answer.body["cleanUp"] == "Deleted"
    assert answer.body["reason"]["message"] == "cancelled: stuck"
    assert answer.body["logState"]["archivedBytes"] > 0
    assert api.world.azure.alive == {}
    assert api.row().settled


async def test_a_job_that_was_never_started_is_ended_by_its_cancel(api: Api) -> None:
    """Nothing was asked of Azure, so nothing is to be cleaned up."""
    accept(api.world)
    answer = await api.delete()
    assert (answer.status, answer.body["cleanUp"]) == (200, "NotNeeded")
    assert not api.world.azure.calls


async def test_a_dead_job_that_azure_does_not_let_go_is_told_so(api: Api) -> None:
    """202: the outcome is decided, and the clean-up goes on."""
    api.running(runtimeStatus="Terminated")
    api.world.azure.troubles["delete"] = [busy("TooManyRequests")]
    answer = await api.delete()
    assert (answer.status, answer.body["cleanUp"]) == (202, "Pending")
    assert "TooManyRequests" in answer.body["cleanUpDetail"]
    assert (await api.delete()).body["cleanUp"] == "Deleted"


async def test_a_closed_job_that_is_not_settled_asks_azure_again(api: Api) -> None:
    """Whoever cancels it wants the group gone; the outcome stays."""
    api.ended(is_settled=False)
    assert api.row().clean_up.value == "Failed"
    answer = await api.delete()
    assert (answer.status, answer.body["state"], answer.body["cleanUp"]) == (
        *(200, "Succeeded", "Deleted"),
    )
    assert api.world.azure.alive == {}


@pytest.mark.parametrize("point", ["rows.swap:1", "rows.swap:2", "rows.swap:3"])
async def test_a_store_that_fails_within_a_cancel_is_503(api: Api, point: str) -> None:
    """The request, the close and the settling; the next one goes on where it was."""
    api.running(runtimeStatus="Terminated")

    def go_down() -> None:
        api.world.storage_down = True
        storage_fails()

    at_call(api.world, point, go_down)
    answer = await api.delete()
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    api.world.storage_down = False
    assert (await api.delete()).body["cleanUp"] == "Deleted"


async def test_a_row_that_others_change_all_the_time_is_503(api: Api) -> None:
    """It is no defect, and will be over."""
    api.running()

    def touch() -> None:
        found = api.world.memory_rows.rows["j"]
        api.world.memory_rows.rows["j"] = (found[0], found[1] + 1)

    api.world.memory_rows.before["swap"] = touch
    assert (await api.delete()).status == 503
