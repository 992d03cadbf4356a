"""ListJobs: GET /api/jobs lists jobs, the newest first."""

import azure.functions as func

from acijobs import wiring
from acijobs.instances import Instances
from acijobs.web.job_list import list_jobs


async def main(request: func.HttpRequest, client: str) -> func.HttpResponse:
    """Handle one request; see `acijobs.web.job_list.list_jobs`."""
    return await list_jobs(request, Instances(client), wiring.outside())
