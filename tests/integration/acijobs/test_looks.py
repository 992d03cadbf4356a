"""A job that says that it is done is looked at, and not believed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from orchestration_runs import TWIN_REPLIES, Event, run_job

if TYPE_CHECKING:
    from pathlib import Path

    from orchestration_runs import Run

SPEC = {"image": "alpine:3.20"}
RUNS_S = 3.0
"""When the scripted container begins to run."""


def looks(*after_s: float) -> list[Event]:
    return [Event(after_s=seconds, name="Look") for seconds in after_s]


def ended_after_s(run: Run) -> float:
    """Return how long after the container's end the job was closed."""
    assert run.row is not None
    assert run.row.closed_at is not None
    return (run.row.closed_at - run.row.times["containerFinished"]).total_seconds()


def polls(run: Run) -> int:
    return run.functions.calls["CheckStatusActivity"]


async def job(folder: Path, end_after_s: float, *events: Event, **known: Any) -> Run:
    """Return a job whose container ends at this time, with seldom polls."""
    return await run_job(folder, SPEC, *events, end_after_s=end_after_s, **known)


@pytest.mark.parametrize("end_after_s", [60.0, 1_000.0], ids=["by itself", "by a watch"])
@pytest.mark.parametrize("late_s", [0.1, 1.5, 5.0], ids=["at once", "soon", "a little later"])
async def test_a_look_finds_the_end_within_seconds(
    tmp_path: Path, end_after_s: float, late_s: float
) -> None:
    """Whether the job polls or a watch does: also where Azure shows the end a little late."""
    run = await job(tmp_path, end_after_s, *looks(end_after_s - late_s + 0.2))
    assert run.custom_status["phase"] == "Succeeded"
    assert ended_after_s(run) < 4.5
    assert run.row is not None
    assert run.row.settled
    assert not run.world.azure.alive


@pytest.mark.parametrize("after_s", [1.0, 10.0, 100.0, 700.0])
async def test_a_look_decides_nothing(tmp_path: Path, after_s: float) -> None:
    """The container runs on, and so does the job, with all of its log."""
    run = await job(tmp_path, 1_000.0, *looks(after_s), exit_code=3)
    assert run.custom_status["exitCode"] == 3
    assert run.custom_status["logs"]["complete"]


@pytest.mark.parametrize("count", [1, 3, 10])
async def test_looks_cost_a_bounded_number_of_polls(tmp_path: Path, count: int) -> None:
    """Three for each of the first three; more of them, by a raw event, are not heard by a watch."""
    plain = await job(tmp_path / "plain", 1_000.0)
    many = await job(
        tmp_path / "many", 1_000.0, *looks(*(300.0 + 20 * number for number in range(count)))
    )
    assert 0 < polls(many) - polls(plain) <= 3 * min(count, 3) + 1


async def test_a_look_does_not_disturb_the_watch(tmp_path: Path) -> None:
    """It is neither started again nor ended; the job waits for the same one."""
    plain = await job(tmp_path / "plain", 1_000.0)
    looked = await job(tmp_path / "looked", 1_000.0, *looks(300, 500, 700))
    assert set(looked.functions.last_episodes) == set(plain.functions.last_episodes)


@pytest.mark.parametrize("cancel_after_s", [301.0, 303.0, 600.0])
async def test_a_cancel_after_a_look_is_heard(tmp_path: Path, cancel_after_s: float) -> None:
    """While the look goes on, and after it."""
    cancel = Event(after_s=cancel_after_s)
    run = await job(tmp_path, 1_000.0, *looks(300), cancel)
    assert run.custom_status["phase"] == "Cancelled"
    assert run.took_s < cancel_after_s + 60
    assert not run.world.azure.alive


async def test_a_watch_that_ends_while_the_job_looks_is_heard(tmp_path: Path) -> None:
    """Whoever sees the end first ends the job, and once."""
    for number, after_s in enumerate((985.0, 990.0, 995.0, 999.0, 1_001.0)):
        run = await job(tmp_path / str(number), 1_000.0, *looks(after_s))
        assert run.custom_status["phase"] == "Succeeded"
        assert len(run.world.azure.created) == 1


@pytest.mark.parametrize("after_s", [20.0, 400.0])
async def test_an_attempt_that_a_look_ended_is_followed_by_the_next(
    tmp_path: Path, after_s: float
) -> None:
    """A watch that was left behind does not take the next attempt's group for its own."""
    spec = SPEC | {"retry": {"attempts": 2, "backoffSeconds": 1}}
    run = await run_job(
        tmp_path, spec, *looks(after_s + 0.5), end_after_s=after_s, exit_code=3, job_id="j"
    )
    assert run.status == "Failed"
    assert len(run.world.azure.created) == 2
    assert run.row is not None
    assert run.row.settled
    assert not run.world.azure.alive


@TWIN_REPLIES
async def test_a_look_that_came_before_anybody_waited_is_bounded_too(tmp_path: Path) -> None:
    """The SDK takes such an event for one at every later wait."""
    busy = {"kind": "busy", "code": "ServiceUnavailable", "message": "no capacity"}
    troubles: dict[str, list[Any]] = {"CreateContainerActivity": [busy, busy]}
    plain = await job(
        tmp_path / "plain", 60.0, step_troubles={k: [*v] for k, v in troubles.items()}
    )
    early = await job(tmp_path / "early", 60.0, *looks(1.0), step_troubles=troubles)
    assert early.custom_status["phase"] == "Succeeded"
    assert 0 < polls(early) - polls(plain) <= 6
