"""The watch over a group: its memory between two polls, and the changes that a poll finds."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from acijobs.domain.messages import (
    Absent,
    Busy,
    CheckRequest,
    Created,
    Refused,
    Reply,
    Seen,
    merged,
)
from acijobs.domain.outcome import Outcome, Phase
from acijobs.domain.policy import PollPolicy
from acijobs.domain.progress import LogState
from acijobs.domain.reasons import Reason
from acijobs.domain.row import Cancel, Run, Terms

POLLS_PER_GENERATION = 8
"""Polls before the watch continues as new: 8 polls are at most about 70 history events."""

MAX_REFUSED_TIME = timedelta(minutes=10)
"""How long polls may be refused before the job is given up: rights take minutes to spread, and one
withdrawn by mistake may come back."""

ABSENCE_TIME = timedelta(minutes=1)
"""How long reads must have found no group before it counts as gone; then the list must agree.

ARM's replicas have been seen to answer 404 for a group that exists, for seconds to a minute or two.
"""

_ABSENCE_POLL_S = 5.0

_MAX_SHOWN_RESTARTS = 5
"""Restarts that are shown when they happen; a container that crashes for ever must not make the job's
history grow for ever."""

_RANKS = {"creating": 0, "pulling": 1, "running": 2}
_PHASES = {"creating": Phase.CREATING, "pulling": Phase.PULLING, "running": Phase.RUNNING}
_UNKNOWN_TIME = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class What(StrEnum):
    """The kind of a change."""

    STAGE = "stage"
    """A later stage was reached."""
    RESTARTED = "restarted"
    """The container was started again."""
    ENDED = "ended"
    """The job has an outcome."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change that a poll found.

    Attributes:
        what: Why the watch returns.
        outcome: For `ended`: how.
    """

    what: What = What.STAGE
    outcome: Outcome | None = None


@dataclass(frozen=True, kw_only=True)
class Watch:
    """The watch over one group; JSON in the input and output of WatchOrchestrator.

    Attributes:
        run: Who watches.
        created_at: When Azure accepted the group; the age of the job counts from here.
        deadline: When waiting ends: the provisioning deadline until the container runs, then the run
            deadline.
        terms: The job's terms.
        policy: How often to poll.
        stage: `creating`, `pulling`, `running`.
        poll: Number of the next poll, from 0.
        due: When the engine was, or is, to wake for the newest poll.
        lag_s: How late the engine was at the last poll.
        refused_since: Since when every poll has been refused; None if the last one was not.
        absent_since: Since when no poll has found the group; None if the last one did.
        retry_after_s: What the service asked for at the last poll.
        restarts: How often the container was started again, as far as polls have shown it.
        new_starts: How often polls have shown the container's start at another time; None: never.
        log: What has been archived.
        log_fetched_at: When the log was last fetched; None before.
        log_added: What that fetch added, in bytes.
        times: `imagePulling`, `containerStarted`, `containerFinished`, as Azure gave them.
    """

    run: Run = Run()
    created_at: datetime = _UNKNOWN_TIME
    deadline: datetime = _UNKNOWN_TIME
    terms: Terms = Terms()
    policy: PollPolicy = PollPolicy()
    stage: str = "creating"
    poll: int = 0
    due: datetime = _UNKNOWN_TIME
    lag_s: float = 0.0
    refused_since: datetime | None = None
    absent_since: datetime | None = None
    retry_after_s: float | None = None
    restarts: int = 0
    new_starts: int | None = None
    log: LogState = field(default_factory=LogState)
    log_fetched_at: datetime | None = None
    log_added: int = 0
    times: dict[str, datetime] = field(default_factory=dict)

    @classmethod
    def begin(cls, run: Run, created: Created, *, started: datetime, now: datetime) -> Watch:
        """Begin the watch over a group that has been created.

        Args:
            run: Who watches.
            created: The reply of the create.
            started: When the orchestration started, for what the reply does not say.
            now: The orchestration's time.
        """
        accepted_at = created.accepted_at or started
        return cls(
            run=run,
            created_at=now,
            deadline=accepted_at + timedelta(seconds=created.terms.provision_seconds),
            terms=created.terms,
            policy=created.policy,
        )

    @property
    def phase(self) -> Phase:
        """The job's phase at this stage."""
        return _PHASES.get(self.stage, Phase.CREATING)

    def sleep(self, now: datetime) -> Watch:
        """Return the watch with its next poll due: as the policy says, and never after the deadline."""
        if self.absent_since is not None:  # find out soon whether it is gone
            return replace(self, due=now + timedelta(seconds=_ABSENCE_POLL_S))
        delay_s = self.policy.delay_s(
            job_id=self.run.job_id,
            poll=self.poll,
            age_s=(now - self.created_at).total_seconds(),
            lag_s=self.lag_s,
            retry_after_s=self.retry_after_s,
        )
        return replace(self, due=max(now, min(now + timedelta(seconds=delay_s), self.deadline)))

    def request(self, now: datetime) -> CheckRequest:
        """Return the request of the poll that is due."""
        fetched_at = self.log_fetched_at
        since_s = (now - fetched_at).total_seconds() if fetched_at is not None else None
        due = self.policy.log_is_due(since_s=since_s, added_bytes=self.log_added, lag_s=self.lag_s)
        return CheckRequest(
            run=self.run,
            log_is_due=due,
            log_bytes=self.log.archived_bytes,
            confirm_absence=self.is_absent_for_long(now),
        )

    def see(self, reply: Reply, now: datetime) -> tuple[Watch, Change | None]:
        """Return the watch after this reply of a poll, and what it changed, if anything."""
        lag_s = max((now - self.due).total_seconds(), 0.0)
        polled = replace(self, poll=self.poll + 1, retry_after_s=None, lag_s=lag_s)
        polled, outcome = _learned(polled, reply, now)
        cancel: Cancel | None = getattr(reply, "cancel", None)
        if outcome is None and cancel is not None:
            outcome = Outcome.cancelled(cancel.why)
        if outcome is None and now >= polled.deadline and polled.stage == self.stage:
            outcome = _timed_out(self.stage, reply)
        if outcome is not None:
            return polled, Change(what=What.ENDED, outcome=outcome)
        if polled.stage != self.stage:
            return polled, Change(what=What.STAGE)
        if self.restarts < polled.restarts <= _MAX_SHOWN_RESTARTS:
            return polled, Change(what=What.RESTARTED)
        return polled, None

    def is_absent_for_long(self, now: datetime) -> bool:
        """Tell whether no poll has found the group for so long that the list must be asked."""
        return self.absent_since is not None and now - self.absent_since >= ABSENCE_TIME


