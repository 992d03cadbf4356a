"""WatchOrchestrator: polls a group until something changes.

It listens for no event, so it may continue as new, which keeps its history short however long the job
runs (docs/adr/0002). It returns at each change, so that the job can show it; the job then starts
the next watch from what this one returned.
"""

import azure.durable_functions as df

from acijobs.domain.codec import decode, encode
from acijobs.domain.messages import Superseded, write_reply
from acijobs.domain.watch import POLLS_PER_GENERATION, Watch
from acijobs.orchestrations.waiting import Steps, SupersededError
from acijobs.orchestrations.watching import poll, watched


def orchestrate(context: df.DurableOrchestrationContext) -> Steps:
    """Watch until a change: input is a `Watch`, output a reply, `Watched` or `Superseded`."""
    watch = decode(Watch, context.get_input())
    try:
        for _ in range(POLLS_PER_GENERATION):
            watch = watch.sleep(context.current_utc_datetime)
            yield context.create_timer(watch.due)
            watch, change = yield from poll(context, watch)
            if change is not None:
                return write_reply(watched(watch, change))
    except SupersededError:
        return write_reply(Superseded())
    context.continue_as_new(encode(watch))
    return None


main = df.Orchestrator.create(orchestrate)
