"""Keeps an orchestration's custom status in step with its job's progress."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from acijobs.domain.progress import CleanUp, LogState, Phase, Progress
from acijobs.domain.watch import Watch

if TYPE_CHECKING:
    from datetime import datetime

    from acijobs.domain.ending import Ending


class _Context(Protocol):
    @property
    def current_utc_datetime(self) -> datetime: ...

    def set_custom_status(self, status: Any) -> None: ...


class Report:
    """The progress of one job, shown in its orchestration's custom status at every change.

    Attributes:
        progress: The progress so far.
        started: When the orchestration started, by its own clock.
        created: The reply of the create that worked; empty before.
        may_exist_unseen: Whether Azure may have been asked for a group that no look has found.
    """

    def __init__(self, context: _Context, group: str) -> None:
        self._context = context
        self.started = context.current_utc_datetime
        self.created: dict[str, Any] = {}
        self.may_exist_unseen = False
        self.progress = Progress(phase=Phase.QUEUED, group=group)
        self.enter(Phase.QUEUED)

    def enter(self, phase: Phase) -> None:
        """The job is in this phase from now on."""
        self._show(self.progress.enter(phase, self._now()))

    @property
    def place(self) -> dict[str, str] | None:
        """Where the group lives, as the create said; None where no create worked."""
        return self.created.get("place")

    def asked_to_create(self, reply: dict[str, Any]) -> None:
        """Azure was asked for the group and replied this; a job that has to wait shows why."""
        if reply["kind"] in {"created", "adopted"}:
            self.created = reply
            self.may_exist_unseen = reply["kind"] == "created"
            self._show(replace(self.progress, waiting_for=""))
        elif reply["kind"] == "busy":
            self.may_exist_unseen = True
            waiting_for = f"{reply['code']}: {reply['message']}"
            self._show(replace(self.progress, waiting_for=waiting_for))

    def learned(self, reply: dict[str, Any]) -> None:
        """What a watch that was left open saw before it ended."""
        if "watch" in reply:
            watch = Watch.from_json(reply["watch"])
            self._note(watch)
            self._show(replace(self.progress, restarts=watch.restarts))

    def saw(self, watch: Watch) -> None:
        """The watch came this far."""
        self.may_exist_unseen = self.may_exist_unseen and not watch.was_seen
        self._note(watch)
        progress = replace(self.progress, restarts=watch.restarts, logs=watch.logs)
        self._show(progress.enter(_PHASES[watch.stage], self._now()))

    def archived(self, logs: LogState) -> None:
        """This much of the log has been archived.

        A container that was started again has a new log; the end of the earlier one may be missing.
        """
        truncated = logs.truncated or self.progress.restarts > 0
        self._show(replace(self.progress, logs=replace(logs, truncated=truncated)))

    def cleaned_up(self, clean_up: CleanUp, detail: str = "") -> None:
        """This became of the group."""
        self._show(replace(self.progress, clean_up=clean_up, clean_up_detail=detail))

    def decided(self, ending: Ending) -> None:
        """The result is known, though logs and clean-up may be under way."""
        self._show(
            replace(
                self.progress,
                exit_code=ending.exit_code,
                reason_code=ending.code,
                reason=ending.message,
                waiting_for="",
            )
        )

    def end(self, ending: Ending) -> None:
        """The job is over."""
        self.decided(ending)
        self.enter(ending.phase)

    def _note(self, watch: Watch) -> None:
        for name, at in watch.times.items():
            self.progress = self.progress.note(name, at)

    def _show(self, progress: Progress) -> None:
        self.progress = progress
        self._context.set_custom_status(progress.to_json())

    def _now(self) -> str:
        return self._context.current_utc_datetime.isoformat().replace("+00:00", "Z")


_PHASES = {"creating": Phase.CREATING, "pulling": Phase.PULLING, "running": Phase.RUNNING}
