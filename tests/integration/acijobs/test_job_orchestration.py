"""Both orchestrators and all use cases on the durable engine, with time that skips."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from acijobs.domain.errors import RefusedError, StorageError
from acijobs.domain.messages import Refused, write_reply
from acijobs.domain.observation import ContainerState
from acijobs.domain.outcome import Outcome, Phase
from acijobs.domain.reasons import Reason
from acijobs.domain.row import cancelled, closed
from acijobs.orchestrations.watching import OWN_POLLS
from acijobs.usecases.changing import change
from orchestration_runs import Event, run_job
from scripted_azure import NEVER, AfterWork, busy, denied

if TYPE_CHECKING:
    from pathlib import Path

    from acijobs_world import World

SPEC = {"image": "alpine:3.20"}
BUSY = {"kind": "busy", "code": "ServiceUnavailable", "message": "no capacity"}
JOB = "job-under-test"


def ask_to_cancel(world: World, why: str = "enough") -> None:
    """Store the request to end the job, as DELETE does, without raising the event."""
    stored = world.memory_rows.read(JOB)
    assert stored is not None
    now = world.clock.now()
    assert change(world.memory_rows, stored, lambda row: cancelled(row, why=why, now=now))


async def test_a_job_goes_through_its_phases_to_success(tmp_path: Path) -> None:
    """Completed, every phase in order, the group created once and deleted, the row settled."""
    run = await run_job(tmp_path, SPEC)
    assert run.status == "Completed"
    assert run.output == run.custom_status
    assert run.custom_status["phase"] == "Succeeded"
    assert run.custom_status["cleanUp"] == "Deleted"
    phases = ["queued", "creating", "pulling", "running", "collecting", "cleaning", "succeeded"]
    times = run.custom_status["timeline"]
    assert sorted(phases, key=lambda phase: datetime.fromisoformat(times[phase])) == phases
    assert len(run.world.azure.created) == 1
    assert not run.world.azure.alive
    assert run.row is not None
    assert run.row.settled
    assert run.row.progress.shown()["timeline"].keys() == times.keys()


async def test_a_job_of_twenty_seconds_is_one_instance_of_few_messages(tmp_path: Path) -> None:
    """Three messages and two for each poll; the row is written five times."""
    run = await run_job(tmp_path, SPEC, end_after_s=22)
    polls = run.functions.calls["CheckStatusActivity"]
    assert run.messages == 3 + 2 * polls
    assert set(run.functions.last_episodes) == {JOB}
    assert sum(run.world.memory_rows.writes.values()) == 5


async def test_a_job_that_ends_within_five_seconds_takes_nine_messages(tmp_path: Path) -> None:
    """Start, create, end, and three polls at the most."""
    run = await run_job(tmp_path, SPEC, pull_after_s=0.5, run_after_s=1, end_after_s=4)
    assert run.custom_status["phase"] == "Succeeded"
    assert run.messages <= 9


@pytest.mark.parametrize(
    ("exit_code", "reason"),
    [(3, "NonZeroExitCode"), (None, "ExitCodeMissing"), (7147, "PlatformMaintenance")],
)
async def test_a_bad_exit_code_ends_the_orchestration_as_failed(
    tmp_path: Path, exit_code: int | None, reason: str
) -> None:
    """Failed with a one-line reason; a missing exit code is not 0."""
    run = await run_job(tmp_path, SPEC, exit_code=exit_code)
    assert run.status == "Failed"
    assert run.output.count("\n") == 0
    assert run.custom_status["exitCode"] == exit_code
    assert run.custom_status["reason"]["code"] == reason
    assert not run.world.azure.alive


@pytest.mark.parametrize("after_s", [0, 1.5, 5, 24.9, 200])
async def test_cancelling_at_any_time_deletes_the_group(tmp_path: Path, after_s: float) -> None:
    """Completed with outcome Cancelled and the reason as given, also while a child polls."""
    event = Event(after_s=after_s, payload=json.dumps({"reason": "not needed"}))
    run = await run_job(tmp_path, SPEC, event, end_after_s=NEVER)
    assert run.status == "Completed"
    assert run.custom_status["phase"] == "Cancelled"
    assert run.custom_status["reason"]["message"] == "cancelled: not needed"
    assert not run.world.azure.alive
    assert run.row is not None
    assert run.row.closed_at is not None
    assert (run.row.closed_at - run.row.accepted_at).total_seconds() < after_s + 3


@pytest.mark.parametrize("number", [1, 2, 11, 12, 13, 20])
async def test_cancelling_while_the_job_is_polled_is_heard_after_the_poll(
    tmp_path: Path, number: int
) -> None:
    """The SDK gives the event to a wait that is over; also the last own poll, and a watch's."""
    run = await run_job(
        tmp_path, SPEC, cancel_during=("CheckStatusActivity", number), end_after_s=NEVER
    )
    assert run.custom_status["phase"] == "Cancelled"
    # A watch may poll once more until it sees that its job is over.
    assert run.functions.calls["CheckStatusActivity"] <= number + (number > OWN_POLLS)
    assert not run.world.azure.alive


