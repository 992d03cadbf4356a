"""The same operations for whoever has the job's URL in place of a key."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from acijobs.web.openapi.operation import PROBLEM, Parameter, problem

if TYPE_CHECKING:
    from acijobs.web.openapi.operation import Answer, Method, Operation

_TOKEN = Parameter(
    name="token",
    place="path",
    description="What the URL allows with this job, signed by the app.",
)
_REFUSALS = {
    HTTPStatus.FORBIDDEN: problem("The URL does not allow this, but something else."),
    HTTPStatus.NOT_FOUND: problem(
        "Nothing is here: the URL is not whole, has expired, or was withdrawn."
    ),
    HTTPStatus.METHOD_NOT_ALLOWED: replace(
        problem("This method is not possible here."), headers={"Allow": "Those that are."}
    ),
    HTTPStatus.INTERNAL_SERVER_ERROR: problem("The operator's settings are wrong; each is named."),
    HTTPStatus.SERVICE_UNAVAILABLE: problem("Storage did not answer.", retry=True),
}


def by_url(operation: Operation, *, part: str, method: Method) -> Operation:
    """Return the operation as it is at a URL of the job, where nothing may be changed by a body.

    Args:
        operation: As it is with a key.
        part: The part of the job that the URL leads to, like `cancel`; empty for the job itself.
        method: The method there, which may be another one.
    """
    own = {
        status: answer
        for status, answer in operation.answers.items()
        if status != HTTPStatus.UNAUTHORIZED and not _is_replaced(status, answer)
    }
    return replace(
        operation,
        id=_name(operation, part, method),
        path="/jobs/{id}/by/{token}" + (f"/{part}" if part else ""),
        method=method,
        summary=f"{operation.summary}, by its URL",
        access="url",
        parameters=(operation.parameters[0], _TOKEN, *operation.parameters[1:]),
        answers=_REFUSALS | own,
    )


def _name(operation: Operation, part: str, method: Method) -> str:
    is_there_by_key = operation.method == method and operation.path.endswith(part or "{id}")
    return f"{operation.id if is_there_by_key else method + part.capitalize()}ByUrl"


def _is_replaced(status: HTTPStatus, answer: Answer) -> bool:
    """Tell whether a refusal of URLs says it better; not where a job itself is answered with it."""
    return status in _REFUSALS and set(answer.schemas) == {PROBLEM}
