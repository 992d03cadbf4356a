"""What the headers of a request that starts a job must say, before its body is looked at."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING

from acijobs.domain.errors import InvalidSpecError, Violation
from acijobs.submitting import IDEMPOTENCY_KEY
from acijobs.web.problem import problem

if TYPE_CHECKING:
    import azure.functions as func

_JSON_TYPE = re.compile(r"application/json|[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.-]+\+json")

MAX_KEY_CHARS = 255
_KEY = re.compile(rf"[!-~]{{1,{MAX_KEY_CHARS}}}")


def idempotency_key_of(request: func.HttpRequest) -> str:
    """Return the header `Idempotency-Key`, without the quotes that it may have; empty without one.

    Raises:
        InvalidSpecError: it is too long, or is not visible ASCII.

    Source: draft-ietf-httpapi-idempotency-key-header-07, where it is a string of RFC 8941, in quotes;
    most clients send it without.
    """
    given = request.headers.get(IDEMPOTENCY_KEY)
    if given is None:
        return ""
    text = str(given).strip()
    is_quoted = len(text) > 1 and text[0] == text[-1] == '"'
    key = text[1:-1] if is_quoted else text
    if not _KEY.fullmatch(key):
        detail = (
            f"must be 1 to {MAX_KEY_CHARS} visible ASCII characters without blanks, like a UUID"
        )
        raise InvalidSpecError((Violation(pointer=IDEMPOTENCY_KEY, detail=detail),))
    return key


def refusal_of(request: func.HttpRequest) -> func.HttpResponse | None:
    """Return the refusal of a body that is chunked, or that is said not to be JSON; else None.

    A chunked body does not reach the app on Azure (azure-functions-host#4926), where it would pass for
    an empty one, which starts another job. A page of any site can make a browser send text or a form,
    but not JSON without being asked first; a program that names no type is believed.
    """
    if (refusal := refusal_of_chunks(request)) is not None:
        return refusal
    given = request.headers.get("Content-Type")
    if given and not _JSON_TYPE.fullmatch(given.partition(";")[0].strip().lower()):
        detail = (
            f"a job is JSON, not {given[:100]!r}: send the header 'Content-Type: application/json'"
        )
        return problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail)
    return None


def refusal_of_chunks(request: func.HttpRequest) -> func.HttpResponse | None:
    """Return the refusal of a chunked body; else None."""
    if not request.headers.get("Transfer-Encoding"):
        return None
    detail = "a chunked body does not reach a function on Azure: send it with a Content-Length"
    return problem(HTTPStatus.LENGTH_REQUIRED, detail)
