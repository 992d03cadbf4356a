"""Receivers of the callbacks of a chaos run, some of which fail at first, and what they must hear."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from callback_receivers import OK, Received, Receiver, answer

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable

    from engine_chaos_jobs import Plan

ENDS = ("Succeeded", "Failed", "Cancelled", "TimedOut")
_RUNNING = "Running"
_PHASES = {f"acijobs.job.{phase.lower()}": phase for phase in (_RUNNING, *ENDS)}


@dataclass(frozen=True, kw_only=True)
class Hook:
    """Whom a job calls back.

    Attributes:
        key: What its messages must be signed with.
        phases: What it wants to hear of.
        manner: How it treats the first message of each phase: `takes` it, is `busy` (503), `hangs`, or
            takes it and `cuts` the connection before it has answered.
    """

    key: str
    phases: tuple[str, ...] = ENDS
    manner: str = "takes"


_NOBODYS = Hook(key=f"whsec_{'n' * 40}")
"""The receiver of a job that has none: nothing is signed with its key."""


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message as it came.

    Attributes:
        job_id: The job whose receiver heard it.
        id: Its id, the same for each repetition.
        phase: What it tells.
        outcome: State, exit code and reason, as it tells them.
        is_genuine: Whether it is signed with the receiver's key, and about this job.
        is_taken: Whether it was answered with a 2xx.
    """

    job_id: str
    id: str
    phase: str
    outcome: tuple[str, int | None, str]
    is_genuine: bool = True
    is_taken: bool = True


@dataclass(kw_only=True)
class Hooks(Receiver):
    """One server for the receivers of all jobs, each with a path of its own.

    Attributes:
        known: The receivers, by job.
        messages: What came so far.
    """

    known: dict[str, Hook] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)

    def url_of(self, job_id: str) -> str:
        """Return the address of a job's receiver."""
        return f"{self.url}/{job_id}"

    def answer_to(self, request: Received) -> bytes | Callable[[socket.socket], None]:
        """Note a message; take it, unless its receiver fails at first and has not heard of it yet."""
        job_id = request.line.split()[1].rpartition("/")[2]
        hook = self.known.get(job_id, _NOBODYS)
        heard = _heard(job_id, hook, request, {(one.job_id, one.phase) for one in self.messages})
        self.messages.append(heard)
        if heard.is_taken:
            return OK
        return {"busy": answer(503), "hangs": self.hang, "cuts": _cut}[hook.manner]


def _heard(job_id: str, hook: Hook, request: Received, before: set[tuple[str, str]]) -> Message:
    event = json.loads(request.body)
    data = event["data"]
    phase = _PHASES.get(event["type"], event["type"])
    return Message(
        job_id=job_id,
        id=request.headers.get("webhook-id", ""),
        phase=phase,
        outcome=(data["state"], data["exitCode"], (data["reason"] or {}).get("code", "")),
        is_genuine=_is_signed(hook.key, request) and job_id == event["subject"] == data["id"],
        is_taken=hook.manner == "takes" or (job_id, phase) in before,
    )


def _is_signed(key: str, request: Received) -> bool:
    try:
        Webhook(key).verify(request.body, request.headers)
    except WebhookVerificationError:
        return False
    return True


def _cut(connection: socket.socket) -> None:
    """Answer nothing, and have the connection closed."""
    del connection


def untold(
    job: Plan, messages: Iterable[Message], shown: dict[str, Any] | None
) -> list[tuple[str, str]]:
    """Return what is wrong with what a job's receiver was told, as pairs of a kind and a text.

    Args:
        job: The job.
        messages: All that came, of other jobs too, in their order.
        shown: The callback as the API shows it.
    """
    heard = [one for one in messages if one.job_id == job.id]
    if job.hook is None:
        return [("untold", f"told without being asked: {one}") for one in heard]
    told = [text for one in heard if (text := _complaint(job, job.hook, one))]
    ids = {phase: {one.id for one in heard if one.phase == phase} for phase in _PHASES.values()}
    told += [f"several ids for {phase}: {them}" for phase, them in ids.items() if len(them) > 1]
    phases = [one.phase for one in heard]
    if job.state in phases and _RUNNING in phases[phases.index(job.state) :]:
        told.append(f"{_RUNNING} told after the end: {phases}")
    is_asked_for = job.state in job.hook.phases
    if is_asked_for and not any(one.is_taken and one.phase == job.state for one in heard):
        told.append(f"no message of {job.state} was taken: {heard}")
    right = "Delivered" if is_asked_for else "NotNeeded"
    if shown is None or shown["state"] != right:
        told.append(f"callback shown as {shown} instead of {right}")
    return [("untold", text) for text in told]


def _complaint(job: Plan, hook: Hook, one: Message) -> str:
    """Return why this message must not have come; nothing where it may."""
    if not one.is_genuine:
        return f"not genuine: {one}"
    if one.phase not in hook.phases or one.phase not in {_RUNNING, job.state}:
        return f"not to be told: {one}"
    right = (
        (_RUNNING, None, "") if one.phase == _RUNNING else (job.state, job.exit_code, job.reason)
    )
    return "" if one.outcome == right else f"{one} instead of {right}"
