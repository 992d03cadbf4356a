"""A job's row: its home, whatever becomes of the orchestration that drives it.

Rows change by compare-and-swap only. Each function below is one transition; it names who may make it
and from what, and returns the changed row, or None where the row does not allow it (any more).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from acijobs.domain.attempt import GONE, Attempt, billed_seconds
from acijobs.domain.callback.state import CallbackState
from acijobs.domain.candidates import (
    Candidate,
    Candidates,
    Lack,
    best,
    ruled_out,
    without_room,
)
from acijobs.domain.group import GroupRef, Scope
from acijobs.domain.outcome import Outcome, Phase
from acijobs.domain.progress import GROUP_CREATED, CleanUp, LogState, Progress, time_name
from acijobs.domain.public_text import public_text
from acijobs.domain.terms import Terms
from acijobs.domain.told import Told

if TYPE_CHECKING:
    from acijobs.domain.retry import Again

FIRST_OFFER = 1
"""The offer that the submission makes; later ones are made by taking the job over."""

TAKE_OVER_TIME = timedelta(days=1)
MAX_TAKE_OVERS = 5
"""How often a job is taken over in that time before it is given up as EngineFailure."""

MAX_CANCEL_CHARS = 200

EARLY_TIME = timedelta(seconds=1)
"""How early a durable timer may fire. Source: the engine sends whole seconds, seen with 3.19.0."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One execution of an orchestration, which drives a job or tries to.

    Attributes:
        job_id: The job, which is also the orchestration's instance id.
        offer: The number that the execution was started with.
        execution: Durable's ExecutionId: the same in every episode of this execution and no other.
    """

    job_id: str = ""
    offer: int = 0
    execution: str = ""


@dataclass(frozen=True, kw_only=True)
class Cancel:
    """A request to end a job.

    Attributes:
        at: When it came.
        why: The user's reason, at most 200 characters; empty where they gave none.
        grace_seconds: How long the container may take to end by itself; None: as its terms say.
    """

    at: datetime | None = None
    why: str = ""
    grace_seconds: int | None = None


_UNKNOWN_TIME = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


@dataclass(frozen=True, kw_only=True)
class Row:
    """All that is known of a job but its specification, which is stored beside it.

    Attributes:
        job_id: The job.
        digest: What was submitted, as a keyed digest: tells a repeated submission from another job.
        accepted_at: When it was submitted.
        terms: What driving it needs of its specification.
        offer: Number of the newest offer to drive it; an execution started with another is late.
        offered_at: When that was made; the first when the job was submitted.
        taken_over: When the job was taken over from an execution that did not go on, newest last.
        claim: Who drives it; its offer is the row's, else nobody has claimed that yet.
        attempts: The attempts that ended and were followed by another, the first one first.
        due_at: When the current attempt may begin; None for at once.
        group: The current attempt's container group; None before it is claimed.
        tried: The candidates that Azure has refused for now, since it was last begun with the first;
            and those in which earlier attempts found no capacity.
        unfit: Those that it will not take.
        asked_at: When Azure was last about to be asked for the group; None before.
        created_at: When Azure had accepted it; from then on it is never asked for again.
        cancel: The first request to end the job.
        stopping_at: When its container was asked to end by itself, because the job is cancelled.
        outcome: How it ended; a row that has one is closed, and nothing is created for it any more.
        closed_at: When it was closed.
        kept_until: Until when the group is kept after that; None where it is not.
        clean_up: What became of the group since.
        clean_up_detail: Why the clean-up failed; empty otherwise.
        callback: What became of the message to whom wanted to know how the job ended.
        settled: Whether nothing is left to do: closed, every group known to be gone, the callback made.
        restarts: How often the current attempt's container was started again.
        log: What had been archived when it was closed.
        times: The current attempt's timeline, as in `Progress`.
        billed_s: Seconds that the last attempt's group is billed for, about; known once it is closed.
        labels: The user's own; also in the list's entry of the job.
        rerun_of: The job that this is another run of; empty where it is none.
        first_run: The first job of that chain; empty where it is the job itself.
        told: What the job had told of itself when it was closed.
        trace_parent: The span that accepted it, as a `traceparent`; None without telemetry. It is not
            in the claim: who drives a job does not depend on it.
    """

    job_id: str = ""
    digest: str = ""
    accepted_at: datetime = _UNKNOWN_TIME
    terms: Terms = Terms()
    offer: int = FIRST_OFFER
    offered_at: datetime | None = None
    taken_over: tuple[datetime, ...] = ()
    claim: Run | None = None
    attempts: tuple[Attempt, ...] = ()
    due_at: datetime | None = None
    group: GroupRef | None = None
    tried: tuple[str, ...] = ()
    unfit: tuple[str, ...] = ()
    asked_at: datetime | None = None
    created_at: datetime | None = None
    cancel: Cancel | None = None
    stopping_at: datetime | None = None
    outcome: Outcome | None = None
    closed_at: datetime | None = None
    kept_until: datetime | None = None
    clean_up: CleanUp = CleanUp.PENDING
    clean_up_detail: str = ""
    callback: CallbackState = field(default_factory=CallbackState)
    settled: bool = False
    restarts: int = 0
    log: LogState = field(default_factory=LogState)
    times: dict[str, datetime] = field(default_factory=dict)
    billed_s: float = 0.0
    labels: dict[str, str] = field(default_factory=dict)
    rerun_of: str = ""
    first_run: str = ""
    told: Told = field(default_factory=Told)
    trace_parent: str | None = None

    @property
    def attempt(self) -> int:
        """Number of the current attempt, from 1."""
        return len(self.attempts) + 1

    @property
    def has_begun(self) -> bool:
        """Whether a container may have run, now or in an earlier attempt."""
        return self.group is not None or bool(self.attempts)

    @property
    def is_closed(self) -> bool:
        """Whether the outcome is decided."""
        return self.outcome is not None

    @property
    def is_clean(self) -> bool:
        """Whether it is closed, and nothing of it is left in Azure."""
        is_gone = self.asked_at is None or self.clean_up in GONE
        return self.is_closed and is_gone and not self.leftovers

    @property
    def owes_callback(self) -> bool:
        """Whether it is closed, and somebody who wants to know is still to be told."""
        if self.outcome is None or self.callback.is_over:
            return False
        return self.outcome.phase.value in (self.terms.callback_phases or ())

    @property
    def queue_deadline(self) -> datetime:
        """When Azure must have accepted the current attempt's group."""
        return (self.due_at or self.accepted_at) + timedelta(seconds=self.terms.queue_seconds)

    @property
    def provision_deadline(self) -> datetime:
        """When the container must run."""
        accepted_at = self.created_at or self.queue_deadline
        return accepted_at + timedelta(seconds=self.terms.provision_seconds)

    @property
    def over_at(self) -> datetime:
        """When the current attempt is over at the latest, by its own deadlines."""
        run = timedelta(seconds=self.terms.run_seconds)
        return self.provision_deadline + run + timedelta(seconds=self.terms.clean_up_seconds)

    @property
    def leftovers(self) -> tuple[GroupRef, ...]:
        """The groups of earlier attempts that are not known to be gone."""
        return tuple(a.group for a in self.attempts if a.group is not None and not a.is_gone)

    @property
    def moved_from(self) -> tuple[GroupRef, ...]:
        """The groups of earlier attempts that found no capacity where they were."""
        return tuple(a.group for a in self.attempts if a.group is not None and a.moved)

    @property
    def scopes(self) -> frozenset[Scope]:
        """Where groups of this job may be: one whose groups are gone may be gone itself."""
        current = None if self.is_clean else self.group
        return frozenset(group.scope for group in (current, *self.leftovers) if group is not None)

    @property
    def terms_left(self) -> Terms:
        """The terms of the current attempt: what the earlier ones cost is taken off the limit."""
        paid_s = self.terms.cost_seconds
        if paid_s is None:
            return self.terms
        used_s = sum(attempt.billed_s for attempt in self.attempts)
        return replace(self.terms, cost_seconds=max(0.0, paid_s - used_s))

    @property
    def grace(self) -> timedelta:
        """How long a cancelled container has to end by itself, after it was asked to."""
        asked_s = self.cancel.grace_seconds if self.cancel is not None else None
        return timedelta(seconds=self.terms.cancel_grace_seconds if asked_s is None else asked_s)

    def is_in_grace(self, now: datetime) -> bool:
        """Tell whether a cancelled container may still end by itself."""
        if self.cancel is None or self.created_at is None or not self.grace:
            return False
        return self.stopping_at is None or now < self.stopping_at + self.grace

    def billed_until(self, now: datetime) -> float:
        """Return the seconds that the current attempt's group is billed for, if it stops now."""
        return billed_seconds(self.created_at, self.times, until=now)

    def is_paid_out(self, now: datetime) -> bool:
        """Tell whether less than a second is left of the job's cost limit, if its group stops now."""
        left_s = self.terms_left.cost_seconds
        return left_s is not None and self.billed_until(now) > left_s - 1

    def is_driven_by(self, run: Run) -> bool:
        """Tell whether this execution drives the job."""
        return self.claim == run and self.offer == run.offer

    def is_at(self, earlier: Row) -> bool:
        """Tell whether the job has the driver, the offer and the attempt that it had then."""
        then = (earlier.offer, earlier.claim, earlier.attempt)
        return (self.offer, self.claim, self.attempt) == then

    @property
    def progress(self) -> Progress:
        """The job's progress as far as the row alone knows it."""
        return Progress(
            run=self.claim.execution if self.claim else "",
            phase=self._phase,
            attempt=self.attempt,
            group=self.group.name if self.group else "",
            times=self._timeline,
            outcome=self.outcome,
            restarts=self.restarts,
            log=self.log,
            clean_up=self._clean_up,
            clean_up_detail=self.clean_up_detail,
        )

    @property
    def is_claimed(self) -> bool:
        """Whether an execution drives the job with the newest offer."""
        return self.claim is not None and self.claim.offer == self.offer

    def take_overs(self, now: datetime) -> int:
        """Return how often the job was taken over lately."""
        return sum(now - at < TAKE_OVER_TIME for at in self.taken_over)

    def at(self, **times: datetime) -> Row:
        """Return the row with these points in its timeline, unless they were there before."""
        return replace(self, times=times | self.times)

    @property
    def _clean_up(self) -> CleanUp:
        """What became of the groups of all attempts."""
        if not self.is_closed or (self.leftovers and self.clean_up in GONE):
            return CleanUp.PENDING
        if self.asked_at is not None or self.leftovers:
            return self.clean_up
        was_asked = any(attempt.group is not None for attempt in self.attempts)
        return CleanUp.DELETED if was_asked else CleanUp.NOT_NEEDED

    @property
    def _timeline(self) -> dict[str, datetime]:
        times = {time_name(Phase.QUEUED): self.accepted_at} | self.times
        if self.outcome is not None and self.closed_at is not None:
            ended_at = self.times.get("deleted", self.closed_at)
            times[time_name(self.outcome.phase)] = ended_at
        return times

    @property
    def _phase(self) -> Phase:
        if self.outcome is not None:
            return self.outcome.phase
        return Phase.QUEUED if self.asked_at is None else Phase.CREATING


