"""What the Reconciler decides about one job, as tables; and what it never decides."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acijobs.domain.group import GroupRef
from acijobs.domain.outcome import Outcome, Phase
from acijobs.domain.reasons import Reason
from acijobs.domain.reconciling import (
    DEADLINE_MARGIN,
    LOG_TIME,
    MANY,
    PROBES,
    STALE_TIME,
    START_TIME,
    TAKEN_OVER,
    WAITING_STALE_TIME,
    Act,
    Decision,
    Driver,
    decide,
    is_due,
    temper,
)
from acijobs.domain.row import MAX_TAKE_OVERS, Cancel, Row, Run, offered
from acijobs.domain.terms import Terms

START = datetime(2026, 11, 23, 10, tzinfo=UTC)
MINUTE, SECOND, DAY = timedelta(minutes=1), timedelta(seconds=1), timedelta(days=1)
TERMS = Terms(queue_seconds=600, provision_seconds=600, run_seconds=3_600)
ACCEPTED = Row(job_id="j", accepted_at=START, terms=TERMS)
DRIVEN = replace(
    ACCEPTED,
    claim=Run(job_id="j", offer=1, execution="x"),
    group=GroupRef(job_id="j", nonce="n"),
    asked_at=START,
    created_at=START,
)
OFFERED = replace(DRIVEN, offer=2, offered_at=START, taken_over=(START,))
CLOSED = replace(DRIVEN, outcome=Outcome.succeeded(), closed_at=START)
OVERDUE_AT = DRIVEN.over_at + DEADLINE_MARGIN
NEVER_STARTED_AT = ACCEPTED.queue_deadline + DEADLINE_MARGIN
GONE = Driver()
SILENT = Driver(answered=False)


def seen(status: str, **known: Any) -> Driver:
    return Driver(status=status, **({"progressed_at": START} | known))


RUNNING, PENDING, SUSPENDED = seen("Running"), seen("Pending"), seen("Suspended")
ASKED = Cancel(at=START, why="enough")

DECISIONS: dict[str, tuple[Row, Driver, timedelta, str, str]] = {
    # An engine that does not answer proves nothing.
    "silent": (DRIVEN, SILENT, 50 * MINUTE, "nothing", "noAnswer"),
    "silent, unclaimed": (ACCEPTED, SILENT, 15 * MINUTE, "nothing", "noAnswer"),
    "silent, offered": (OFFERED, SILENT, 15 * MINUTE, "nothing", "noAnswer"),
    "silent, cancelled": (
        replace(DRIVEN, cancel=ASKED),
        SILENT,
        15 * MINUTE,
        "nothing",
        "noAnswer",
    ),
    "silent, just closed": (CLOSED, SILENT, START_TIME - SECOND, "nothing", "noAnswer"),
    "silent, closed": (CLOSED, SILENT, START_TIME, "end", "notSettled"),
    "silent, overdue": (DRIVEN, SILENT, OVERDUE_AT - START, "end", "overdue"),
    # Driven.
    "running": (DRIVEN, RUNNING, STALE_TIME - SECOND, "nothing", "driven"),
    "running, no time known": (
        DRIVEN,
        seen("Running", progressed_at=None),
        9 * MINUTE,
        "nothing",
        "driven",
    ),
    "running, stale": (DRIVEN, RUNNING, STALE_TIME, "takeOver", "stale"),
    "pending, stale": (DRIVEN, PENDING, STALE_TIME, "takeOver", "stale"),
    "waiting": (
        DRIVEN,
        seen("Running", is_waiting=True),
        WAITING_STALE_TIME - SECOND,
        "nothing",
        "driven",
    ),
    "waiting, stale": (
        DRIVEN,
        seen("Running", is_waiting=True),
        WAITING_STALE_TIME,
        "takeOver",
        "stale",
    ),
    "failed by its engine": (DRIVEN, seen("Failed"), SECOND, "takeOver", "Failed"),
    "completed without its job": (DRIVEN, seen("Completed"), SECOND, "takeOver", "Completed"),
    "terminated": (DRIVEN, seen("Terminated"), SECOND, "end", "terminated"),
    "terminated by us": (
        DRIVEN,
        seen("Terminated", output=TAKEN_OVER),
        SECOND,
        "takeOver",
        "Terminated",
    ),
    "canceled": (DRIVEN, seen("Canceled"), SECOND, "end", "terminated"),
    "purged": (DRIVEN, GONE, SECOND, "end", "purged"),
    "suspended": (DRIVEN, SUSPENDED, OVERDUE_AT - START - SECOND, "nothing", "driven"),
    "suspended, overdue": (DRIVEN, SUSPENDED, OVERDUE_AT - START, "end", "overdue"),
    # Cancelled, and nobody hears it.
    "cancelled, driven": (replace(DRIVEN, cancel=ASKED), RUNNING, SECOND, "nothing", "driven"),
    "cancelled, suspended": (replace(DRIVEN, cancel=ASKED), SUSPENDED, SECOND, "end", "cancelled"),
    "cancelled, failed": (
        replace(DRIVEN, cancel=ASKED),
        seen("Failed"),
        SECOND,
        "end",
        "cancelled",
    ),
    "cancelled, gone": (replace(ACCEPTED, cancel=ASKED), GONE, SECOND, "end", "cancelled"),
    # Accepted, and nobody has claimed it.
    "just accepted": (ACCEPTED, GONE, START_TIME - SECOND, "nothing", "starting"),
    "never started": (ACCEPTED, GONE, START_TIME, "start", "notStarted"),
    "accepted, pending": (ACCEPTED, PENDING, STALE_TIME - SECOND, "nothing", "starting"),
    "accepted, pending, stale": (ACCEPTED, PENDING, STALE_TIME, "takeOver", "neverClaimed"),
    "accepted, suspended": (ACCEPTED, SUSPENDED, 15 * MINUTE, "nothing", "starting"),
    "accepted, failed just now": (ACCEPTED, seen("Failed"), SECOND, "nothing", "starting"),
    "accepted, failed": (ACCEPTED, seen("Failed"), START_TIME, "takeOver", "neverClaimed"),
    "accepted, terminated": (ACCEPTED, seen("Terminated"), SECOND, "end", "terminated"),
    "accepted, an earlier job terminated": (
        ACCEPTED,
        seen("Terminated", progressed_at=START - 2 * MINUTE),
        START_TIME,
        "start",
        "notStarted",
    ),
    "never claimed": (ACCEPTED, PENDING, NEVER_STARTED_AT - START, "end", "overdue"),
    # Taken over, and nobody has claimed that yet: what was terminated, we terminated.
    "offered, terminated": (OFFERED, seen("Terminated"), SECOND, "start", "notStarted"),
    "offered, gone": (OFFERED, GONE, SECOND, "start", "notStarted"),
    "offered, failed": (OFFERED, seen("Failed"), SECOND, "start", "notStarted"),
    "offered, failed again": (OFFERED, seen("Failed"), START_TIME, "takeOver", "neverClaimed"),
    "offered, superseded": (OFFERED, seen("Completed"), START_TIME, "start", "notStarted"),
    "offered, starting": (OFFERED, PENDING, 2 * STALE_TIME - SECOND, "nothing", "starting"),
    "offered, still there": (OFFERED, RUNNING, 2 * STALE_TIME, "start", "stillThere"),
    "offered, suspended": (OFFERED, SUSPENDED, 2 * STALE_TIME, "nothing", "starting"),
    "offered before any claim, terminated": (
        replace(ACCEPTED, offer=2, offered_at=START, taken_over=(START,)),
        seen("Terminated"),
        SECOND,
        "start",
        "notStarted",
    ),
    # Closed, and its group not known to be gone.
    "cleaning": (CLOSED, RUNNING, STALE_TIME - SECOND, "nothing", "cleaning"),
    "cleaning, stale": (CLOSED, RUNNING, STALE_TIME, "end", "notSettled"),
    "cleaning for long": (
        CLOSED,
        seen(
            "Running",
            progressed_at=START + timedelta(seconds=Terms().clean_up_seconds) + DEADLINE_MARGIN,
        ),
        timedelta(seconds=Terms().clean_up_seconds) + DEADLINE_MARGIN,
        "end",
        "notSettled",
    ),
    "closed, suspended": (CLOSED, SUSPENDED, SECOND, "end", "notSettled"),
    "closed, over": (CLOSED, seen("Completed"), SECOND, "end", "notSettled"),
    "closed, purged": (CLOSED, GONE, SECOND, "end", "notSettled"),
}


@pytest.mark.parametrize("case", DECISIONS)
def test_a_job_and_its_orchestration_decide_what_is_done(case: str) -> None:
    """Every branch, on both sides of each time."""
    row, driver, later, act, why = DECISIONS[case]
    decision = decide(row, driver, START + later)
    assert (decision.act.value, decision.why) == (act, why)
    is_silence = why in {"stale", "stillThere"} or case == "accepted, pending, stale"
    assert decision.is_guess == is_silence


@pytest.mark.parametrize(
    ("case", "phase", "reason"),
    [
        ("terminated", Phase.CANCELLED, Reason.TERMINATED),
        ("purged", Phase.CANCELLED, Reason.TERMINATED),
        ("accepted, terminated", Phase.CANCELLED, Reason.TERMINATED),
        ("cancelled, suspended", Phase.CANCELLED, Reason.CANCELLED),
        ("suspended, overdue", Phase.TIMED_OUT, Reason.RUN_TIMEOUT),
        ("never claimed", Phase.TIMED_OUT, Reason.QUEUE_TIMEOUT),
    ],
)
def test_an_end_has_the_outcome_that_people_see(case: str, phase: Phase, reason: Reason) -> None:
    """People's own doing is Cancelled, a deadline TimedOut."""
    row, driver, later, _, _ = DECISIONS[case]
    outcome = decide(row, driver, START + later).outcome
    assert outcome is not None
    assert (outcome.phase, outcome.reason) == (phase, reason.value)


