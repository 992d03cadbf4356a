"""Errors as `application/problem+json` (RFC 9457)."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import azure.functions as func

from acijobs.domain.errors import (
    BodyTooLargeError,
    BusyError,
    InvalidSettingsError,
    InvalidSpecError,
    NotAllowedError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acijobs.domain.errors import AcijobsError, Violation

RETRY_AFTER_S = "5"
"""What a caller is told to wait for storage, or for a job that runs."""


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


def unavailable(detail: str, **known: Any) -> func.HttpResponse:
    """Return the answer while storage does not answer."""
    return problem(
        HTTPStatus.SERVICE_UNAVAILABLE, detail, headers={"Retry-After": RETRY_AFTER_S}, **known
    )


def invalid_spec(error: AcijobsError) -> str:
    """Return what is said of a specification with wrong fields; they are named besides."""
    count = len(error.violations) if isinstance(error, InvalidSpecError) else 0
    return f"the job specification has {count} wrong field{'s' if count > 1 else ''}: see errors"


def refused(
    error: AcijobsError, *, invalid: str, too_large: str, busy: str, **known: Any
) -> func.HttpResponse:
    """Return the answer to a request that ended in this error.

    Args:
        error: What was raised.
        invalid: The answer's text where the request is wrong; its fields are named besides.
        too_large: Where its body is too large.
        busy: Where storage does not answer.
        known: More members of the answer then.
    """
    match error:
        case InvalidSpecError():
            return problem(HTTPStatus.BAD_REQUEST, invalid, error.violations)
        case BodyTooLargeError():
            return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, too_large)
        case BusyError():
            return unavailable(f"{busy} ({error.message})", **known)
        case NotAllowedError():
            detail = "the operator of this app does not allow this job: see errors"
            return problem(HTTPStatus.FORBIDDEN, detail, error.violations)
        case InvalidSettingsError():
            return problem(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
    raise error


def wrong_parameters(violations: Sequence[Violation]) -> func.HttpResponse:
    """Return the answer to a query with these wrong parameters."""
    return problem(HTTPStatus.BAD_REQUEST, "the query has wrong parameters: see errors", violations)


def unknown_job(job_id: str) -> func.HttpResponse:
    """Return the answer where there is no job of this id."""
    return problem(HTTPStatus.NOT_FOUND, f"there is no job {job_id[:100]!r}")
