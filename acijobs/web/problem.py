"""Errors as `application/problem+json` (RFC 9457)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import azure.functions as func

if TYPE_CHECKING:
    from collections.abc import Sequence
    from http import HTTPStatus

    from acijobs.domain.errors import Violation


def problem(
    status: HTTPStatus,
    detail: str,
    violations: Sequence[Violation] = (),
    headers: dict[str, str] | None = None,
    **known: object,
) -> func.HttpResponse:
    """Return an error response.

    Args:
        status: The HTTP status.
        detail: What is wrong, and what would be right.
        violations: Every wrong field; shown as `errors`, each with a `pointer` and a `detail`.
        headers: More headers.
        known: More members of the problem, like the `id` to repeat the request under.
    """
    body: dict[str, object] = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        **known,
    }
    if violations:
        body["errors"] = [vars(violation) for violation in violations]
    return func.HttpResponse(
        json.dumps(body),
        status_code=status.value,
        mimetype="application/problem+json",
        headers=headers,
    )


def json_response(
    status: HTTPStatus, body: object, headers: dict[str, str] | None = None
) -> func.HttpResponse:
    """Return a JSON response."""
    return func.HttpResponse(
        json.dumps(body), status_code=status.value, mimetype="application/json", headers=headers
    )
