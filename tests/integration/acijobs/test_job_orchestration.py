"""Both orchestrators on the durable engine, with time that skips and a scripted Azure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from acijobs.domain.policy import WatchPolicy
from orchestration_runs import PLACE, Event, run_job

if TYPE_CHECKING:
    from pathlib import Path

SPEC = {"image": "alpine:3.20"}
BUSY = {"kind": "busy", "code": "ServiceUnavailable", "message": "no capacity"}
FORBIDDEN = {"kind": "refused", "code": "AuthorizationFailed", "message": "no right"}
NEVER = 10**9


async def test_a_job_goes_through_its_phases_to_success(tmp_path: Path) -> None:
    """Completed, every phase in order, the group created once and deleted."""
    run = await run_job(tmp_path, SPEC)
    assert run.status == "Completed"
    assert run.output == run.custom_status
    assert run.custom_status["phase"] == "Succeeded"
    assert run.custom_status["cleanUp"] == "Deleted"
    phases = ["queued", "creating", "pulling", "running", "collecting", "cleaning", "succeeded"]
    assert [p for p in run.custom_status["timeline"] if p in phases] == phases
    assert run.functions.group.creations == 1
    assert run.functions.group.deleted


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
    assert run.functions.group.deleted


@pytest.mark.parametrize("after_s", [0, 1.5, 5, 24.9])
async def test_cancelling_at_any_time_deletes_the_group(tmp_path: Path, after_s: float) -> None:
    """Completed with outcome Cancelled, and the reason as given."""
    event = Event(after_s=after_s, payload=json.dumps({"reason": "not needed"}))
    run = await run_job(tmp_path, SPEC, event, end_after_s=NEVER)
    assert run.status == "Completed"
    assert run.custom_status["phase"] == "Cancelled"
    assert run.custom_status["reason"]["message"] == "cancelled: not needed"
    assert run.functions.group.created_at is None or run.functions.group.deleted
    assert run.took_s < after_s + 10


async def test_cancelling_twice_is_once(tmp_path: Path) -> None:
    """The second event changes nothing; the group is deleted once."""
    run = await run_job(
        tmp_path, SPEC, Event(after_s=5), Event(after_s=5.1), end_after_s=NEVER, delete_takes=2
    )
    assert run.custom_status["phase"] == "Cancelled"
    assert run.functions.group.calls["DeleteContainerActivity"] == 3


async def test_cancelling_while_azure_has_no_capacity_creates_nothing(tmp_path: Path) -> None:
    """Cancelled at once; the group is looked for until it surely is not there."""
    troubles: dict[str, Any] = {"CreateContainerActivity": [BUSY] * 99}
    run = await run_job(tmp_path, SPEC, Event(after_s=20), troubles=troubles)
    assert run.custom_status["phase"] == "Cancelled"
    assert run.functions.group.creations == 0
    assert run.functions.group.calls["DeleteContainerActivity"] == 3
    assert run.took_s < 30


async def test_a_job_waits_for_capacity_and_then_runs(tmp_path: Path) -> None:
    """Busy answers are asked again, with growing pauses, and lose nothing."""
    troubles: dict[str, Any] = {"CreateContainerActivity": [BUSY] * 5}
    run = await run_job(tmp_path, SPEC, troubles=troubles)
    assert run.custom_status["phase"] == "Succeeded"
    assert run.took_s > 2 + 4 + 8 + 16 + 32
    assert run.custom_status["waitingFor"] is None


async def test_no_capacity_until_the_deadline_times_out(tmp_path: Path) -> None:
    """TimedOut, with what Azure last said."""
    troubles: dict[str, Any] = {"CreateContainerActivity": [BUSY] * 999}
    run = await run_job(tmp_path, SPEC, troubles=troubles)
    assert run.status == "Failed"
    assert run.custom_status["phase"] == "TimedOut"
    assert run.custom_status["reason"]["code"] == "ProvisionTimeout"
    assert "ServiceUnavailable: no capacity" in run.custom_status["reason"]["message"]
    assert run.took_s <= 1800
    assert run.functions.longest_history <= 150


async def test_a_container_that_never_starts_times_out(tmp_path: Path) -> None:
    """The provisioning deadline is kept to the second."""
    spec = SPEC | {"timeouts": {"provisionSeconds": 90}}
    run = await run_job(tmp_path, spec, run_after_s=NEVER, end_after_s=NEVER)
    assert run.custom_status["reason"]["code"] == "ProvisionTimeout"
    assert run.custom_status["timeline"]["collecting"] == "2026-01-01T00:01:30Z"
    assert run.functions.group.deleted


async def test_a_container_that_never_ends_times_out(tmp_path: Path) -> None:
    """The run deadline counts from when the container ran."""
    run = await run_job(tmp_path, SPEC | {"timeouts": {"runSeconds": 600}}, end_after_s=NEVER)
    assert run.custom_status["reason"]["code"] == "RunTimeout"
    assert run.took_s == pytest.approx(600 + 4, abs=1)
    assert run.functions.group.deleted


async def test_throttling_and_crashes_while_watching_lose_nothing(tmp_path: Path) -> None:
    """429s, a worker's crash and four refusals in a row do not end a running job."""
    throttled = BUSY | {"retryAfterSeconds": 17}
    crash = RuntimeError("the worker went away")
    troubles: dict[str, Any] = {
        "CheckStatusActivity": [throttled, crash, FORBIDDEN, FORBIDDEN, FORBIDDEN, FORBIDDEN],
        "FetchLogsActivity": [crash, throttled],
        "DeleteContainerActivity": [crash, throttled],
    }
    run = await run_job(tmp_path, SPEC, troubles=troubles, end_after_s=60)
    assert run.custom_status["phase"] == "Succeeded"
    assert run.custom_status["cleanUp"] == "Deleted"


