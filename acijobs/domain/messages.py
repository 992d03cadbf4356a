"""The messages on the durable wire: names of functions and events, each request and each reply.

These are stored in histories, and may be read by an older or a newer release than the one that wrote
them. Every activity takes one message, so that fields can be added. An orchestrator reads a reply with
`read_reply`, which never fails: what it does not know counts as busy.

| Function | Request | Replies |
|---|---|---|
| JobOrchestrator | JobInput | |
| CreateContainerActivity | CreateRequest | Created, and any of the last three |
| CheckStatusActivity | CheckRequest | Seen, Absent, … |
| FetchLogsActivity | FetchRequest | Fetched, … |
| DeleteContainerActivity | DeleteRequest | Deleting, Finished, Retrying, … |
| SendCallbackActivity | CallbackRequest | CalledBack, … |
| WatchOrchestrator | Watch | Watched |
| every one of them | | Superseded, Refused, Busy |
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, TypeVar

from acijobs.domain.codec import decode, encode
from acijobs.domain.outcome import Outcome, Phase
from acijobs.domain.policy import PollPolicy
from acijobs.domain.progress import CleanUp, ContainerLog, LogState
from acijobs.domain.public_text import public_text
from acijobs.domain.row import Cancel, Run
from acijobs.domain.terms import Terms

_L = TypeVar("_L", bound=ContainerLog)


class Function(StrEnum):
    """The functions that are called by name; each is a folder of the app."""

    JOB = "JobOrchestrator"
    WATCH = "WatchOrchestrator"
    CREATE = "CreateContainerActivity"
    CHECK = "CheckStatusActivity"
    FETCH = "FetchLogsActivity"
    DELETE = "DeleteContainerActivity"
    CALL_BACK = "SendCallbackActivity"


CANCEL_EVENT = "Cancel"
"""The event that ends a job; its data may hold a reason."""

LOOK_EVENT = "Look"
"""The event that brings the next poll forward; it says nothing of how the job is."""

LOG_NOT_READ = "LogNotRead"
"""The code of a busy reply where the end of the log could not be read, and nothing else was done."""

STOPPING = "Stopping"
"""The code of a busy reply where a cancelled container still has time to end by itself."""


@dataclass(frozen=True, kw_only=True)
class JobInput:
    """The input of a job's orchestration, and all that the engine ever stores of a job's submission.

    Attributes:
        id: The job.
        offer: Number of the offer it was started with.
        trace_parent: The span that accepted the job, as a `traceparent`; None without telemetry.
    """

    id: str = ""
    offer: int = 0
    trace_parent: str | None = None


@dataclass(frozen=True, kw_only=True)
class CreateRequest:
    """Asks for the group.

    Attributes:
        run: Who asks.
        refused_ask: When Azure was asked the last time, where it surely did not take that request.
        trace_parent: The span that accepted the job, as a `traceparent`; None without telemetry.
    """

    run: Run = Run()
    refused_ask: datetime | None = None
    trace_parent: str | None = None


@dataclass(frozen=True, kw_only=True)
class CheckRequest:
    """Asks for one poll of the group.

    Attributes:
        run: Who asks.
        log_is_due: Whether to bring the archived log up to date, too.
        log_bytes: Size of the archived log after the last fetch.
        other_logs: What is archived of the group's other containers, by name.
        confirm_absence: Whether a group that a read does not find is looked for in the list, too.
        attempt: The attempt that it is about; None for the first.
        trace_parent: The span that accepted the job, as a `traceparent`; None without telemetry.
    """

    run: Run = Run()
    log_is_due: bool = False
    log_bytes: int = 0
    other_logs: dict[str, ContainerLog] | None = None
    confirm_absence: bool = False
    attempt: int | None = None
    trace_parent: str | None = None


@dataclass(frozen=True, kw_only=True)
class FetchRequest:
    """Asks for the end of the log.

    Attributes:
        run: Who asks.
        attempt: The attempt that it is about.
        has_ended: Whether the container has ended, so that its last line is whole.
        trace_parent: The span that accepted the job, as a `traceparent`; None without telemetry.
    """

    run: Run = Run()
    attempt: int = 1
    has_ended: bool = False
    trace_parent: str | None = None


@dataclass(frozen=True, kw_only=True)
class DeleteRequest:
    """Asks for the end: the log collected, the row closed, the group deleted and seen gone.

    Where the job is to be attempted again, it asks for the end of the attempt.

    Attributes:
        run: Who asks.
        attempt: The attempt that ended; one that comes after its end does nothing.
        outcome: How the job ended, as the run knows it.
        collects_log: Whether to fetch the end of the log first.
        restarts: How often the container was started again.
        log: What the run knows to be archived.
        times: The timeline as the run knows it.
        gives_up: Whether this is the last time that this run asks, so that a failure is noted.
        gives_grace: Whether a cancelled container may end by itself first.
        trace_parent: The span that accepted the job, as a `traceparent`; None without telemetry.
    """

    run: Run = Run()
    attempt: int = 1
    outcome: Outcome = Outcome()
    collects_log: bool = True
    restarts: int = 0
    log: LogState = LogState()
    times: dict[str, datetime] = field(default_factory=dict)
    gives_up: bool = False
    gives_grace: bool = True
    trace_parent: str | None = None


@dataclass(frozen=True, kw_only=True)
class CallbackRequest:
    """Asks for one try to tell whom it concerns how the job is.

    Attributes:
        run: Who asks.
        phase: The phase that the job has entered; None for its end, which its row knows.
        at: When it entered that phase.
        trace_parent: The span that accepted the job, as a `traceparent`; None without telemetry.
    """

    run: Run = Run()
    phase: Phase | None = None
    at: datetime | None = None
    trace_parent: str | None = None


@dataclass(frozen=True, kw_only=True)
class Created:
    """Azure has accepted the group, now or before.

    Attributes:
        attempt: Number of the attempt, from 1.
        group: Its name.
        accepted_at: When the job was submitted.
        created_at: When Azure accepted the group.
        deadline: When the container must run; None from a release that did not say.
        terms: What driving the job needs of its specification.
        policy: How often to poll.
        cancel: The request to end the job, if there is one.
    """

    kind: ClassVar[str] = "created"
    attempt: int = 1
    group: str = ""
    accepted_at: datetime | None = None
    created_at: datetime | None = None
    deadline: datetime | None = None
    terms: Terms = Terms()
    policy: PollPolicy = PollPolicy()
    cancel: Cancel | None = None


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A poll found the group.

    Attributes:
        stage: `creating`, `pulling`, `running`, `ended`.
        outcome: For `ended`: how.
        restarts: How often the main container was started again.
        started_at: When the main container started the last time; None where Azure did not say.
        times: `imagePulling`, `containerStarted`, `containerFinished`, as Azure gave them.
        log: What a log that was due brought; None where none was, or where it could not be read.
        other_logs: What is archived of other containers whose logs were fetched, by name.
        hindrance: The reason to give if a deadline passes now; empty where nothing is in the way.
        cancel: The request to end the job, if there is one.
    """

    kind: ClassVar[str] = "seen"
    stage: str = "creating"
    outcome: Outcome | None = None
    restarts: int = 0
    started_at: datetime | None = None
    times: dict[str, datetime] = field(default_factory=dict)
    log: Fetched | None = None
    other_logs: dict[str, ContainerLog] | None = None
    hindrance: str = ""
    cancel: Cancel | None = None


