"""WatchOrchestrator: looks at a group until something changes.

It listens for no event, so it may continue as new, which keeps its history short however long the job
runs (docs/adr/0002). It returns at each change, so that the job can show it; the job then starts
the next watch from what this one returned.
"""

from collections.abc import Generator
from typing import Any

import azure.durable_functions as df

from acijobs.domain.replying import reply_of
from acijobs.domain.watch import LOOKS_PER_GENERATION, Watch


def orchestrate(context: df.DurableOrchestrationContext) -> Generator[Any, Any, Any]:
    """Watch until a change: input is a watch, output `{"watch": …, "change": …}`, both JSON."""
    watch = Watch.from_json(context.get_input() or {})
    group = {"group": watch.group, "place": watch.place}
    for _ in range(LOOKS_PER_GENERATION):
        yield context.create_timer(watch.next_look_at(context.current_utc_datetime))
        look = context.call_activity("CheckStatusActivity", group)
        reply = yield from reply_of(look)
        watch, change = watch.see(reply, context.current_utc_datetime)
        if watch.stage == "running" and (change is None or change.what in {"stage", "restarted"}):
            fetch = context.call_activity(
                "FetchLogsActivity", group | {"jobId": watch.job_id, "ended": False}
            )
            watch = watch.with_logs((yield from reply_of(fetch)))
        if change is not None:
            return {"watch": watch.to_json(), "change": change.to_json()}
    context.continue_as_new(watch.to_json())
    return None


main = df.Orchestrator.create(orchestrate)