@pytest.mark.filterwarnings("ignore:Potential duplicate")  # of the SDK: nobody waits for it yet
@pytest.mark.parametrize("number", [1, 2, 3])
async def test_cancelling_while_the_group_is_asked_for_is_heard(
    tmp_path: Path, number: int
) -> None:
    """The first time, again after Azure was busy, and when it takes the group."""
    troubles = {"create": [busy()] * 2}
    run = await run_job(
        tmp_path,
        SPEC,
        cancel_during=("CreateContainerActivity", number),
        troubles=troubles,
        end_after_s=NEVER,
    )
    assert run.custom_status["phase"] == "Cancelled"
    assert run.functions.calls["CreateContainerActivity"] == number
    assert not run.world.azure.alive


@pytest.mark.parametrize("after_s", [0.5, 5, 200])
async def test_a_cancel_whose_event_was_lost_costs_one_poll(tmp_path: Path, after_s: float) -> None:
    """The request stands in the row, and every poll brings it."""
    event = Event(after_s=after_s, do=ask_to_cancel)
    run = await run_job(tmp_path, SPEC, event, end_after_s=NEVER)
    assert run.custom_status["phase"] == "Cancelled"
    assert run.custom_status["reason"]["message"] == "cancelled: enough"
    assert run.took_s < after_s + 20
    assert not run.world.azure.alive


async def test_a_job_cancelled_before_it_was_claimed_asks_nothing_of_azure(
    tmp_path: Path,
) -> None:
    """NotNeeded is said only here: no request was sent."""
    run = await run_job(tmp_path, SPEC, prepare=ask_to_cancel)
    assert run.custom_status["phase"] == "Cancelled"
    assert run.custom_status["cleanUp"] == "NotNeeded"
    assert not run.world.azure.calls
    assert run.row is not None
    assert run.row.settled


async def test_cancelling_twice_is_once(tmp_path: Path) -> None:
    """The second event changes nothing."""
    run = await run_job(
        tmp_path, SPEC, Event(after_s=5), Event(after_s=5.1), end_after_s=NEVER, delete_takes=2
    )
    assert run.custom_status["phase"] == "Cancelled"
    assert run.functions.calls["DeleteContainerActivity"] == 3


async def test_cancelling_while_azure_has_no_capacity_creates_nothing(tmp_path: Path) -> None:
    """Cancelled at once; what may have been asked for is deleted."""
    troubles = {"create": [busy()] * 99}
    run = await run_job(tmp_path, SPEC, Event(after_s=20), troubles=troubles)
    assert run.custom_status["phase"] == "Cancelled"
    assert run.custom_status["cleanUp"] == "Deleted"
    assert not run.world.azure.created
    assert run.took_s < 30


async def test_a_job_waits_for_capacity_and_then_runs(tmp_path: Path) -> None:
    """Busy answers are asked again, with growing pauses, and lose nothing."""
    run = await run_job(tmp_path, SPEC, troubles={"create": [busy()] * 5})
    assert run.custom_status["phase"] == "Succeeded"
    assert run.took_s > 2 + 4 + 8 + 16 + 32
    assert run.custom_status["waitingFor"] is None
    assert len(run.world.azure.created) == 1


async def test_no_capacity_until_the_deadline_times_out(tmp_path: Path) -> None:
    """TimedOut, with what Azure last said."""
    spec = SPEC | {"timeouts": {"queueSeconds": 1800}}
    run = await run_job(tmp_path, spec, troubles={"create": [busy()] * 999})
    assert run.status == "Failed"
    assert run.custom_status["phase"] == "TimedOut"
    assert run.custom_status["reason"]["code"] == "NoCapacity"
    assert "ServiceUnavailable: no capacity" in run.custom_status["reason"]["message"]
    assert run.took_s <= 1800
    assert run.functions.longest_history <= 150


