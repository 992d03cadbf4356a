"""JobOrchestrator: drives one job from its submission to a confirmed clean-up.

create ▸ watch ▸ finish (docs/architecture.md). It listens for Cancel, so it never continues as new
(docs/adr/0002). It drives the job, and is not its home: that is the job's row (docs/adr/0006).
"""

from typing import Any

import azure.durable_functions as df

from acijobs.domain.errors import JobFailedError
from acijobs.domain.outcome import Outcome
from acijobs.domain.reasons import Reason
from acijobs.domain.row import Run
from acijobs.orchestrations.creating import create
from acijobs.orchestrations.finishing import finish
from acijobs.orchestrations.starting import run_of
from acijobs.orchestrations.status import Status
from acijobs.orchestrations.waiting import Steps, SupersededError, settle
from acijobs.orchestrations.watching import watch_group


def orchestrate(context: df.DurableOrchestrationContext) -> Steps:
    """Drive one job: input is a `JobInput`, output and custom status are its progress.

    Raises:
        JobFailedError: the job failed or timed out; the instance ends as Failed with the reason.
    """
    run, open_watches = run_of(context), list[Any]()
    status = Status(context, run)
    if not run.offer:
        status.is_no_job()
        raise JobFailedError(status.outcome.summary)
    try:
        outcome = yield from _run(context, run, status, open_watches)
        reply = yield from finish(context, run, status, outcome)
    except SupersededError:
        status.superseded()
        return status.shown
    yield from settle(open_watches)  # a cancelled job's watch ends soon: its row is closed
    if reply.outcome.fails_orchestration:
        raise JobFailedError(reply.outcome.summary)
    return status.shown


def _run(
    context: df.DurableOrchestrationContext, run: Run, status: Status, open_watches: list[Any]
) -> Steps:
    try:
        created = yield from create(context, run, status)
        if isinstance(created, Outcome):
            return created
        return (yield from watch_group(context, created, status, open_watches))
    except SupersededError:
        raise
    except Exception as error:  # noqa: BLE001 - a defect must not leave a group behind
        return Outcome.failed(Reason.INTERNAL, f"{type(error).__name__}: {error}")


main = df.Orchestrator.create(orchestrate)
