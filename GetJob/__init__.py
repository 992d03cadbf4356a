"""GetJob: GET /api/jobs/{id} answers how a job is."""

import azure.durable_functions as df
import azure.functions as func

from acijobs import wiring
from acijobs.web.jobs import read_job


async def main(request: func.HttpRequest, client: str) -> func.HttpResponse:
    """Handle one request; see `acijobs.web.jobs.read_job`."""
    return await read_job(request, df.DurableOrchestrationClient(client), wiring.log_archive)
