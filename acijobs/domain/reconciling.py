"""Compares a job's row with the orchestration that should drive it: what, if anything, is to be done.

Only facts count: an engine that does not answer proves nothing, and whoever was only slow is told by
the row that it has been superseded. An offer that nobody has claimed may be started as often as one
likes; a new one is made only to put an execution aside, and is counted.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING

from acijobs.domain.calling_back import is_due as is_callback_due
from acijobs.domain.outcome import Outcome, Phase
from acijobs.domain.progress import CleanUp
from acijobs.domain.reasons import Reason
from acijobs.domain.row import FIRST_OFFER, MAX_TAKE_OVERS, Row

if TYPE_CHECKING:
    from collections.abc import Sequence

START_TIME = timedelta(minutes=2)
"""How long an offer may stand unclaimed; a host that starts cold takes some seconds."""

STALE_TIME = timedelta(minutes=4)
"""How long a driving orchestration may show no progress, at least …"""

STALE_POLLS = 3
STALE_BESIDES = timedelta(minutes=2)
"""… and so many of the longest intervals between polls, and this …"""

WAITING_STALE_TIME = timedelta(minutes=15)
"""… or so long where the last that was seen of it is that it waits: Azure may ask for ten minutes.

Each of these doubles with every take-over of the last day: a job that is only slow is not given up.
"""

DEADLINE_MARGIN = timedelta(minutes=10)
"""How long after its own last deadline a job is ended from outside, suspended ones too."""

LOG_TIME = timedelta(minutes=15)
"""How long the end of a dead job's log is tried for before its group is deleted without it."""

MANY = 5
MANY_SHARE = 0.2
"""So many jobs, and more than this share of those looked at, are not dead each by itself: if they
show no progress, the engine is slow; if they are gone from it, it has lost its task hub."""

TAKEN_OVER = "acijobs took the job over, because this made no progress"
"""The reason of our own terminations. One may come late, and reach the run that it made room for: its
engine keeps messages for minutes. So it must not be taken for what people terminate."""

_CLOCKS_APART = timedelta(minutes=1)
PROBES = 4
"""Silent jobs that a round takes over although many are: sessions that leaked in an outage stay silent
for ever, and must not keep each other from being taken over."""

MAX_TAKE_OVERS_OF_PROBE = 2

_SLOWEST_LOOK = timedelta(minutes=10)
_AGE_SHARE = 0.1
_ALIVE = frozenset({"Pending", "Running", "ContinuedAsNew", "Suspended"})
_SUSPENDED = "Suspended"
_STOPPED = frozenset({"Terminated", "Canceled"})
PURGED = "purged"
"""Why a job is ended whose orchestration was claimed and is gone."""


@dataclass(frozen=True, kw_only=True)
class Driver:
    """What the engine shows of a job's orchestration.

    Attributes:
        answered: Whether the engine answered; if not, the rest means nothing.
        status: Durable's `runtimeStatus`; empty where the engine says that there is none.
        progressed_at: When it, or a child of it, was last seen to go on; None where it never was.
        is_waiting: Whether it shows that it waits for Azure.
        output: What it ended with: the reason, where it was terminated.
    """

    answered: bool = True
    status: str = ""
    progressed_at: datetime | None = None
    is_waiting: bool = False
    output: str = ""

    @property
    def is_stopped_by_people(self) -> bool:
        """Whether people have terminated it."""
        return self.status in _STOPPED and self.output != TAKEN_OVER

    @property
    def is_alive(self) -> bool:
        """Whether it may still go on by itself, or when it is resumed."""
        return self.status in _ALIVE

    def is_stale(self, row: Row, now: datetime, longest_poll: timedelta) -> bool:
        """Tell whether it goes on by itself and should have been seen to."""
        if not self.is_alive or self.status == _SUSPENDED or self.progressed_at is None:
            return False
        patience = max(STALE_TIME, longest_poll * STALE_POLLS + STALE_BESIDES)
        if self.is_waiting:
            patience = max(patience, WAITING_STALE_TIME)
        return now - self.progressed_at >= patience * (1 << row.take_overs(now))


class Act(Enum):
    """What to do with a job."""

    NOTHING = "nothing"
    START = "start"
    """Start an execution with the offer that stands, which nobody has claimed."""
    TAKE_OVER = "takeOver"
    """Make a new offer, and start an execution with it."""
    END = "end"
    """Collect, close, delete, settle: whatever of that is still to be done."""
    CALL_BACK = "callBack"
    """Tell whom it concerns how the job ended: all that is left to do."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What to do with a job, and why.

    Attributes:
        act: What.
        why: In one word, for the log.
        outcome: For END: how the job ended, where its row does not say.
        is_guess: Whether it rests on silence rather than on a fact: an engine that is slow as a
            whole must not make it.
        collects_log: For END: whether the end of the log is worth waiting for.
    """

    act: Act = Act.NOTHING
    why: str = ""
    outcome: Outcome | None = None
    is_guess: bool = False
    collects_log: bool = True