async def test_a_right_that_stays_withdrawn_ends_the_job(tmp_path: Path) -> None:
    """Looks refused for ten minutes are Azure's last word."""
    troubles: dict[str, Any] = {"CheckStatusActivity": [FORBIDDEN] * 999}
    run = await run_job(tmp_path, SPEC, troubles=troubles, end_after_s=NEVER)
    assert run.took_s == pytest.approx(600, abs=60)
    assert run.custom_status["reason"] == {"code": "AuthorizationFailed", "message": "no right"}
    assert run.functions.group.deleted


async def test_a_refused_create_fails_with_azures_words_and_still_cleans_up(
    tmp_path: Path,
) -> None:
    """A create that looked refused may have worked: the group is looked for and deleted."""
    refusal = {"kind": "refused", "code": "InaccessibleImage", "message": "is not accessible"}
    run = await run_job(tmp_path, SPEC, troubles={"CreateContainerActivity": [refusal]})
    assert run.status == "Failed"
    assert run.custom_status["reason"] == {
        "code": "InaccessibleImage",
        "message": "is not accessible",
    }
    assert run.functions.group.calls["DeleteContainerActivity"] == 1
    assert run.custom_status["cleanUp"] == "Deleted"


async def test_a_group_deleted_by_someone_else_fails_the_job(tmp_path: Path) -> None:
    """GroupDisappeared, found at the next look."""
    troubles: dict[str, Any] = {"CheckStatusActivity": [{"kind": "gone"}] * 3}
    run = await run_job(tmp_path, SPEC, troubles=troubles, end_after_s=NEVER)
    assert run.custom_status["reason"]["code"] == "GroupDisappeared"


async def test_a_clean_up_that_fails_is_reported_and_changes_no_result(tmp_path: Path) -> None:
    """The job succeeded; its clean-up did not, within its deadline."""
    troubles: dict[str, Any] = {"DeleteContainerActivity": [FORBIDDEN] * 999}
    run = await run_job(tmp_path, SPEC, troubles=troubles)
    assert run.status == "Completed"
    assert run.custom_status["phase"] == "Succeeded"
    assert run.custom_status["cleanUp"] == "Failed"
    assert run.custom_status["cleanUpDetail"] == "AuthorizationFailed: no right"
    assert run.took_s == pytest.approx(25 + 15 * 60, abs=130)


async def test_a_defect_in_the_orchestrator_still_deletes_the_group(tmp_path: Path) -> None:
    """A reply that cannot be understood fails the job, as InternalError, after the clean-up."""
    odd = {"kind": "created", "place": PLACE}
    troubles: dict[str, Any] = {"CreateContainerActivity": [odd]}
    run = await run_job(tmp_path, SPEC, troubles=troubles)
    assert run.status == "Failed"
    assert run.custom_status["reason"]["code"] == "InternalError"
    assert run.functions.group.calls["DeleteContainerActivity"] == 3