def _learned(watch: Watch, reply: Reply, now: datetime) -> tuple[Watch, Outcome | None]:
    match reply:
        case Seen():
            return _saw(watch, reply, now), reply.outcome
        case Absent():
            missed = replace(watch, absent_since=watch.absent_since or now, refused_since=None)
            is_gone = reply.is_confirmed and missed.is_absent_for_long(now)
            return missed, _VANISHED if is_gone else None
        case Refused():
            since = watch.refused_since or now
            is_final = now - since >= MAX_REFUSED_TIME
            outcome = Outcome.refused(reply.code, reply.message) if is_final else None
            return replace(watch, refused_since=since), outcome
        case Busy():
            return replace(watch, retry_after_s=reply.retry_after_s), None
    return watch, None


def _saw(watch: Watch, seen: Seen, now: datetime) -> Watch:
    new_starts, times = _starts(watch, seen)
    is_later = _RANKS.get(seen.stage, -1) > _RANKS.get(watch.stage, 0)
    saw = replace(
        watch,
        refused_since=None,
        absent_since=None,
        restarts=max(seen.restarts, watch.restarts, new_starts or 0),
        new_starts=new_starts,
        times=times,
        stage=seen.stage if is_later else watch.stage,
    )
    if saw.stage == "running" and watch.stage != "running":
        saw = replace(saw, deadline=now + timedelta(seconds=watch.terms.run_seconds))
    if seen.log is None:
        return saw
    log = merged(watch.log, seen.log, has_ended=False)
    return replace(saw, log=log, log_fetched_at=now, log_added=seen.log.added_bytes)


def _starts(watch: Watch, seen: Seen) -> tuple[int | None, dict[str, datetime]]:
    """Return how often the container had a new start, and the times, after this poll.

    Azure does not count a restart from outside, and counts anew after it took a group away and brought
    it back; but the start time changes. An answer of a replica that lags does not take it back.
    """
    known, times = watch.times.get(_STARTED), watch.times | seen.times
    if known is None or seen.started_at is None:
        return watch.new_starts, times
    if seen.started_at > known:
        return (watch.new_starts or 0) + 1, times
    return watch.new_starts, times | {_STARTED: known}


def _timed_out(stage: str, reply: Reply) -> Outcome:
    is_running = stage == "running"
    limit = "runSeconds" if is_running else "provisionSeconds"
    hindrance = getattr(reply, "hindrance", "")
    if hindrance == Reason.CRASH_LOOP.value:
        message = f"the container crashed again and again until {limit} had passed"
        return Outcome.timed_out(Reason.CRASH_LOOP, message)
    if hindrance == Reason.UNHEALTHY.value:
        message = f"Azure had not repaired the container group when {limit} had passed"
        return Outcome.timed_out(Reason.UNHEALTHY, message)
    return _TIMEOUTS[is_running]


_STARTED = "containerStarted"
_TIMEOUTS = {
    True: Outcome.timed_out(Reason.RUN_TIMEOUT, "the container ran longer than runSeconds"),
    False: Outcome.timed_out(
        Reason.PROVISION_TIMEOUT, "the container did not start within provisionSeconds"
    ),
}
_VANISHED = Outcome.failed(
    Reason.GROUP_VANISHED, "the container group is gone, though the job had not deleted it"
)