def claimed(row: Row, run: Run, *, candidates: Candidates, nonce: str, now: datetime) -> Row | None:
    """Let this execution drive the job, and fix the attempt's group: from open and unclaimed.

    The first activity of an execution makes it, and asks Azure for the group unless somebody has, or
    the job was cancelled, or it is not known where (there are no candidates). The first episode may run
    again with another clock; it has the same execution, and finds the row its own. One that finds no
    group there, because settings were wrong then, fixes it now.
    """
    if row.is_closed or row.offer != run.offer:
        return None
    is_claimed = row.claim is not None and row.claim.offer == run.offer
    if is_claimed and row.claim != run:
        return None
    claim = row if is_claimed else replace(row, claim=run).at(creating=now)
    is_early = row.due_at is not None and now < row.due_at - EARLY_TIME
    chosen, tried = _first_candidate(row, candidates)
    if row.group is not None or row.cancel is not None or chosen is None or is_early:
        return claim
    group = GroupRef(
        scope=chosen.scope,
        job_id=row.job_id,
        attempt=row.attempt,
        nonce=nonce,
        location=chosen.location,
    )
    return replace(claim, group=group, tried=tried, asked_at=now).at(creating=now)


def _first_candidate(row: Row, candidates: Candidates) -> tuple[Candidate | None, tuple[str, ...]]:
    """Return where a new attempt is asked for, and the names of those where there was no room.

    It is in the first region that none was in; else the first. Where there was no room comes last.
    """
    fit = tuple(one for one in candidates if one.name not in row.unfit) or candidates
    tried = without_room(row.moved_from, candidates)
    left = tuple(one for one in fit if one.name not in tried)
    left, tried = (left, tried) if left else (fit, ())
    seen = {attempt.location for attempt in row.attempts}
    elsewhere = (one for one in left if one.location not in seen)
    return next(elsewhere, next(iter(left), None)), tried


