"""JobPartCapability: /api/jobs/{id}/by/{token}/{part} is a part of the job, likewise."""

import azure.functions as func

from acijobs import wiring
from acijobs.web.by_capability import serve


async def main(request: func.HttpRequest, client: str) -> func.HttpResponse:
    """Handle one request; see `acijobs.web.by_capability.serve`."""
    return await serve(request, wiring.behind_capabilities(client))
