from __future__ import annotations

from typing import Any

import pytest

from acijobs.domain.ending import Ending
from acijobs.domain.progress import Phase, Progress
from acijobs.domain.watch import Change


def test_a_phase_keeps_the_time_it_was_first_entered() -> None:
    """The timeline tells when each phase began, not when it was last shown."""
    progress = Progress(phase=Phase.QUEUED, group="g").enter(Phase.RUNNING, "1")
    again = progress.enter(Phase.COLLECTING, "2").enter(Phase.RUNNING, "3").note("x", None)
    assert again.timeline == {"running": "1", "collecting": "2"}
    assert Phase.TIMED_OUT.is_end
    assert not Phase.CLEANING.is_end


def test_a_status_without_a_reason_shows_none() -> None:
    """Not an empty object, nor empty texts."""
    status = Progress(phase=Phase.QUEUED, group="g").to_json()
    assert (status["reason"], status["waitingFor"], status["cleanUpDetail"]) == (None, None, None)
    assert status["exitCode"] is None


def test_a_failure_in_one_line_names_phase_reason_and_code() -> None:
    """It becomes the orchestration's output."""
    progress = Progress(phase=Phase.FAILED, group="g", reason_code="Bad", reason="it\nbroke")
    assert progress.summary == "Failed: it broke [Bad]"
    assert Progress(phase=Phase.SUCCEEDED, group="g").summary.startswith("Succeeded")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "cancelled on request"),
        ("", "cancelled on request"),
        ("null", "cancelled on request"),
        ("{}", "cancelled on request"),
        ('{"reason": "too slow"}', "cancelled: too slow"),
        ({"reason": "too slow"}, "cancelled: too slow"),
        ({"reason": None}, "cancelled on request"),
        ("too slow", "cancelled: too slow"),
        ('"too slow"', "cancelled: too slow"),
        ({"reason": "a\nb"}, "cancelled: a b"),
        ("9" * 5000, "cancelled: " + "9" * 200),
    ],
)
def test_a_cancel_tells_its_reason_if_it_has_one(data: object, message: str) -> None:
    """Text, JSON text or an object: the SDK and a plain POST encode it differently."""
    assert Ending.cancelled(data).message == message


@pytest.mark.parametrize(
    ("change", "stage", "phase", "code"),
    [
        (Change(what="ended", exit_code=0), "running", Phase.SUCCEEDED, ""),
        (Change(what="ended", exit_code=3, code="NonZeroExitCode"), "running", Phase.FAILED, None),
        (Change(what="ended", code="ExitCodeMissing"), "running", Phase.FAILED, None),
        (Change(what="refused", code="AuthorizationFailed"), "running", Phase.FAILED, None),
        (Change(what="gone"), "pulling", Phase.FAILED, "GroupDisappeared"),
        (Change(what="late"), "running", Phase.TIMED_OUT, "RunTimeout"),
        (Change(what="late"), "pulling", Phase.TIMED_OUT, "ProvisionTimeout"),
        (Change(what="late"), "creating", Phase.TIMED_OUT, "ProvisionTimeout"),
    ],
)
def test_each_end_has_its_phase_and_code(
    change: Change, stage: str, phase: Phase, code: str | None
) -> None:
    """The reason's code tells a user which of the ends it was."""
    ending = Ending.of_change(change, stage)
    assert ending is not None
    assert ending.phase is phase
    assert ending.code == (change.code if code is None else code)
    assert ending.exit_code == change.exit_code


def test_a_new_stage_ends_nothing() -> None:
    """The job goes on."""
    assert Ending.of_change(Change(what="stage"), "running") is None


def test_a_refusal_ends_the_job_with_azures_own_words() -> None:
    """Code and message are Azure's."""
    reply: dict[str, Any] = {"kind": "refused", "code": "InaccessibleImage", "message": "no"}
    ending = Ending.refused(reply)
    assert (ending.phase, ending.code, ending.message) == (Phase.FAILED, "InaccessibleImage", "no")