def has_room_elsewhere(row: Row, candidates: Candidates) -> bool:
    """Tell whether a candidate is left where none of the job's groups has found no capacity.

    Its current group is one of them: Azure had accepted it, and had no capacity for it after all. Of a
    group that an earlier release asked for, the region may not be known: it could be the one left.
    """
    if row.group is None or row.created_at is None or not row.group.location:
        return False
    out = {*row.unfit, *without_room((*row.moved_from, row.group), candidates)}
    return any(one.name not in out for one in candidates)


def moved(row: Row, run: Run, why: Lack, *, candidates: Candidates, nonce: str) -> Row | None:
    """Let the attempt be asked for elsewhere: by the driver, where Azure refused it for what it lacks.

    None where there is nothing else. Nothing was created where it was refused, so in the same scope the
    group keeps its name; in another it has a new one, so that whatever a lost request may still do in
    the scope that is left is nobody's, and is swept. Once all were refused, it begins with the first.
    """
    if row.is_closed or row.group is None or row.created_at is not None:
        return None
    if not row.is_driven_by(run):
        return None
    out = ruled_out(Candidate.of(row.group), why, candidates)
    unfit = tuple(dict.fromkeys((*row.unfit, *out))) if why.is_for_good else row.unfit
    fit = tuple(one for one in candidates if one.name not in unfit)
    for tried in (tuple(dict.fromkeys((*row.tried, *out))), out):
        chosen = best(tuple(one for one in fit if one.name not in tried), tried, why)
        if chosen is not None:
            is_there = chosen.scope == row.group.scope
            group = replace(
                row.group,
                scope=chosen.scope,
                location=chosen.location,
                nonce=row.group.nonce if is_there else nonce,
            )
            return replace(row, group=group, tried=tried, unfit=unfit)
    return None


