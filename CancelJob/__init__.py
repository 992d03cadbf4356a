"""CancelJob: DELETE /api/jobs/{id} ends a job."""

import azure.functions as func

from acijobs import wiring
from acijobs.instances import Instances
from acijobs.web.jobs import cancel_job


async def main(request: func.HttpRequest, client: str, context: func.Context) -> func.HttpResponse:
    """Handle one request; see `acijobs.web.jobs.cancel_job`."""
    instances = Instances(client)
    invocation = await wiring.invocation_of_async(context, request.headers)
    with invocation.span("cancel"):
        return await cancel_job(request, instances, wiring.outside())
