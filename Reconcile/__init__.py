"""Reconcile: once a minute, rows, orchestrations and groups are made to agree."""

import azure.functions as func

from acijobs import wiring
from acijobs.instances import Instances
from acijobs.reconciler import Reconciler


async def main(timer: func.TimerRequest, client: str, context: func.Context) -> None:
    """Make one round; see `acijobs.reconciler.Reconciler`."""
    del timer
    invocation = await wiring.invocation_of_async(context)
    try:
        with invocation.span("reconcile"):
            await Reconciler(wiring.outside(), Instances(client)).round()
    finally:
        await wiring.flush_telemetry()
