"""HttpStart: POST /api/jobs starts a job."""

import azure.durable_functions as df
import azure.functions as func

from acijobs import wiring
from acijobs.web.jobs import start_job


async def main(request: func.HttpRequest, client: str) -> func.HttpResponse:
    """Handle one request; see `acijobs.web.jobs.start_job`."""
    return await start_job(request, df.DurableOrchestrationClient(client), wiring.settings)