async def test_a_reply_of_the_next_release_is_understood(tmp_path: Path) -> None:
    """Fields that a newer activity adds are left out, not stumbled over."""
    policy = WatchPolicy().to_json() | {"added_later": 1}
    newer = {"kind": "adopted", "watch": policy, "place": PLACE, "addedLater": True}
    troubles: dict[str, Any] = {"CreateContainerActivity": [newer]}
    gone = [{"kind": "gone"}] * 3
    run = await run_job(tmp_path, SPEC, troubles=troubles | {"CheckStatusActivity": gone})
    assert run.custom_status["reason"]["code"] == "GroupDisappeared"


async def test_a_group_that_azure_shows_late_is_deleted_after_an_early_cancel(
    tmp_path: Path,
) -> None:
    """Found absent twice, then there: it is deleted, not believed gone."""
    troubles: dict[str, Any] = {"DeleteContainerActivity": [{"kind": "absent"}] * 2}
    run = await run_job(tmp_path, SPEC, Event(after_s=0), troubles=troubles, end_after_s=NEVER)
    assert run.functions.group.deleted or run.functions.group.creations == 0
    assert run.custom_status["cleanUp"] == "Deleted"


async def test_a_container_that_had_ended_is_not_cancelled(tmp_path: Path) -> None:
    """The exit code decides: a cancel between the end and the next look comes too late."""
    run = await run_job(tmp_path, SPEC, Event(after_s=24.4), end_after_s=24.3, exit_code=0)
    assert run.custom_status["phase"] == "Succeeded"
    assert run.custom_status["exitCode"] == 0


async def test_the_log_of_a_cancelled_job_is_not_called_complete(tmp_path: Path) -> None:
    """The container may have written more before it was deleted."""
    run = await run_job(tmp_path, SPEC, Event(after_s=9), end_after_s=NEVER)
    assert run.custom_status["logs"]["archivedBytes"] > 0
    assert not run.custom_status["logs"]["complete"]


async def test_the_last_lines_are_asked_for_until_the_archive_works_again(tmp_path: Path) -> None:
    """A storage outage of some minutes at the end of a job loses nothing."""
    troubles: dict[str, Any] = {"FetchLogsActivity": [BUSY] * 17}
    run = await run_job(tmp_path, SPEC, troubles=troubles)
    assert run.custom_status["phase"] == "Succeeded"
    assert run.custom_status["logs"]["complete"]
    assert run.custom_status["logs"]["trouble"] is None


async def test_an_archive_that_stays_broken_is_told_and_changes_no_result(tmp_path: Path) -> None:
    """Succeeded, with an incomplete log and the reason for it."""
    troubles: dict[str, Any] = {"FetchLogsActivity": [BUSY] * 999}
    run = await run_job(tmp_path, SPEC, troubles=troubles)
    assert run.custom_status["phase"] == "Succeeded"
    assert run.custom_status["cleanUp"] == "Deleted"
    assert not run.custom_status["logs"]["complete"]
    assert run.custom_status["logs"]["trouble"] == "ServiceUnavailable: no capacity"


async def test_an_invalid_specification_asks_nothing_of_azure(tmp_path: Path) -> None:
    """An instance started past the API's checks fails with every wrong field named."""
    run = await run_job(tmp_path, {"imag": "x"})
    assert run.status == "Failed"
    assert run.custom_status["reason"]["code"] == "InvalidSpec"
    assert run.custom_status["cleanUp"] == "NotNeeded"
    assert not run.functions.group.calls


@pytest.mark.slow
async def test_a_job_of_2000_looks_keeps_every_history_short(tmp_path: Path) -> None:
    """No history of either orchestrator exceeds 150 events, whatever the number of looks."""
    run = await run_job(tmp_path, SPEC, end_after_s=57_000)
    assert run.custom_status["phase"] == "Succeeded"
    assert run.functions.group.calls["CheckStatusActivity"] > 2000
    assert run.functions.longest_history <= 150
