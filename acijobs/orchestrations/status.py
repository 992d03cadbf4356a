"""Keeps an orchestration's custom status in step with its job's progress."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from acijobs.domain.codec import iso
from acijobs.domain.outcome import Outcome, Phase
from acijobs.domain.progress import GROUP_CREATED, CleanUp, Progress, time_name
from acijobs.domain.reasons import Reason
from acijobs.log_lines import tell

if TYPE_CHECKING:
    import azure.durable_functions as df

    from acijobs.domain.messages import Busy, Created, Deleting, Finished, Retrying
    from acijobs.domain.row import Run
    from acijobs.domain.watch import Watch


class Status:
    """The custom status of one job's orchestration, shown at every change.

    Attributes:
        progress: The progress so far.
    """

    def __init__(self, context: df.DurableOrchestrationContext, run: Run) -> None:
        self._context = context
        self._superseded = False
        self.progress = Progress(run=run.execution)
        self.enter(Phase.QUEUED)

    def enter(self, phase: Phase) -> None:
        """Show the job in this phase."""
        self._show(self.progress.enter(phase, self._context.current_utc_datetime))

    def attempted(self, attempt: int) -> None:
        """Note which attempt this is; a reply that does not say means the first."""
        self.progress = replace(self.progress, attempt=max(attempt, self.progress.attempt))

    def retrying(self, reply: Retrying) -> None:
        """Show that another attempt follows, and why; what the last one showed is its own."""
        queued = time_name(Phase.QUEUED)
        times = {name: at for name, at in self.progress.times.items() if name == queued}
        begins = iso(reply.due_at) if reply.due_at is not None else "once it may"
        self._show(
            Progress(
                run=self.progress.run,
                attempt=max(reply.attempt, self.progress.attempt),
                times=times,
                waiting_for=f"attempt {reply.attempt} begins at {begins}: {reply.outcome.summary}",
            )
        )

    def wait_for_azure(self, reply: Busy) -> None:
        """Show why the group could not be created yet."""
        self._show(replace(self.progress, waiting_for=f"{reply.code}: {reply.message}"))

    def created(self, reply: Created) -> None:
        """Show the group that was created."""
        noted = self.progress
        if reply.created_at is not None:
            noted = noted.note({GROUP_CREATED: reply.created_at})
        self._show(replace(noted, group=reply.group, waiting_for=""))

    def watched(self, watch: Watch) -> None:
        """Show what the watch saw."""
        noted = replace(self.progress.note(watch.times), restarts=watch.restarts, log=watch.log)
        self._show(noted.enter(watch.phase, self._context.current_utc_datetime))

    def finishing(self, outcome: Outcome) -> None:
        """Show the result, while logs and clean-up are under way."""
        self._show(replace(self.progress, outcome=outcome, waiting_for=""))
        self.enter(Phase.COLLECTING)

    def closed(self, reply: Deleting | Finished) -> None:
        """Show what the job's row says of its end."""
        self._show(replace(self.progress.note(reply.times), outcome=reply.outcome, log=reply.log))

    def finished(self, reply: Finished) -> None:
        """Show the job's end."""
        self.closed(reply)
        self._show(
            replace(
                self.progress,
                group=reply.group,
                clean_up=reply.clean_up,
                clean_up_detail=reply.clean_up_detail,
            )
        )
        self.enter(reply.outcome.phase)

    def superseded(self) -> None:
        """Show that this run does not drive the job, and nothing else."""
        self._superseded = True
        self._context.set_custom_status(self.shown)

    def is_no_job(self) -> None:
        """Show that the instance was started past the job API."""
        outcome = Outcome.failed(Reason.NOT_A_JOB, Reason.NOT_A_JOB.about.advice)
        self._show(replace(self.progress, outcome=outcome, clean_up=CleanUp.NOT_NEEDED))
        self.enter(Phase.FAILED)

    @property
    def outcome(self) -> Outcome:
        """How the job ended, as far as it is known."""
        return self.progress.outcome or Outcome()

    @property
    def shown(self) -> dict[str, Any]:
        """What is shown now."""
        return {"superseded": True} if self._superseded else self.progress.shown()

    def _show(self, progress: Progress) -> None:
        if progress.phase is not self.progress.phase and not self._context.is_replaying:
            tell("entered", job=self._context.instance_id, phase=progress.phase.value)
        self.progress = progress
        self._context.set_custom_status(progress.shown())
