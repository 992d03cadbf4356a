"""A job's row: its home, whatever becomes of the orchestration that drives it.

Rows change by compare-and-swap only. Each function below is one transition; it names who may make it
and from what, and returns the changed row, or None where the row does not allow it (any more).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from acijobs.domain.group import GroupRef, Scope
from acijobs.domain.outcome import Outcome, Phase
from acijobs.domain.progress import CleanUp, LogState, Progress, time_name
from acijobs.domain.public_text import public_text

if TYPE_CHECKING:
    from acijobs.domain.spec.job import JobSpec

CLEAN_UP_TIME = timedelta(minutes=15)
"""How long the clean-up is tried by the run that ends a job."""

FIRST_OFFER = 1
"""The offer that the submission makes; later ones are made by taking the job over."""

TAKE_OVER_TIME = timedelta(days=1)
MAX_TAKE_OVERS = 5
"""How often a job is taken over in that time before it is given up as EngineFailure."""

MAX_CANCEL_CHARS = 200


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
    """

    at: datetime | None = None
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """The part of a specification that driving the job needs.

    Attributes:
        restart_policy: `Never` or `OnFailure`.
        provision_seconds: From the submission until the container runs.
        run_seconds: From when the container runs until it has ended.
    """

    restart_policy: str = "Never"
    provision_seconds: int = 1_800
    run_seconds: int = 86_400

    @classmethod
    def of(cls, spec: JobSpec) -> Terms:
        """Return the terms of a specification."""
        return cls(
            restart_policy=spec.restart_policy,
            provision_seconds=spec.timeouts.provision_seconds,
            run_seconds=spec.timeouts.run_seconds,
        )


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
        group: The current attempt's container group; None before the first claim.
        asked_at: When Azure was last about to be asked for the group; None before.
        created_at: When Azure had accepted it; from then on it is never asked for again.
        cancel: The first request to end the job.
        outcome: How it ended; a row that has one is closed, and nothing is created for it any more.
        closed_at: When it was closed.
        clean_up: What became of the group since.
        clean_up_detail: Why the clean-up failed; empty otherwise.
        settled: Whether nothing is left to do: closed, and the group is known to be gone.
        restarts: How often the container was started again.
        log: What had been archived when it was closed.
        times: The timeline, as in `Progress`.
    """

    job_id: str = ""
    digest: str = ""
    accepted_at: datetime = _UNKNOWN_TIME
    terms: Terms = Terms()
    offer: int = FIRST_OFFER
    offered_at: datetime | None = None
    taken_over: tuple[datetime, ...] = ()
    claim: Run | None = None
    group: GroupRef | None = None
    asked_at: datetime | None = None
    created_at: datetime | None = None
    cancel: Cancel | None = None
    outcome: Outcome | None = None
    closed_at: datetime | None = None
    clean_up: CleanUp = CleanUp.PENDING
    clean_up_detail: str = ""
    settled: bool = False
    restarts: int = 0
    log: LogState = field(default_factory=LogState)
    times: dict[str, datetime] = field(default_factory=dict)

    @property
    def is_closed(self) -> bool:
        """Whether the outcome is decided."""
        return self.outcome is not None

    @property
    def provision_deadline(self) -> datetime:
        """When the container must run."""
        return self.accepted_at + timedelta(seconds=self.terms.provision_seconds)

    @property
    def over_at(self) -> datetime:
        """When the job is over at the latest, by its own deadlines."""
        return self.provision_deadline + timedelta(seconds=self.terms.run_seconds) + CLEAN_UP_TIME

    def is_driven_by(self, run: Run) -> bool:
        """Tell whether this execution drives the job."""
        return self.claim == run and self.offer == run.offer

    def has_driver_of(self, earlier: Row) -> bool:
        """Tell whether the job has the driver, and the offer, that it had then."""
        return (self.offer, self.claim) == (earlier.offer, earlier.claim)

    @property
    def progress(self) -> Progress:
        """The job's progress as far as the row alone knows it."""
        clean_up = self.clean_up
        if self.is_closed and self.asked_at is None:
            clean_up = CleanUp.NOT_NEEDED
        return Progress(
            run=self.claim.execution if self.claim else "",
            phase=self._phase,
            group=self.group.name if self.group else "",
            times=self._timeline,
            outcome=self.outcome,
            restarts=self.restarts,
            log=self.log,
            clean_up=clean_up,
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


def claimed(row: Row, run: Run, *, scope: Scope | None, nonce: str, now: datetime) -> Row | None:
    """Let this execution drive the job, and fix the attempt's group: from open and unclaimed.

    The first activity of an execution makes it, and asks Azure for the group unless somebody has, or
    the job was cancelled, or it is not known where (`scope` is None). The first episode may run again
    with another clock; it has the same execution, and finds the row its own. One that finds no group
    there, because settings were wrong then, fixes it now.
    """
    if row.is_closed or row.offer != run.offer:
        return None
    is_claimed = row.claim is not None and row.claim.offer == run.offer
    if is_claimed and row.claim != run:
        return None
    claim = row if is_claimed else replace(row, claim=run).at(creating=now)
    if row.group is not None or row.cancel is not None or scope is None:
        return claim
    group = GroupRef(scope=scope, job_id=row.job_id, attempt=1, nonce=nonce)
    return replace(claim, group=group, asked_at=now)


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
    return row if row.created_at is not None else replace(row, created_at=now)


def offered(row: Row, *, instead_of: int, now: datetime) -> Row | None:
    """Take the job over: make a new offer in place of the one that nobody goes on with.

    The Reconciler makes it, from open, and only in place of the offer that it has judged.
    """
    if row.is_closed or row.offer != instead_of:
        return None
    recent = tuple(at for at in row.taken_over if now - at < TAKE_OVER_TIME)
    return replace(row, offer=row.offer + 1, offered_at=now, taken_over=(*recent, now))


def cancelled(row: Row, *, why: str, now: datetime) -> Row | None:
    """Note that somebody asked for the job's end: anybody may, once, while it is open."""
    if row.is_closed or row.cancel is not None:
        return None
    return replace(row, cancel=Cancel(at=now, why=public_text(why)[:MAX_CANCEL_CHARS]))


def closed(row: Row, outcome: Outcome, *, now: datetime, **known: Any) -> Row | None:
    """Decide the outcome: the first to do so wins, and nothing is created for the job afterwards."""
    if row.is_closed:
        return None
    changed = replace(row, outcome=outcome, closed_at=now, **known)
    return changed if changed.asked_at is not None else replace(changed, settled=True)


def cleaned(row: Row, clean_up: CleanUp, *, now: datetime, detail: str = "") -> Row | None:
    """Note what became of the group: from closed and not settled."""
    if not row.is_closed or row.settled:
        return None
    is_gone = clean_up in {CleanUp.DELETED, CleanUp.NOT_OURS}
    changed = replace(row, clean_up=clean_up, clean_up_detail=public_text(detail), settled=is_gone)
    return changed.at(deleted=now) if clean_up is CleanUp.DELETED else changed
