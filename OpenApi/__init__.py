"""OpenApi: GET /api/openapi.json describes the API."""

import azure.functions as func

from acijobs.web.openapi.document import answer_description


def main(request: func.HttpRequest) -> func.HttpResponse:
    """Handle one request; see `acijobs.web.openapi.document.answer_description`."""
    del request
    return answer_description()
