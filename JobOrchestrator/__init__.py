"""JobOrchestrator: drives one job from its submission to a confirmed clean-up.

create ▸ watch ▸ finish, for each attempt (docs/architecture.md). It listens for Cancel, so it never
continues as new (docs/adr/0002). It drives the job; the job's home is its row (docs/adr/0006).
"""

import azure.durable_functions as df

from acijobs.domain.errors import JobFailedError
from acijobs.domain.messages import Retrying
from acijobs.orchestrations.attempting import attempt, wait_for_next
from acijobs.orchestrations.finishing import finish
from acijobs.orchestrations.starting import run_of
from acijobs.orchestrations.status import Status
from acijobs.orchestrations.waiting import Cancellation, Steps, SupersededError, settle
from acijobs.orchestrations.watching import Children


def orchestrate(context: df.DurableOrchestrationContext) -> Steps:
    """Drive one job: input is a `JobInput`, output and custom status are its progress.

    Raises:
        JobFailedError: the job failed or timed out; the instance ends as Failed with the reason.
    """
    run, children = run_of(context), Children()
    status, cancellation = Status(context, run), Cancellation(context)
    if not run.offer:
        status.is_no_job()
        raise JobFailedError(status.outcome.summary)
    try:
        while True:
            outcome = yield from attempt(context, run, status, children, cancellation)
            reply = yield from finish(context, run, status, outcome)
            if not isinstance(reply, Retrying):
                break
            yield from wait_for_next(context, status, reply, cancellation)
    except SupersededError:
        status.superseded()
        return status.shown
    yield from settle(children.open)  # a cancelled job's watch ends soon: its row is closed
    if reply.outcome.fails_orchestration:
        raise JobFailedError(reply.outcome.summary)
    return status.shown


main = df.Orchestrator.create(orchestrate)