def test_a_group_that_was_asked_for_may_run_until_the_last_deadline() -> None:
    """Only a job that Azure was never asked for is over with its queueing."""
    row = replace(DRIVEN, created_at=None)
    assert decide(row, SUSPENDED, NEVER_STARTED_AT).act is Act.NOTHING
    outcome = decide(row, SUSPENDED, row.over_at + DEADLINE_MARGIN).outcome
    assert outcome is not None
    assert outcome.reason == Reason.QUEUE_TIMEOUT.value


@pytest.mark.parametrize("status", ["Terminated", "Running"])
def test_the_log_is_waited_for_a_quarter_of_an_hour(status: str) -> None:
    """Then the job is ended without its last lines."""
    began = START if status == "Terminated" else OVERDUE_AT
    for later, collects in ((LOG_TIME - SECOND, True), (LOG_TIME, False)):
        decision = decide(DRIVEN, seen(status), began + later)
        assert (decision.act, decision.collects_log) == (Act.END, collects)


def test_patience_follows_the_longest_poll() -> None:
    """A setting of ten minutes must not make every job look dead."""
    poll = 10 * MINUTE
    assert not decide(DRIVEN, RUNNING, START + 32 * MINUTE - SECOND, longest_poll=poll).is_guess
    assert decide(DRIVEN, RUNNING, START + 32 * MINUTE, longest_poll=poll).act is Act.TAKE_OVER


