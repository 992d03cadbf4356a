"""JobCapability: /api/jobs/{id}/by/{token} is the job for whoever holds the URL."""

import azure.functions as func

from acijobs import wiring
from acijobs.web.by_capability import serve


async def main(request: func.HttpRequest, client: str, context: func.Context) -> func.HttpResponse:
    """Handle one request; see `acijobs.web.by_capability.serve`."""
    invocation = await wiring.invocation_of_async(context, request.headers)
    return await serve(request, wiring.behind_capabilities(client, invocation))