@dataclass(frozen=True, kw_only=True)
class Absent:
    """A poll did not find the group, which proves nothing by itself.

    Attributes:
        is_confirmed: Whether the list of the resource group did not have it, either.
        cancel: The request to end the job, if there is one.
    """

    kind: ClassVar[str] = "absent"
    is_confirmed: bool = False
    cancel: Cancel | None = None


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """The archive holds every line that Azure still had.

    Attributes:
        archived_bytes: Size of the archived log.
        added_bytes: How much of that is new.
        truncated: Whether lines are, or may be, missing.
        found: Whether Azure had a log at all.
        trouble: Why it could not be fetched; empty where it was.
    """

    kind: ClassVar[str] = "fetched"
    archived_bytes: int = 0
    added_bytes: int = 0
    truncated: bool = False
    found: bool = False
    trouble: str = ""


@dataclass(frozen=True, kw_only=True)
class Deleting:
    """The row is closed; a group is still there.

    Attributes:
        outcome: How the job ended, as its row says.
        give_up_at: When the run that ended it asks for the last time; None where it does not say.
        log: What has been archived.
        times: Points of the timeline.
    """

    kind: ClassVar[str] = "deleting"
    outcome: Outcome = Outcome()
    give_up_at: datetime | None = None
    log: LogState = LogState()
    times: dict[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Finished:
    """The row is closed, and nothing is left to do by this run.

    Attributes:
        group: The group's name; empty where none was ever asked for.
        outcome: How the job ended, as its row says.
        clean_up: What became of the group.
        clean_up_detail: Why the clean-up failed; empty otherwise.
        log: What has been archived.
        times: Points of the timeline.
        owes_callback: Whether somebody is still to be told of the end.
    """

    kind: ClassVar[str] = "finished"
    group: str = ""
    outcome: Outcome = Outcome()
    clean_up: CleanUp = CleanUp.PENDING
    clean_up_detail: str = ""
    log: LogState = LogState()
    times: dict[str, datetime] = field(default_factory=dict)
    owes_callback: bool = False


@dataclass(frozen=True, kw_only=True)
class CalledBack:
    """One try was made, or none was due.

    Attributes:
        is_over: Whether nothing is left to tell, or it was given up.
        again_at: When to try again; None where nothing says.
    """

    kind: ClassVar[str] = "calledBack"
    is_over: bool = False
    again_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Retrying:
    """The attempt is over, and the job is not: another one follows.

    Attributes:
        attempt: Number of that other one.
        due_at: When it may begin.
        is_clean: Whether no group of an earlier attempt is left.
        give_up_at: When it begins though one is: the Reconciler goes on asking then.
        outcome: How the last one ended.
    """

    kind: ClassVar[str] = "retrying"
    attempt: int = 1
    due_at: datetime | None = None
    is_clean: bool = True
    give_up_at: datetime | None = None
    outcome: Outcome = Outcome()


@dataclass(frozen=True, kw_only=True)
class Watched:
    """WatchOrchestrator has seen a change.

    Attributes:
        watch: The watch as JSON data, to go on from (`acijobs.domain.watch.Watch`).
        change: Why it returned, as JSON data (`acijobs.domain.watch.Change`).
    """

    kind: ClassVar[str] = "watched"
    watch: dict[str, object] = field(default_factory=dict)
    change: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Superseded:
    """This run does not drive the job, or there is no such job: it must do nothing more."""

    kind: ClassVar[str] = "superseded"


@dataclass(frozen=True, kw_only=True)
class Refused:
    """Asking again will not change this.

    Attributes:
        code: Azure's error code, or one of ours.
        message: In one line.
        attempt: For a create: number of the attempt, from 1.
        refused_ask: For a create: when Azure was asked.
        cancel: The request to end the job, if there is one.
    """

    kind: ClassVar[str] = "refused"
    code: str = ""
    message: str = ""
    attempt: int = 1
    refused_ask: datetime | None = None
    cancel: Cancel | None = None


@dataclass(frozen=True, kw_only=True)
class Busy:
    """Asking later may succeed.

    Attributes:
        code: Azure's error code, or one of ours.
        message: In one line.
        attempt: For a create: number of the attempt, from 1.
        retry_after_s: Seconds to wait as Azure asked, None where it did not say.
        refused_ask: For a create: when Azure was asked, if it surely did not take that request.
        deadline: When the job gives up waiting, None where its row could not be read.
        cancel: The request to end the job, if there is one.
    """

    kind: ClassVar[str] = "busy"
    code: str = ""
    message: str = ""
    attempt: int = 1
    retry_after_s: float | None = None
    refused_ask: datetime | None = None
    deadline: datetime | None = None
    cancel: Cancel | None = None


Reply = (
    Created
    | Seen
    | Absent
    | Fetched
    | Deleting
    | Finished
    | CalledBack
    | Retrying
    | Watched
    | Superseded
    | Refused
    | Busy
)
Request = JobInput | CreateRequest | CheckRequest | FetchRequest | DeleteRequest | CallbackRequest

REPLIES: dict[str, type[Any]] = {
    kind.kind: kind
    for kind in (
        Created,
        Seen,
        Absent,
        Fetched,
        Deleting,
        Finished,
        CalledBack,
        Retrying,
        Watched,
        Superseded,
        Refused,
        Busy,
    )
}


def write_reply(reply: Reply) -> dict[str, Any]:
    """Return the reply as JSON data."""
    return {"kind": reply.kind} | encode(reply)  # type: ignore[no-any-return]


def read_reply(data: object) -> Reply:
    """Return the reply that this JSON data is; one of an unexpected shape counts as busy."""
    kind = REPLIES.get(str(data.get("kind"))) if isinstance(data, dict) else None
    if kind is None:
        return Busy(code="UnexpectedReply", message=f"a reply that is not known: {str(data)[:100]}")
    reply: Reply = decode(kind, data)
    return reply


def merged(log: _L, reply: Reply, *, has_ended: bool) -> _L:
    """Return what is archived after this reply of a fetch."""
    if not isinstance(reply, Fetched):
        trouble = f"{getattr(reply, 'code', reply.kind)}: {getattr(reply, 'message', '')}"
        return replace(log, trouble=public_text(trouble))
    return replace(
        log,
        archived_bytes=max(reply.archived_bytes, log.archived_bytes),
        truncated=log.truncated or reply.truncated,
        complete=has_ended and reply.found,
        trouble=public_text(reply.trouble),
    )
