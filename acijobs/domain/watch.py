"""What the watch remembers between two looks at a group, and what each look makes of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from acijobs.domain import wire
from acijobs.domain.observation import Observation, Verdict, judge
from acijobs.domain.policy import WatchPolicy
from acijobs.domain.progress import LogState

LOOKS_PER_GENERATION = 8
"""Looks before the watch continues as new: 8 looks are at most about 110 history events."""

MAX_REFUSED_TIME = timedelta(minutes=10)
"""How long looks may be refused before the job is given up: rights take minutes to spread, and one
withdrawn by mistake may come back."""

_MAX_ABSENCES = {True: 2, False: 3}
"""Looks in a row that find no group before it is gone; by whether it was ever seen."""

_MAX_SHOWN_RESTARTS = 5
"""Restarts that are shown when they happen; a container that crashes for ever must not make the job's
history grow for ever."""

Reply = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Watch:
    """The watch over one group; JSON in the input and output of WatchOrchestrator.

    Attributes:
        job_id: The job.
        group: Its group's name.
        restart_policy: `Never` or `OnFailure`.
        created_at: When the group was created, aware UTC; the age of the job counts from here.
        deadline: When waiting ends: the provisioning deadline until the container runs, then the
            run deadline.
        policy: How often to look.
        stage: `creating`, `pulling`, `running`.
        look: Number of the next look, from 0.
        place: Where the group lives, as the create said.
        refused_since: Since when every look has been refused; None if the last one was not.
        absences: Looks in a row that found no group.
        was_seen: Whether a look ever found the group.
        retry_after_s: What the service asked for at the last look.
        restarts: Restart count at the last look.
        logs: What has been archived.
        times: `imagePulling`, `containerStarted`, `containerFinished`, as Azure gave them.
    """

    job_id: str
    group: str
    restart_policy: str
    created_at: datetime
    deadline: datetime
    policy: WatchPolicy = field(default_factory=WatchPolicy)
    stage: str = "creating"
    look: int = 0
    place: dict[str, str] | None = None
    refused_since: datetime | None = None
    absences: int = 0
    was_seen: bool = False
    retry_after_s: float | None = None
    restarts: int = 0
    logs: LogState = field(default_factory=LogState)
    times: dict[str, str] = field(default_factory=dict)

    def next_look_at(self, now: datetime) -> datetime:
        """Return when to look next; never after the deadline."""
        if self.absences:  # find out soon whether it is gone
            return now + timedelta(seconds=self.policy.first_look_s)
        delay_s = self.policy.delay_s(
            job_id=self.job_id,
            look=self.look,
            age_s=(now - self.created_at).total_seconds(),
            retry_after_s=self.retry_after_s,
        )
        return max(now, min(now + timedelta(seconds=delay_s), self.deadline))

    def see(self, reply: Reply, now: datetime) -> tuple[Watch, Change | None]:
        """Return the watch after this reply of CheckStatusActivity, and what changed, if anything."""
        looked = replace(self, look=self.look + 1, retry_after_s=None)
        match reply["kind"]:
            case "seen":
                return _observed(looked, Observation.from_json(reply["observation"]), now)
            case "gone":
                looked = replace(looked, absences=self.absences + 1)
                if looked.absences >= _MAX_ABSENCES[self.was_seen]:
                    return looked, Change(what="gone")
            case "refused":
                looked = replace(looked, refused_since=self.refused_since or now)
                if now - (self.refused_since or now) >= MAX_REFUSED_TIME:
                    return looked, Change.refused(reply)
            case _:
                looked = replace(looked, retry_after_s=reply.get("retryAfterSeconds"))
        return looked, _lateness(looked, now)

    def until(self, deadline: datetime) -> Watch:
        """Return the watch with another deadline."""
        return replace(self, deadline=deadline)

    def with_logs(self, reply: Reply) -> Watch:
        """Return the watch after this reply of FetchLogsActivity; a failed fetch changes nothing."""
        return replace(self, logs=merge_logs(self.logs, reply))

    def to_json(self) -> dict[str, Any]:
        """Return the watch as JSON data."""
        data = asdict(self)
        data["created_at"] = self.created_at.isoformat()
        data["deadline"] = self.deadline.isoformat()
        data["refused_since"] = self.refused_since.isoformat() if self.refused_since else None
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Watch:
        """Return the watch that `to_json` wrote."""
        refused_since = data.get("refused_since")
        return wire.read(
            cls,
            data
            | {
                "created_at": datetime.fromisoformat(data["created_at"]),
                "deadline": datetime.fromisoformat(data["deadline"]),
                "policy": wire.read(WatchPolicy, data["policy"]),
                "refused_since": datetime.fromisoformat(refused_since) if refused_since else None,
                "logs": wire.read(LogState, data["logs"]),
            },
        )


@dataclass(frozen=True, kw_only=True)
class Change:
    """Why the watch returned to the job.

    Attributes:
        what: `stage` (a later stage was reached), `restarted` (the container was), `ended` (the
            containers have), `gone` (the group is not there), `late` (the deadline passed),
            `refused` (Azure no longer lets us look).
        exit_code: For `ended`: the container's exit code; None if Azure gave none.
        code: For `ended` without success and for `refused`: the reason in one word.
        message: The same in one line.
    """

    what: str
    exit_code: int | None = None
    code: str = ""
    message: str = ""

    @classmethod
    def ended(cls, verdict: Verdict) -> Change:
        """Return the change for a verdict that the containers have ended."""
        return cls(
            what="ended",
            exit_code=verdict.exit_code,
            code=verdict.reason_code,
            message=verdict.reason,
        )

    @classmethod
    def refused(cls, reply: Reply) -> Change:
        """Return the change for a refusal of the service."""
        return cls(what="refused", code=reply["code"], message=reply["message"])

    def to_json(self) -> dict[str, Any]:
        """Return the change as JSON data."""
        return asdict(self)


def merge_logs(logs: LogState, reply: Reply, *, complete: bool = False) -> LogState:
    """Return what is archived after this reply of FetchLogsActivity."""
    if reply["kind"] != "fetched":
        return replace(logs, trouble=f"{reply['code']}: {reply['message']}")
    return LogState(
        archived_bytes=reply["archivedBytes"],
        truncated=logs.truncated or reply["truncated"],
        complete=complete and reply.get("found", True),
    )


def _observed(watch: Watch, seen: Observation, now: datetime) -> tuple[Watch, Change | None]:
    verdict = judge(seen, watch.restart_policy)
    looked = replace(
        watch,
        refused_since=None,
        absences=0,
        was_seen=True,
        restarts=max([c.restart_count for c in seen.containers], default=0),
        times=watch.times | _times(seen),
    )
    if verdict.stage == "ended":
        return looked, Change.ended(verdict)
    if _RANKS[verdict.stage] > _RANKS[watch.stage]:
        return replace(looked, stage=verdict.stage), Change(what="stage")
    if watch.restarts < looked.restarts <= _MAX_SHOWN_RESTARTS:
        return looked, Change(what="restarted")
    return looked, _lateness(looked, now)


def _lateness(watch: Watch, now: datetime) -> Change | None:
    return Change(what="late") if now >= watch.deadline else None


_RANKS = {"creating": 0, "pulling": 1, "running": 2}


def _times(seen: Observation) -> dict[str, str]:
    container = seen.containers[0] if seen.containers else None
    pulling = next((e.first_at for e in seen.events if e.name == "Pulling"), None)
    found = {
        "imagePulling": pulling,
        "containerStarted": container.started_at if container else None,
        "containerFinished": container.finished_at if container else None,
    }
    return {name: at for name, at in found.items() if at is not None}
