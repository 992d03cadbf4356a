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
from acijobs.domain.policy import MAX_RETRY_AFTER_S, PollPolicy
from acijobs.domain.progress import LogState
from acijobs.domain.reasons import Reason
from acijobs.domain.row import FIRST_OFFER, Cancel, Run
from acijobs.domain.terms import Terms

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
        attempt: Number of the attempt, from 1.
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
        log_added: What that fetch found new, in bytes.
        log_grew_at: When a fetch last found something new, or the container began to run.
        unread_since: Since when no poll could tell whether the container is silent; None where the last
            one could, or nobody asks.
        unhealthy_since: Since when every poll has shown a group that Azure repairs; None: it does not.
        billed_since: When Azure accepted the group as its row has it, for a job with a cost limit: who
            takes a job over begins its watch later.
        times: `imagePulling`, `containerStarted`, `containerFinished`, as Azure gave them.
        trace_parent: The span that accepted the job, for a watch that is an orchestration of its own.
    """

    run: Run = Run()
    attempt: int = 1
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
    log_grew_at: datetime | None = None
    unread_since: datetime | None = None
    unhealthy_since: datetime | None = None
    billed_since: datetime | None = None
    times: dict[str, datetime] = field(default_factory=dict)
    trace_parent: str | None = None

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
        default = accepted_at + timedelta(seconds=created.terms.provision_seconds)
        return cls(
            run=run,
            attempt=created.attempt,
            created_at=now,
            deadline=created.deadline or default,
            terms=created.terms,
            policy=created.policy,
            billed_since=created.created_at if created.terms.cost_seconds is not None else None,
        )

    @property
    def phase(self) -> Phase:
        """The job's phase at this stage."""
        return _PHASES.get(self.stage, Phase.CREATING)

    @property
    def has_been_silent(self) -> bool:
        """Whether a fetch that went well has found nothing new for too long."""
        fetched_at, silent_until = self.log_fetched_at, self.silent_until
        if fetched_at is None or silent_until is None or self.log.trouble:
            return False
        return fetched_at >= silent_until

    def sleep(self, now: datetime) -> Watch:
        """Return the watch with its next poll due: as the policy says, and never after the deadline."""
        if self.absent_since is not None:  # find out soon whether it is gone
            pause_s = max(_ABSENCE_POLL_S, min(self.retry_after_s or 0.0, MAX_RETRY_AFTER_S))
            return replace(self, due=now + timedelta(seconds=pause_s))
        delay_s = self.policy.delay_s(
            job_id=self.run.job_id,
            poll=self.poll,
            age_s=(now - self.created_at).total_seconds(),
            lag_s=self.lag_s,
            retry_after_s=self.retry_after_s,
        )
        wanted = now + timedelta(seconds=delay_s)
        is_unknown = self.unread_since is not None and (self.silent_until or now) <= now
        silent_until = None if is_unknown else self.silent_until
        ends = (self.deadline, self.paid_until, silent_until)
        return replace(self, due=max(now, min(end for end in (wanted, *ends) if end is not None)))

    @property
    def paid_until(self) -> datetime | None:
        """Until when the job's cost limit pays for the group; None where it has none."""
        paid_s = self.terms.cost_seconds
        if paid_s is None:
            return None
        created_at = self.billed_since or self.created_at
        return self.times.get("imagePulling", created_at) + timedelta(seconds=paid_s)

    @property
    def silent_until(self) -> datetime | None:
        """When the container has been silent for too long; None where it may be, or does not run."""
        limit_s = self.terms.silent_seconds
        if limit_s is None or self.log_grew_at is None:
            return None
        return self.log_grew_at + timedelta(seconds=limit_s)

    def request(self, now: datetime) -> CheckRequest:
        """Return the request of the poll that is due."""
        fetched_at = self.log_fetched_at
        since_s = (now - fetched_at).total_seconds() if fetched_at is not None else None
        due = self.policy.log_is_due(since_s=since_s, added_bytes=self.log_added, lag_s=self.lag_s)
        due = due or (self.silent_until is not None and now >= self.silent_until)
        return CheckRequest(
            run=self.run,
            log_is_due=due,
            log_bytes=self.log.archived_bytes,
            other_logs=self.log.containers,
            confirm_absence=self.is_absent_for_long(now),
            attempt=self.attempt if self.attempt > 1 else None,
        )

    def see(self, reply: Reply, now: datetime) -> tuple[Watch, Change | None]:
        """Return the watch after this reply of a poll, and what it changed, if anything."""
        lag_s = max((now - self.due).total_seconds(), 0.0)
        polled = replace(self, poll=self.poll + 1, retry_after_s=None, lag_s=lag_s)
        polled, outcome = _learned(polled, reply, now)
        polled = replace(polled, unread_since=self._unread_since(reply, now))
        cancel: Cancel | None = getattr(reply, "cancel", None)
        if outcome is None and cancel is not None:
            outcome = Outcome.cancelled(cancel.why)
        if outcome is None and polled.stage == self.stage:
            outcome = _overdue(polled, reply, now)
        if outcome is not None:
            return polled, Change(what=What.ENDED, outcome=outcome)
        if polled.stage != self.stage:
            return polled, Change(what=What.STAGE)
        if self.restarts < polled.restarts <= _MAX_SHOWN_RESTARTS:
            return polled, Change(what=What.RESTARTED)
        return polled, None

    def _unread_since(self, reply: Reply, now: datetime) -> datetime | None:
        is_read = isinstance(reply, Seen) and not (reply.log and reply.log.trouble)
        if is_read or self.terms.silent_seconds is None:
            return None
        return self.unread_since or now

    def is_absent_for_long(self, now: datetime) -> bool:
        """Tell whether no poll has found the group for so long that the list must be asked."""
        return self.absent_since is not None and now - self.absent_since >= ABSENCE_TIME


