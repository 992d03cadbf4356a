"""What a job waited for, ran and cost."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from acijobs.domain.group import GroupRef
from acijobs.domain.job_account import account
from acijobs.domain.outcome import MAX_HAPPENINGS, ContainerEnd, Happening, Outcome
from acijobs.domain.reasons import Reason
from acijobs.domain.retry import Again
from acijobs.domain.row import Row, closed, retried
from acijobs.domain.terms import Terms
from acijobs.domain.told import Told
from acijobs.rows.packing import pack_row

ROOM_CHARS = 8 * 32_000
"""What the table has for a row."""

START = datetime(2026, 1, 1, tzinfo=UTC)
FAILED = Outcome.failed(Reason.EXIT_CODE, "exit", exit_code=3)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


RAN = {
    "imagePulling": at(10),
    "containerStarted": at(20),
    "containerFinished": at(80),
}
ROW = Row(
    job_id="j",
    accepted_at=START,
    terms=Terms(cpu=2, memory_gb=4, usd_per_second=0.001),
    group=GroupRef(job_id="j", nonce="n", location="uksouth"),
    asked_at=at(1),
    created_at=at(5),
    times=RAN,
)


def shown(row: Row, now: datetime, timeline: dict[str, datetime]) -> dict[str, object]:
    return account(row, now, {name: when.isoformat() for name, when in timeline.items()})


def test_waiting_is_apart_from_running_and_billed_from_the_pull_on() -> None:
    """Waited 20 s, ran 60 s, billed from the pull at 10 s until the close at 90 s."""
    row = closed(ROW, Outcome.succeeded(), now=at(90))
    assert row is not None
    told = shown(row, at(1000), RAN)
    assert told["usage"] == {
        "waitingSeconds": 20.0,
        "runningSeconds": 60.0,
        "billedSeconds": 80.0,
        "vcpuSeconds": 160.0,
        "memoryGbSeconds": 320.0,
        "costUsd": 0.08,
    }


def test_an_open_job_is_counted_until_now() -> None:
    """By the timeline that its run shows: the row knows it only at the end."""
    row = replace(ROW, times={})
    running = {name: when for name, when in RAN.items() if name != "containerFinished"}
    told = shown(row, at(50), running)
    usage = told["usage"]
    assert isinstance(usage, dict)
    assert (usage["waitingSeconds"], usage["runningSeconds"]) == (20.0, 30.0)
    assert (usage["billedSeconds"], usage["costUsd"]) == (40.0, 0.04)
    assert told["attempts"] == []


def test_a_job_that_never_was_in_azure_cost_nothing() -> None:
    """It waited until it was ended."""
    row = closed(Row(job_id="j", accepted_at=START), FAILED, now=at(30))
    assert row is not None
    usage = shown(row, at(99), {})["usage"]
    assert isinstance(usage, dict)
    assert (usage["waitingSeconds"], usage["runningSeconds"], usage["costUsd"]) == (30.0, 0.0, 0.0)


def test_every_attempt_is_told_with_its_cost() -> None:
    """The earlier ones, and, once the job is over, the last one."""
    second = retried(ROW, Again(delay_s=10), FAILED, now=at(90))
    assert second is not None
    told = shown(second, at(91), {})["attempts"]
    assert isinstance(told, list)
    assert [(a["attempt"], a["state"], a["exitCode"], a["counted"]) for a in told] == [
        (1, "Failed", 3, True)
    ]
    assert (told[0]["location"], told[0]["group"]) == ("uksouth", "job-j-n")
    assert told[0]["costUsd"] == 0.08
    done = closed(second, Outcome.succeeded(), now=at(120))
    assert done is not None
    both = shown(done, at(121), {})["attempts"]
    assert isinstance(both, list)
    assert [(a["attempt"], a["state"], a["group"]) for a in both] == [
        (1, "Failed", "job-j-n"),
        (2, "Succeeded", None),
    ]


def test_a_row_has_room_for_all_attempts_and_what_azure_said_of_them() -> None:
    """One that is too large to store can never be closed: its group would stay."""
    said = Happening(name="Pulling", message="é" * 300, kind="Warning", at=START)
    ends = tuple(ContainerEnd(name=f"c{n}-{'x' * 50}", state="Running") for n in range(60))
    ended = replace(FAILED, message="é" * 1_000, containers=ends, events=(said,) * MAX_HAPPENINGS)
    row: Row | None = ROW
    for _ in range(19):
        assert row is not None
        row = retried(row, Again(delay_s=10), ended, now=at(90))
    assert row is not None
    done = closed(row, ended, now=at(120), told=Told(outputs={"o": "é" * 8_000}))
    assert done is not None
    assert done.outcome is not None
    assert len(pack_row(done)) < ROOM_CHARS * 2 / 3
    assert len(done.outcome.events) == MAX_HAPPENINGS