def test_patience_doubles_with_each_take_over() -> None:
    """A throttled job, whose polls wait ten minutes, is taken over twice, and not given up."""
    patience = []
    for times in range(MAX_TAKE_OVERS):
        row = replace(DRIVEN, taken_over=(START,) * times)
        minutes = (m for m in range(1, 600) if decide(row, RUNNING, START + m * MINUTE).is_guess)
        patience.append(next(minutes, 0))
    assert patience == [4, 8, 16, 32, 64]


def test_five_take_overs_a_day_then_engine_failure() -> None:
    """The sixth is the end; a day later it is not."""
    row, long = DRIVEN, replace(TERMS, run_seconds=3 * 86_400)
    row = replace(row, terms=long)
    for number in range(MAX_TAKE_OVERS):
        now = START + number * MINUTE
        assert decide(row, seen("Failed"), now).act is Act.TAKE_OVER
        changed = offered(row, instead_of=row.offer, now=now)
        assert changed is not None
        run = Run(job_id="j", offer=changed.offer, execution=f"x{number}")
        row = replace(changed, claim=run)
    ended = decide(row, seen("Failed"), START + 5 * MINUTE)
    assert (ended.act, ended.why) == (Act.END, "givenUp")
    assert ended.outcome is not None
    assert ended.outcome.reason == Reason.ENGINE_FAILURE.value
    assert decide(row, seen("Failed"), START + DAY + MINUTE).act is Act.TAKE_OVER