async def test_an_arm_that_is_down_until_the_deadline_is_not_called_no_capacity(
    tmp_path: Path,
) -> None:
    """A 503 of the front is another thing than a region that is full."""
    run = await run_job(tmp_path, SPEC, troubles={"create": [busy("HTTP 503")] * 999})
    assert run.custom_status["phase"] == "TimedOut"
    assert run.custom_status["reason"]["code"] == "AzureUnavailable"
    assert not run.world.azure.created


async def test_a_container_that_never_starts_times_out(tmp_path: Path) -> None:
    """The provisioning deadline is kept to the second."""
    spec = SPEC | {"timeouts": {"provisionSeconds": 90}}
    run = await run_job(tmp_path, spec, run_after_s=NEVER, end_after_s=NEVER)
    assert run.custom_status["reason"]["code"] == "ProvisionTimeout"
    assert run.took_s == pytest.approx(90, abs=1)
    assert not run.world.azure.alive


async def test_a_container_that_never_ends_times_out(tmp_path: Path) -> None:
    """The run deadline counts from when the container ran."""
    run = await run_job(tmp_path, SPEC | {"timeouts": {"runSeconds": 600}}, end_after_s=NEVER)
    assert run.custom_status["reason"]["code"] == "RunTimeout"
    assert run.took_s == pytest.approx(600 + 4, abs=1)
    assert not run.world.azure.alive


async def test_throttling_and_crashes_while_watching_lose_nothing(tmp_path: Path) -> None:
    """429s, a worker's crash and refusals do not end a running job."""
    throttled = BUSY | {"retryAfterS": 17}
    crash = RuntimeError("the worker went away")
    refused = write_reply(Refused(code="AuthorizationFailed", message="no right"))
    troubles: dict[str, Any] = {
        "CheckStatusActivity": [throttled, crash, refused, refused, refused, refused],
        "DeleteContainerActivity": [crash, throttled],
    }
    run = await run_job(tmp_path, SPEC, step_troubles=troubles, end_after_s=60)
    assert run.custom_status["phase"] == "Succeeded"
    assert run.custom_status["cleanUp"] == "Deleted"


@pytest.mark.parametrize(
    "stray", [{"kind": "finished"}, {"kind": "from the future"}, [], "text", 7, None]
)
@pytest.mark.parametrize("activity", ["CreateContainerActivity", "CheckStatusActivity"])
async def test_a_stray_reply_counts_as_busy(tmp_path: Path, activity: str, stray: Any) -> None:
    """The reply of another task, or of another release, delays a job and harms nothing."""
    waiting = {activity: [stray if stray is not None else {"kind": None}]}
    run = await run_job(tmp_path, SPEC, step_troubles=waiting)
    assert run.custom_status["phase"] == "Succeeded"
    assert len(run.world.azure.created) == 1


async def test_a_right_that_stays_withdrawn_ends_the_job(tmp_path: Path) -> None:
    """Polls refused for ten minutes are Azure's last word."""
    restored = Event(after_s=660, do=lambda w: w.azure.troubles.clear())
    troubles = {"get": [denied()] * 999}
    run = await run_job(tmp_path, SPEC, restored, troubles=troubles, end_after_s=NEVER)
    assert 600 < run.took_s < 720
    assert run.custom_status["reason"]["code"] == "AccessDenied"
    assert run.custom_status["reason"]["azureCode"] == "AuthorizationFailed"
    assert run.custom_status["reason"]["message"] == "no right"
    assert not run.world.azure.alive


async def test_a_right_that_comes_late_loses_no_fresh_job(tmp_path: Path) -> None:
    """Rights take minutes to spread: a create that is denied is tried again for some."""
    run = await run_job(tmp_path, SPEC, troubles={"create": [denied()] * 5})
    assert run.custom_status["phase"] == "Succeeded"


async def test_a_refused_create_fails_with_azures_words_and_still_cleans_up(
    tmp_path: Path,
) -> None:
    """A create that looked refused may have worked: the group is deleted and seen gone."""
    refusal = RefusedError("InaccessibleImage", "is not accessible")
    run = await run_job(tmp_path, SPEC, troubles={"create": [refusal]})
    assert run.status == "Failed"
    assert run.custom_status["reason"]["code"] == "ImagePullFailed"
    assert run.custom_status["reason"]["azureCode"] == "InaccessibleImage"
    assert run.custom_status["reason"]["message"] == "is not accessible"
    assert run.world.azure.calls["delete"] == 1
    assert run.custom_status["cleanUp"] == "Deleted"


