"""Health: GET /api/health tells that the app is up, without a key."""

import azure.functions as func

from acijobs.web.health import answer_up


def main(request: func.HttpRequest) -> func.HttpResponse:
    """Handle one request; see `acijobs.web.health.answer_up`."""
    del request
    return answer_up()
