"""What a job's custom status shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from acijobs.domain.outcome import Outcome, Phase
from acijobs.domain.progress import CleanUp, LogState, Progress, time_name
from acijobs.domain.reasons import Reason

START = datetime(2026, 11, 23, 10, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def test_a_phase_keeps_the_time_it_was_first_entered() -> None:
    """The timeline tells when each phase began, not when it was last shown."""
    progress = Progress().enter(Phase.RUNNING, at(1))
    again = progress.enter(Phase.COLLECTING, at(2)).enter(Phase.RUNNING, at(3))
    assert again.times == {"running": at(1), "collecting": at(2)}
    assert again.phase is Phase.RUNNING
    assert time_name(Phase.TIMED_OUT) == "timedOut"


def test_only_the_four_ends_are_ends() -> None:
    """A job in any other phase goes on."""
    assert {phase.value for phase in Phase if phase.is_end} == {
        *("Succeeded", "Failed", "Cancelled", "TimedOut"),
    }


def test_what_azure_tells_again_replaces_what_it_told() -> None:
    """A container that was started again has a new time."""
    progress = Progress().note({"containerStarted": at(1)}).note({"containerStarted": at(9)})
    assert progress.times == {"containerStarted": at(9)}


def test_a_status_without_a_reason_shows_none() -> None:
    """Not an empty object, nor empty texts."""
    status = Progress().shown()
    assert (status["reason"], status["waitingFor"], status["cleanUpDetail"]) == (None, None, None)
    assert (status["exitCode"], status["logs"]["trouble"]) == (None, None)
    assert (status["phase"], status["cleanUp"]) == ("Queued", "Pending")


def test_a_status_names_its_run_and_shows_the_outcome() -> None:
    """Another run's status is not believed."""
    status = Progress(
        run="x",
        phase=Phase.CLEANING,
        group="job-a",
        times={"running": START},
        outcome=Outcome.failed(Reason.EXIT_CODE, "it exited", exit_code=3),
        restarts=2,
        log=LogState(archived_bytes=5, truncated=True),
        clean_up=CleanUp.FAILED,
        clean_up_detail="a\nb",
    ).shown()
    assert (status["run"], status["phase"], status["group"]) == ("x", "Cleaning", "job-a")
    assert (status["exitCode"], status["reason"]["code"]) == (3, "NonZeroExitCode")
    assert status["timeline"] == {"running": "2026-11-23T10:00:00Z"}
    assert (status["restarts"], status["logs"]["archivedBytes"]) == (2, 5)
    assert (status["cleanUp"], status["cleanUpDetail"]) == ("Failed", "a b")
