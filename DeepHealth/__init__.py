"""DeepHealth: GET /api/health/deep tells whether all that the app depends on is there for it."""

import azure.functions as func

from acijobs import wiring
from acijobs.web.health import answer_depth


async def main(request: func.HttpRequest) -> func.HttpResponse:
    """Handle one request; see `acijobs.web.health.answer_depth`."""
    del request
    return await answer_depth(wiring.health_checks())
