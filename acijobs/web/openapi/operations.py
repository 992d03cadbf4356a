"""The table of operations: all that the API does, and every status that it answers with."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from acijobs.web.by_capability import DOORS
from acijobs.web.openapi.being_well import DEPTH, UP
from acijobs.web.openapi.by_url import by_url
from acijobs.web.openapi.following import CANCEL, LIST, READ
from acijobs.web.openapi.operation import JSON, Answer, Operation
from acijobs.web.openapi.reading_logs import LOGS
from acijobs.web.openapi.starting import RERUN, RERUN_AS_IT_IS, START
from acijobs.web.openapi.telling import EVENTS

if TYPE_CHECKING:
    from acijobs.web.openapi.operation import Method

DESCRIBE = Operation(
    id="describeApi",
    method="get",
    path="/openapi.json",
    summary="Read this description",
    access="none",
    answers={HTTPStatus.OK: Answer(description="OpenAPI 3.1.", schemas={JSON: "OpenApi"})},
)

_BY_KEY = (START, LIST, READ, LOGS, CANCEL, RERUN, EVENTS)
_BEHIND: dict[str, dict[Method, Operation]] = {
    "": {"get": READ, "delete": CANCEL},
    "logs": {"get": LOGS},
    "cancel": {"post": CANCEL, "delete": CANCEL},
    "events": {"post": EVENTS},
    "rerun": {"post": RERUN_AS_IT_IS},
}
"""What is behind the doors that capability URLs open, by part of the job and method."""

_BY_URL = tuple(
    by_url(_BEHIND[part][method], part=part, method=method)
    for part, doors in DOORS.items()
    for method in _BEHIND[part]
    if method.upper() in doors
)

OPERATIONS: tuple[Operation, ...] = (*_BY_KEY, *_BY_URL, DESCRIBE, UP, DEPTH)
"""All of them, in the order in which they are shown."""
