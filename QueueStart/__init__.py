"""QueueStart: a message of the queue JobQueueName starts a job."""

import azure.functions as func

from acijobs import wiring
from acijobs.instances import Instances
from acijobs.queued_jobs import start_queued_job


async def main(
    message: func.QueueMessage, client: str, poison: func.Out[bytes], context: func.Context
) -> None:
    """Handle one message; what asks for no job goes to the poison queue at once, as it came.

    What this raises keeps the message: the host delivers it again (docs/reference/host-json.md).
    """
    body, message_id, instances = message.get_body(), message.id or "", Instances(client)
    invocation = await wiring.invocation_of_async(context)
    with invocation.span("start"):
        is_job = await start_queued_job(
            body, message_id, instances, wiring.outside(), wiring.settings
        )
    if not is_job:
        poison.set(body)