def _learned(watch: Watch, reply: Reply, now: datetime) -> tuple[Watch, Outcome | None]:
    match reply:
        case Seen():
            saw = _saw(watch, reply, now)
            return saw, reply.outcome or _evicted(watch, saw)
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
    is_unhealthy = seen.hindrance == Reason.UNHEALTHY.value
    saw = replace(saw, unhealthy_since=(watch.unhealthy_since or now) if is_unhealthy else None)
    if saw.stage == "running" and watch.stage != "running":
        deadline = _runs_since(watch, seen, now) + timedelta(seconds=watch.terms.run_seconds)
        saw = replace(saw, deadline=deadline, log_grew_at=now)
    saw = replace(saw, log=saw.log.with_others(seen.other_logs or {}))
    if seen.log is None:
        return saw
    log = merged(saw.log, seen.log, has_ended=False)
    # Not what this fetch appended: whoever follows the log fetches it, too.
    added = max(0, log.archived_bytes - watch.log.archived_bytes)
    grew_at = now if added else saw.log_grew_at
    return replace(saw, log=log, log_fetched_at=now, log_added=added, log_grew_at=grew_at)


def _runs_since(watch: Watch, seen: Seen, now: datetime) -> datetime:
    """Return since when the container runs: now, but for a job that was taken over while it ran."""
    is_taken_over = watch.run.offer > FIRST_OFFER
    return min(seen.started_at or now, now) if is_taken_over else now


def _evicted(before: Watch, saw: Watch) -> Outcome | None:
    """Return the end of an attempt whose Spot group Azure took away, and started again by itself.

    Under OnFailure such a restart may be the container's own.

    Source: container-instances-spot-containers-overview, learn.microsoft.com.
    """
    is_spot = before.terms.priority == "Spot" and before.terms.restart_policy == "Never"
    return _EVICTED if is_spot and saw.restarts > before.restarts else None


def _overdue(watch: Watch, reply: Reply, now: datetime) -> Outcome | None:
    """Return the end of an attempt one of whose deadlines has passed."""
    if now >= watch.deadline:
        return _timed_out(watch.stage, reply)
    if watch.paid_until is not None and now >= watch.paid_until:
        return _COST_LIMIT
    if watch.has_been_silent:
        return _NO_OUTPUT
    patience = timedelta(seconds=watch.terms.provision_seconds)
    if watch.unhealthy_since is not None and now - watch.unhealthy_since >= patience:
        return Outcome.timed_out(
            Reason.UNHEALTHY, "Azure did not repair the group in provisionSeconds"
        )
    return None


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
_COST_LIMIT = Outcome.timed_out(
    Reason.COST_LIMIT, "the job has run for as long as its maxCostUsd pays for"
)
_NO_OUTPUT = Outcome.timed_out(
    Reason.NO_OUTPUT, "the container added nothing to its log for silentSeconds"
)
_EVICTED = Outcome.failed(
    Reason.EVICTED, "Azure took the capacity of the Spot group back, and started it again"
)
_VANISHED = Outcome.failed(
    Reason.GROUP_VANISHED, "the container group is gone, though the job had not deleted it"
)