def is_due(
    job_id: str, *, accepted_at: datetime | None, over_at: datetime | None, now: datetime
) -> bool:
    """Tell whether this round looks at a job: a tenth of its age apart, from 1 to 10 minutes.

    The age begins anew when a job is past its last deadline. Rounds are a minute apart; which of them
    are a job's own follows from its id, so that the looks are spread.
    """
    if accepted_at is None or over_at is None:
        return True
    overdue_at = over_at + DEADLINE_MARGIN
    age = now - (overdue_at if now >= overdue_at else accepted_at)
    every = max(1, int(min(age * _AGE_SHARE, _SLOWEST_LOOK).total_seconds() // 60))
    digest = hashlib.sha256(job_id.encode("utf-8", "replace")).digest()
    minute = int((now.timestamp() + 30) // 60)  # rounds come some moments early or late
    return (minute + digest[0]) % every == 0


def decide(
    row: Row, driver: Driver, now: datetime, *, longest_poll: timedelta = timedelta(seconds=30)
) -> Decision:
    """Return what is to be done with an unsettled job whose row and orchestration look like this.

    Args:
        row: The row, read before the engine was asked.
        driver: What the engine answered.
        now: The time.
        longest_poll: The longest interval between two polls that the settings allow.
    """
    driver = _of_this_life(row, driver)
    is_waiting = row.due_at is not None and now < row.due_at + STALE_TIME  # between two attempts
    is_stale = driver.is_stale(row, now, longest_poll) and not is_waiting
    if row.is_closed:
        return _of_closed(row, driver, now, is_stale=is_stale)
    overdue_at = _overdue_at(row)
    if now >= overdue_at:
        return _end("overdue", _overdue(row), since=overdue_at, now=now)
    if not driver.answered:
        return Decision(why="noAnswer")
    is_off = not driver.is_alive or driver.status == _SUSPENDED
    if row.cancel is not None and is_off and not _goes_on_with_grace(row, driver, now):
        asked_at = max(at for at in (row.cancel.at, driver.progressed_at, row.accepted_at) if at)
        return _end("cancelled", Outcome.cancelled(row.cancel.why), since=asked_at, now=now)
    later = _of_claimed if row.is_claimed else _of_offered
    rule = _of_accepted if row.offer == FIRST_OFFER and not row.is_claimed else later
    return rule(row, driver, now, is_stale=is_stale)


def _goes_on_with_grace(row: Row, driver: Driver, now: datetime) -> bool:
    """Tell whether another run gives a cancelled container its time: its own was lost by the engine."""
    return row.is_in_grace(now) and row.is_claimed and driver.status == "Failed"


def temper(decided: Sequence[tuple[Row, Decision]], now: datetime) -> tuple[list[Decision], bool]:
    """Return the decisions of a round, none of which many jobs share that cannot all be dead.

    Many that show no progress mean a slow engine: but for a few, which find out whether it drives at
    all, only deadlines are kept. Many that are gone mean a lost or renamed task hub rather than people
    who end jobs: they are driven on.

    Returns:
        The decisions, and whether the engine is slow.
    """
    decisions = [decision for _, decision in decided]
    is_slow = _are_many(sum(d.is_guess for d in decisions), of=len(decisions))
    is_lost = _are_many(sum(d.why == PURGED for d in decisions), of=len(decisions))
    tempered, probes = [], 0
    for row, decision in decided:
        if decision.is_guess and is_slow:
            probes += (is_probe := probes < PROBES and _may_probe(row, decision, now))
            tempered.append(decision if is_probe else Decision(why="slow"))
        elif decision.why == PURGED and is_lost:
            tempered.append(_take_over(row, now, why="hubLost"))
        else:
            tempered.append(decision)
    return tempered, is_slow


def _may_probe(row: Row, decision: Decision, now: datetime) -> bool:
    return decision.act is Act.TAKE_OVER and row.take_overs(now) < MAX_TAKE_OVERS_OF_PROBE


def _are_many(some: int, *, of: int) -> bool:
    return some >= MANY and some > MANY_SHARE * of


def _of_this_life(row: Row, driver: Driver) -> Driver:
    """Take an instance that ended before the job was accepted for none: it is an earlier job's."""
    ended_at = None if driver.is_alive else driver.progressed_at
    if row.claim is not None or ended_at is None:
        return driver
    is_earlier = ended_at < row.accepted_at - _CLOCKS_APART
    return replace(driver, status="", progressed_at=None) if is_earlier else driver


def _of_closed(row: Row, driver: Driver, now: datetime, *, is_stale: bool) -> Decision:
    closed_at = row.closed_at or now
    if not driver.answered and now < closed_at + START_TIME:
        return Decision(why="noAnswer")
    is_driven = driver.answered and driver.is_alive and driver.status != _SUSPENDED
    clean_by = closed_at + timedelta(seconds=row.terms.clean_up_seconds) + DEADLINE_MARGIN
    if is_driven and not is_stale and now < clean_by:
        return Decision(why="cleaning")  # whoever closed it cleans up
    is_kept = row.kept_until is not None and now < row.kept_until and row.clean_up is CleanUp.KEPT
    if is_callback_due(row, now) and (is_kept or row.is_clean):
        return Decision(act=Act.CALL_BACK, why="callbackOwed")
    if is_kept or (row.is_clean and row.owes_callback):
        return Decision(why="kept" if is_kept else "callbackLater")
    return Decision(act=Act.END, why="notSettled")


def _of_claimed(row: Row, driver: Driver, now: datetime, *, is_stale: bool) -> Decision:
    if driver.is_stopped_by_people or not driver.status:
        why = "terminated" if driver.status else PURGED
        outcome = _by_people(f"the job's orchestration was {why}")
        return _end(why, outcome, since=driver.progressed_at or now, now=now)
    if not driver.is_alive:  # failed by its engine, completed without its job, or put aside by us
        return _take_over(row, now, why=driver.status)
    return _take_over(row, now, why="stale", is_guess=True) if is_stale else Decision(why="driven")


def _of_accepted(row: Row, driver: Driver, now: datetime, *, is_stale: bool) -> Decision:
    """Decide on the first offer, which nobody has claimed yet."""
    if driver.is_stopped_by_people:
        outcome = _by_people("the job's orchestration was terminated")
        return _end("terminated", outcome, since=now, now=now)
    if now < row.accepted_at + START_TIME or (driver.is_alive and not is_stale):
        return Decision(why="starting")
    if not driver.status:  # the engine never took it, and a start harms nothing
        return Decision(act=Act.START, why="notStarted")
    return _take_over(row, now, why="neverClaimed", is_guess=driver.is_alive)


def _of_offered(row: Row, driver: Driver, now: datetime, *, is_stale: bool) -> Decision:
    """Decide on a later offer, which nobody has claimed yet: what was terminated, we terminated."""
    is_late = now >= (row.offered_at or row.accepted_at) + START_TIME
    if driver.is_alive:
        is_stuck = is_late and is_stale
        start = Decision(act=Act.START, why="stillThere", is_guess=True)
        return start if is_stuck else Decision(why="starting")
    if is_late and driver.status == "Failed":  # not once, but again
        return _take_over(row, now, why="neverClaimed")
    return Decision(act=Act.START, why="notStarted")


def _take_over(row: Row, now: datetime, *, why: str, is_guess: bool = False) -> Decision:
    if row.take_overs(now) < MAX_TAKE_OVERS:
        return Decision(act=Act.TAKE_OVER, why=why, is_guess=is_guess)
    message = f"the engine lost the job's orchestration {MAX_TAKE_OVERS} times in a day"
    outcome = Outcome.failed(Reason.ENGINE_FAILURE, message)
    return Decision(act=Act.END, why="givenUp", outcome=outcome, is_guess=is_guess)


def _overdue_at(row: Row) -> datetime:
    """Return when the job is ended from outside: as early as nothing can have come of it."""
    over_at = row.queue_deadline if row.asked_at is None else row.over_at
    return over_at + DEADLINE_MARGIN


def _overdue(row: Row) -> Outcome:
    if row.created_at is None:
        return Outcome.timed_out(
            Reason.QUEUE_TIMEOUT, "Azure did not take the container group within queueSeconds"
        )
    return Outcome.timed_out(Reason.RUN_TIMEOUT, "the container ran longer than runSeconds")


def _by_people(message: str) -> Outcome:
    outcome = Outcome.failed(Reason.TERMINATED, message)
    return Outcome(phase=Phase.CANCELLED, reason=outcome.reason, message=outcome.message)


def _end(why: str, outcome: Outcome, since: datetime, now: datetime) -> Decision:
    is_in_time = now < since + LOG_TIME
    return Decision(act=Act.END, why=why, outcome=outcome, collects_log=is_in_time)
