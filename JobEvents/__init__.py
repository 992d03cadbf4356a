"""JobEvents: POST /api/jobs/{id}/events takes what a job tells of itself."""

import azure.functions as func

from acijobs import wiring
from acijobs.instances import Instances
from acijobs.web.job_events import take_events


async def main(request: func.HttpRequest, client: str) -> func.HttpResponse:
    """Handle one request; see `acijobs.web.job_events.take_events`."""
    return await take_events(request, Instances(client), wiring.outside(), wiring.pace())