STATUSES = ["", "Pending", "Running", "ContinuedAsNew", "Suspended", "Completed", "Failed"]
DRIVERS = st.builds(
    Driver,
    answered=st.booleans(),
    status=st.sampled_from([*STATUSES, "Terminated", "Canceled", "Unknown"]),
    progressed_at=st.none() | st.integers(-600, 9_000).map(lambda s: START + s * SECOND),
    is_waiting=st.booleans(),
)
ROWS = st.builds(
    lambda row, cancel, taken: replace(
        row, cancel=cancel, taken_over=(*row.taken_over, *((START,) * taken))
    ),
    st.sampled_from([ACCEPTED, DRIVEN, OFFERED, CLOSED, replace(DRIVEN, created_at=None)]),
    st.sampled_from([None, ASKED]),
    st.integers(0, 6),
)
NOWS = st.integers(0, 9_000).map(lambda s: START + s * SECOND)


@given(ROWS, DRIVERS, NOWS)
def test_no_act_could_run_a_job_twice(row: Row, driver: Driver, now: datetime) -> None:
    """An offer that was claimed is never started; a closed job is never driven."""
    decision = decide(row, driver, now)
    if decision.act in {Act.START, Act.TAKE_OVER}:
        assert driver.answered
        assert not row.is_closed
    if decision.act is Act.START:
        assert not row.is_claimed
    if decision.act is Act.TAKE_OVER:
        assert row.take_overs(now) < MAX_TAKE_OVERS


@given(ROWS, DRIVERS, NOWS)
def test_silence_never_ends_a_job(row: Row, driver: Driver, now: datetime) -> None:
    """Within its time an open job whose orchestration goes on is ended only when given up."""
    decision = decide(row, driver, now)
    goes_on = driver.is_alive and driver.status != "Suspended"
    if not row.is_closed and now < NEVER_STARTED_AT and (not driver.answered or goes_on):
        assert decision.act is not Act.END or (decision.why == "givenUp" and decision.is_guess)


@given(ROWS, DRIVERS, NOWS)
def test_an_engine_that_does_not_answer_changes_no_job_within_its_time(
    row: Row, driver: Driver, now: datetime
) -> None:
    """Only what needs no engine is done: deadlines, and the clean-up of closed jobs."""
    decision = decide(row, replace(driver, answered=False), now)
    if decision.act is not Act.NOTHING:
        assert decision.act is Act.END
        assert row.is_closed or now >= NEVER_STARTED_AT


@given(ROWS, NOWS)
def test_a_suspended_job_is_ended_only_past_its_margin_or_when_asked(
    row: Row, now: datetime
) -> None:
    """People suspend jobs for a reason."""
    decision = decide(row, SUSPENDED, now)
    if decision.act is not Act.NOTHING and not row.is_closed:
        assert decision.why in {"overdue", "cancelled"}
        over_at = row.queue_deadline if row.asked_at is None else row.over_at
        assert decision.why == "cancelled" or now >= over_at + DEADLINE_MARGIN