def asked(row: Row, run: Run, *, now: datetime) -> Row | None:
    """Note that Azure is about to be asked again: by the driver, while the group is not created."""
    if row.is_closed or row.group is None or row.created_at is not None:
        return None
    if not row.is_driven_by(run):
        return None
    return replace(row, asked_at=now)


def created(row: Row, run: Run, *, now: datetime) -> Row | None:
    """Note that Azure has accepted the group: by the driver of an open job."""
    if row.is_closed or row.group is None or not row.is_driven_by(run):
        return None
    return (
        row
        if row.created_at is not None
        else replace(row, created_at=now).at(**{GROUP_CREATED: now})
    )


def offered(row: Row, *, instead_of: int, now: datetime) -> Row | None:
    """Take the job over: make a new offer in place of the one that nobody goes on with.

    The Reconciler makes it, from open, and only in place of the offer that it has judged.
    """
    if row.is_closed or row.offer != instead_of:
        return None
    recent = tuple(at for at in row.taken_over if now - at < TAKE_OVER_TIME)
    return replace(row, offer=row.offer + 1, offered_at=now, taken_over=(*recent, now))


def cancelled(row: Row, *, why: str, now: datetime, grace_seconds: int | None = None) -> Row | None:
    """Note that somebody asked for the job's end: anybody may, once, while it is open."""
    if row.is_closed or row.cancel is not None:
        return None
    said = public_text(why)[:MAX_CANCEL_CHARS]
    return replace(row, cancel=Cancel(at=now, why=said, grace_seconds=grace_seconds))


