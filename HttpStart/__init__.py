"""HttpStart: POST /api/jobs starts a job."""

import azure.functions as func

from acijobs import wiring
from acijobs.instances import Instances
from acijobs.web.job_start import start_job


async def main(request: func.HttpRequest, client: str, context: func.Context) -> func.HttpResponse:
    """Handle one request; see `acijobs.web.job_start.start_job`."""
    instances, web = Instances(client), wiring.web_settings()
    invocation = await wiring.invocation_of_async(context, request.headers)
    with invocation.span("start"):
        return await start_job(request, instances, wiring.outside(), wiring.settings, web=web)