async def test_wrong_settings_end_the_job_before_anything_is_asked(tmp_path: Path) -> None:
    """InvalidSettings names what is wrong, and the row is settled."""
    run = await run_job(
        tmp_path, SPEC, prepare=lambda w: setattr(w, "settings_problem", "Location is missing")
    )
    assert run.custom_status["reason"]["code"] == "InvalidSettings"
    assert "Location is missing" in run.custom_status["reason"]["message"]
    assert run.custom_status["cleanUp"] == "NotNeeded"
    assert not run.world.azure.calls


async def test_a_group_deleted_by_someone_else_fails_the_job(tmp_path: Path) -> None:
    """GroupVanished, once reads have not found it for a minute and the list agrees."""
    run = await run_job(
        tmp_path, SPEC, Event(after_s=9, do=lambda w: w.azure.vanish()), end_after_s=NEVER
    )
    assert run.custom_status["reason"]["code"] == "GroupVanished"
    assert 60 < run.took_s < 90


@pytest.mark.parametrize("since_s", [0, 9])
async def test_a_group_that_reads_do_not_find_for_a_while_is_not_gone(
    tmp_path: Path, since_s: float
) -> None:
    """404s for half a minute, after the create or during the run, lose nothing."""

    def hide(world: World) -> None:
        world.azure.invisible_until = world.clock.now() + timedelta(seconds=30)

    run = await run_job(tmp_path, SPEC, Event(after_s=since_s, do=hide), end_after_s=50)
    assert run.custom_status["phase"] == "Succeeded"
    assert len(run.world.azure.created) == 1


async def test_a_clean_up_that_fails_is_reported_and_changes_no_result(tmp_path: Path) -> None:
    """The job succeeded; its clean-up did not, within its deadline, and the row stays unsettled."""
    run = await run_job(tmp_path, SPEC, troubles={"delete": [denied()] * 999})
    assert run.status == "Completed"
    assert run.custom_status["phase"] == "Succeeded"
    assert run.custom_status["cleanUp"] == "Failed"
    assert "AuthorizationFailed: no right" in run.custom_status["cleanUpDetail"]
    assert run.took_s == pytest.approx(25 + 15 * 60, abs=130)
    assert run.row is not None
    assert not run.row.settled
    assert [entry.job_id for entry in run.world.memory_rows.unsettled()] == [JOB]


async def test_a_defect_in_the_orchestrator_still_deletes_the_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step that raises fails the job, as InternalError, after the clean-up."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("acijobs.orchestrations.watching.poll", broken)
    run = await run_job(tmp_path, SPEC)
    assert run.status == "Failed"
    assert run.custom_status["reason"]["code"] == "InternalError"
    assert run.custom_status["cleanUp"] == "Deleted"
    assert not run.world.azure.alive


async def test_a_create_whose_answer_was_lost_is_adopted(tmp_path: Path) -> None:
    """The group that is there under the attempt's name is the attempt's own."""
    lost = AfterWork(error=busy("HTTP 500", is_refused=False))
    run = await run_job(tmp_path, SPEC, troubles={"create": [lost]})
    assert run.custom_status["phase"] == "Succeeded"
    assert len(run.world.azure.created) == 1


async def test_a_container_that_had_ended_is_not_cancelled(tmp_path: Path) -> None:
    """The exit code decides: a cancel between the end and the next poll comes too late."""
    run = await run_job(tmp_path, SPEC, Event(after_s=23.4), end_after_s=23.3, exit_code=0)
    assert run.custom_status["phase"] == "Succeeded"
    assert run.custom_status["exitCode"] == 0


async def test_the_log_of_a_cancelled_job_is_not_called_complete(tmp_path: Path) -> None:
    """The container may have written more before it was deleted."""
    run = await run_job(tmp_path, SPEC, Event(after_s=9), end_after_s=NEVER)
    assert run.custom_status["logs"]["archivedBytes"] > 0
    assert not run.custom_status["logs"]["complete"]


async def test_the_last_lines_are_asked_for_until_the_archive_works_again(tmp_path: Path) -> None:
    """A storage outage of some minutes at the end of a job loses nothing."""

    def break_archive(world: World) -> None:
        world.memory_logs.troubles = [StorageError("down")] * 7

    run = await run_job(tmp_path, SPEC, Event(after_s=24.9, do=break_archive))
    assert run.custom_status["phase"] == "Succeeded"
    assert run.custom_status["logs"]["complete"]
    assert run.custom_status["logs"]["trouble"] is None
    assert run.functions.calls["FetchLogsActivity"] > 1


