"""What the headers of a request that starts a job must say, before its body is looked at."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING

from acijobs.web.problem import problem

if TYPE_CHECKING:
    import azure.functions as func

_JSON_TYPE = re.compile(r"application/json|[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.-]+\+json")


def refusal_of(request: func.HttpRequest) -> func.HttpResponse | None:
    """Return the refusal of a body that is chunked, or that is said not to be JSON; else None.

    A chunked body does not reach the app on Azure (azure-functions-host#4926), where it would pass for
    an empty one, which starts another job. A page of any site can make a browser send text or a form,
    but not JSON without being asked first; a program that names no type is believed.
    """
    if request.headers.get("Transfer-Encoding"):
        detail = (
            "a chunked body does not reach a function on Azure: send the job with a Content-Length"
        )
        return problem(HTTPStatus.LENGTH_REQUIRED, detail)
    given = request.headers.get("Content-Type")
    if given and not _JSON_TYPE.fullmatch(given.partition(";")[0].strip().lower()):
        detail = (
            f"a job is JSON, not {given[:100]!r}: send the header 'Content-Type: application/json'"
        )
        return problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail)
    return None
