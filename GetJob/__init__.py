"""GetJob: GET /api/jobs/{id} shows a job."""

import azure.functions as func

from acijobs import wiring
from acijobs.instances import Instances
from acijobs.web.jobs import read_job


async def main(request: func.HttpRequest, client: str) -> func.HttpResponse:
    """Handle one request; see `acijobs.web.jobs.read_job`."""
    instances = Instances(client)
    return await read_job(
        request, instances, wiring.outside(), public_url=wiring.web_settings().public_url
    )