async def test_an_archive_that_stays_broken_is_told_and_changes_no_result(tmp_path: Path) -> None:
    """Succeeded, with an incomplete log and the reason for it."""

    def break_archive(world: World) -> None:
        world.memory_logs.troubles = [StorageError("down")] * 999

    run = await run_job(tmp_path, SPEC, prepare=break_archive)
    assert run.custom_status["phase"] == "Succeeded"
    assert run.custom_status["cleanUp"] == "Deleted"
    assert not run.custom_status["logs"]["complete"]
    assert run.custom_status["logs"]["trouble"] == "StorageUnavailable: down"


@pytest.mark.parametrize("given", [{"imag": "x"}, {"id": JOB}, {"id": "other", "offer": 1}, 7, "t"])
async def test_an_instance_started_past_the_api_says_where_jobs_are_started(
    tmp_path: Path, given: Any
) -> None:
    """Nothing is asked of Azure, and the accepted job of that id is left alone."""
    run = await run_job(tmp_path, SPEC, given=given)
    assert run.status == "Failed"
    assert run.custom_status["reason"]["code"] == "NotAJob"
    assert "POST /api/jobs" in run.custom_status["reason"]["message"]
    assert run.custom_status["cleanUp"] == "NotNeeded"
    assert not run.functions.calls


@pytest.mark.parametrize("offer", [2, 99])
async def test_a_run_with_an_offer_that_the_row_does_not_have_does_nothing(
    tmp_path: Path, offer: int
) -> None:
    """It ends as superseded; the row stays as it is."""
    run = await run_job(tmp_path, SPEC, given={"id": JOB, "offer": offer})
    assert (run.status, run.custom_status) == ("Completed", {"superseded": True})
    assert not run.world.azure.calls
    assert run.row is not None
    assert run.row.claim is None


async def test_a_run_whose_job_was_ended_by_others_does_nothing_more(tmp_path: Path) -> None:
    """It is told so at its next poll, and deletes nothing: whoever closed the row does."""

    def close(world: World) -> None:
        stored = world.memory_rows.read(JOB)
        assert stored is not None
        now, outcome = world.clock.now(), Outcome.failed(Reason.TERMINATED, "terminated")
        assert change(world.memory_rows, stored, lambda row: closed(row, outcome, now=now))

    run = await run_job(tmp_path, SPEC, Event(after_s=9, do=close), end_after_s=NEVER)
    assert run.custom_status == {"superseded": True}
    assert not run.world.azure.deleted
    assert run.row is not None
    assert run.row.outcome is not None
    assert run.row.outcome.phase is Phase.FAILED


async def test_only_the_main_container_is_waited_for(tmp_path: Path) -> None:
    """A second container that runs on does not keep the job from ending."""
    sidecar = ContainerState(name="proxy", state="Running")
    run = await run_job(tmp_path, SPEC, sidecar=sidecar)
    assert run.custom_status["phase"] == "Succeeded"


@pytest.mark.slow
async def test_a_job_of_500_polls_keeps_every_history_short(tmp_path: Path) -> None:
    """None of either orchestrator exceeds 150 events, in sixty generations of the watch."""
    run = await run_job(tmp_path, SPEC, end_after_s=14_000, lines=10)
    assert run.custom_status["phase"] == "Succeeded"
    assert run.functions.calls["CheckStatusActivity"] > 480
    assert run.functions.longest_history <= 150


async def test_children_are_named_after_their_job(tmp_path: Path) -> None:
    """By job, offer and number, so that whoever purges a job knows them."""
    run = await run_job(tmp_path, SPEC, end_after_s=200)
    assert set(run.functions.last_episodes) == {JOB, f"{JOB}:1.1"}


async def test_nothing_of_a_specification_is_in_what_the_engine_stores(tmp_path: Path) -> None:
    """Requests and statuses name the job; its words stay in the row."""
    spec = SPEC | {"environment": {"A": "value-of-a"}, "command": ["word-of-command"]}
    run = await run_job(tmp_path, spec, exit_code=3)
    stored = json.dumps([vars(e) for e in run.functions.last_episodes.values()])
    assert "value-of-a" not in stored
    assert "word-of-command" not in stored
    assert "alpine" not in stored


async def test_each_phase_is_told_once_and_not_again_at_a_replay(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One line for each transition, however often the orchestrator is run again."""
    caplog.set_level("INFO", logger="acijobs")
    await run_job(tmp_path, SPEC)
    told = [json.loads(record.message) for record in caplog.records if record.name == "acijobs"]
    assert [line["phase"] for line in told if line["event"] == "entered"] == [
        "Creating",
        "Pulling",
        "Running",
        "Collecting",
        "Succeeded",
    ]
    assert [line["event"] for line in told if line["event"] != "entered"] == [
        "claimed",
        "created",
        "closed",
        "cleaned",
    ]