def stopping(row: Row, run: Run, *, why: str = "", now: datetime) -> Row | None:
    """Note that the container is about to be asked to end by itself: by the driver, once.

    Only a cancelled job's is, also one that was cancelled by Durable's own event: whoever takes the
    job over knows it from here.
    """
    if row.is_closed or row.stopping_at is not None or not row.is_driven_by(run):
        return None
    cancel = row.cancel or Cancel(at=now, why=public_text(why)[:MAX_CANCEL_CHARS])
    return replace(row, stopping_at=now, cancel=cancel)


def retried(row: Row, again: Again, outcome: Outcome, *, now: datetime, **known: Any) -> Row | None:
    """End the attempt, and let another follow: from open, unless somebody asked for the job's end."""
    if row.is_closed or row.cancel is not None:
        return None
    ended = Attempt(
        group=row.group if row.asked_at is not None else None,
        outcome=outcome,
        counts=again.counts,
        moved=again.is_elsewhere,
        ended_at=now,
        clean_up=CleanUp.PENDING if row.asked_at is not None else CleanUp.NOT_NEEDED,
        times=row.times,
        billed_s=row.billed_until(now),
        **known,
    )
    return replace(
        row,
        attempts=(*row.attempts, ended.in_short),
        due_at=now + timedelta(seconds=again.delay_s),
        group=None,
        tried=(),
        asked_at=None,
        created_at=None,
        restarts=0,
        log=LogState(),
        times={},
    )


def closed(row: Row, outcome: Outcome, *, now: datetime, **known: Any) -> Row | None:
    """Decide the outcome: the first to do so wins, and nothing is created for the job afterwards."""
    if row.is_closed:
        return None
    changed = replace(
        row,
        outcome=outcome,
        closed_at=now,
        kept_until=_kept_until(row, outcome, now),
        billed_s=row.billed_until(now),
        **known,
    )
    return settled_if_done(changed)


def cleaned(row: Row, clean_up: CleanUp, *, now: datetime, detail: str = "") -> Row | None:
    """Note what became of the last attempt's group: from closed, while it may be there."""
    if not row.is_closed or row.is_clean:
        return None
    changed = replace(row, clean_up=clean_up, clean_up_detail=public_text(detail))
    if clean_up is CleanUp.DELETED:
        changed = changed.at(deleted=now)
    return settled_if_done(changed)


def tidied(row: Row, group: GroupRef, clean_up: CleanUp) -> Row | None:
    """Note what became of the group of an earlier attempt: from not settled."""
    if row.settled:
        return None
    attempts = tuple(
        replace(attempt, clean_up=clean_up) if attempt.group == group else attempt
        for attempt in row.attempts
    )
    return settled_if_done(replace(row, attempts=attempts))


def settled_if_done(row: Row) -> Row:
    """Return the row settled if nothing is left to do: every group gone, and whom it concerns told."""
    return replace(row, settled=row.is_clean and not row.owes_callback)


def _kept_until(row: Row, outcome: Outcome, now: datetime) -> datetime | None:
    """Return until when the last attempt's group is kept; a cancelled job's is not."""
    kept_s = row.terms.keep_group_seconds
    if not kept_s or row.created_at is None or outcome.phase is Phase.CANCELLED:
        return None
    is_wanted = row.terms.keep_group_when == "always" or outcome.fails_orchestration
    return now + timedelta(seconds=kept_s) if is_wanted else None