def _round(stale: int, driven: int, why: str = "stale") -> list[tuple[Row, Decision]]:
    guess = Decision(act=Act.TAKE_OVER, why=why, is_guess=why == "stale")
    return [(DRIVEN, guess)] * stale + [(DRIVEN, Decision(why="driven"))] * driven


@pytest.mark.parametrize(
    ("stale", "driven", "is_slow"),
    [(0, 0, False), (4, 0, False), (5, 0, True), (5, 20, False), (6, 20, True), (60, 0, True)],
)
def test_many_silent_jobs_are_a_slow_engine(stale: int, driven: int, *, is_slow: bool) -> None:
    """Five, and more than a fifth of those looked at: then deadlines, and a few take-overs, only."""
    decided = _round(stale, driven)
    decisions, was_slow = temper([*decided, (DRIVEN, Decision(act=Act.END, why="overdue"))], START)
    assert was_slow == is_slow
    acts = [decision.act for decision in decisions]
    assert acts.count(Act.TAKE_OVER) == (min(stale, PROBES) if is_slow else stale)
    assert acts[-1] is Act.END


@pytest.mark.parametrize(("gone", "why"), [(MANY - 1, "purged"), (MANY, "hubLost")])
def test_many_jobs_gone_are_a_lost_hub(gone: int, why: str) -> None:
    """A task hub that was renamed must not end the jobs that ran in it: they are driven on."""
    ended = Decision(act=Act.END, why="purged", outcome=Outcome.cancelled())
    decisions, was_slow = temper([(DRIVEN, ended)] * gone, START)
    assert {decision.why for decision in decisions} == {why}
    assert not was_slow


def _minutes(job_id: str, start: datetime, count: int, jitter: timedelta) -> list[int]:
    return [
        minute
        for minute in range(count)
        if is_due(
            job_id,
            accepted_at=START,
            over_at=START + 2 * DAY,
            now=start + minute * MINUTE + (jitter if minute % 2 else -jitter),
        )
    ]


@given(st.text(max_size=20), st.sampled_from([timedelta(), SECOND, 10 * SECOND]))
def test_a_job_is_looked_at_at_a_tenth_of_its_age(job_id: str, jitter: timedelta) -> None:
    """Each minute while young, each ten minutes when old; never later than twice that."""
    looks = _minutes(job_id, START, 600, jitter)
    assert looks[:20] == list(range(20))
    gaps = [(one, later - one) for one, later in itertools.pairwise(looks)]
    assert all(gap <= max(1, 2 * min(10, at // 10 + 1)) for at, gap in gaps)
    assert {gap for at, gap in gaps if at > 110} == {10}


def test_jobs_of_one_age_are_not_looked_at_together() -> None:
    """A tenth of a thousand old jobs a round, more or less."""
    now = START + 300 * MINUTE
    due = [
        is_due(f"job-{n}", accepted_at=START, over_at=START + DAY, now=now) for n in range(1_000)
    ]
    assert 70 < sum(due) < 130


def test_an_overdue_job_is_looked_at_at_once_and_then_less_and_less() -> None:
    """A group that cannot be deleted costs no requests every minute for ever."""
    over_at = START + DAY

    def looks(minutes: range) -> int:
        times = (over_at + DEADLINE_MARGIN + m * MINUTE for m in minutes)
        return sum(is_due("j", accepted_at=START, over_at=over_at, now=at) for at in times)

    assert looks(range(20)) == 20
    assert looks(range(200, 300)) == 10


@pytest.mark.parametrize("missing", ["accepted_at", "over_at"])
def test_a_job_of_unknown_times_is_always_looked_at(missing: str) -> None:
    """The list of unsettled jobs is only a hint."""
    times: dict[str, Any] = {"accepted_at": START, "over_at": START + DAY, missing: None}
    assert all(is_due("j", now=START + m * MINUTE, **times) for m in range(600, 620))
