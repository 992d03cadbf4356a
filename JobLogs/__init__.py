"""JobLogs: GET /api/jobs/{id}/logs shows a log, live while its container runs."""

import azure.functions as func

from acijobs import wiring
from acijobs.web.logs import read_logs


async def main(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Handle one request; see `acijobs.web.logs.read_logs`."""
    invocation = await wiring.invocation_of_async(context, request.headers)
    with invocation.span("logs"):
        return await read_logs(request, wiring.outside_for_readers(), wiring.live_logs())
