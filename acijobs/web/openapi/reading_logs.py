"""The operation that answers logs."""

from __future__ import annotations

from http import HTTPStatus

from acijobs.web.log_request import MAX_WAIT_S
from acijobs.web.openapi.operation import TEXT, Answer, Operation, Parameter, problem
from acijobs.web.openapi.usual import ID, KEY_NEEDED, WRONG_SETTINGS

_CURSOR = {
    "X-Next-Attempt": "The attempt to go on with.",
    "X-Next-Offset": "The offset to go on from; the same where nothing came.",
    "X-Log-Complete": "`true` if nothing follows.",
    "X-Log-Truncated": "`true` if lines are, or may be, missing.",
    "X-Log-Trouble": "Why the newest lines could not be fetched; only where they could not.",
    "X-Log-Container": "The container.",
    "X-Log-Attempt": "The attempt.",
    "X-Log-Offset": "Where in the archive this begins.",
    "X-Log-Bytes": "Size of the archive.",
    "ETag": "Changes when the archive grows.",
}

LOGS = Operation(
    id="readLog",
    method="get",
    path="/jobs/{id}/logs",
    summary="Read a log as text, live while its container runs",
    description=(
        "One container's log of one attempt, at most 4 MB of its archive from an offset on. To follow "
        "it, go on at `X-Next-Attempt` and `X-Next-Offset` with `wait`, until `X-Log-Complete`."
    ),
    parameters=(
        ID,
        Parameter(name="container", description="`job`, an init container or a sidecar."),
        Parameter(
            name="attempt",
            schema={"type": "integer", "minimum": 1, "maximum": 999_999},
            description="Its number; the newest that has a group if left out.",
        ),
        Parameter(
            name="offset",
            schema={"type": "integer", "minimum": 0},
            description="Where in the archive to begin, in bytes.",
        ),
        Parameter(
            name="tail",
            schema={"type": "integer", "minimum": 0, "maximum": 999_999_999},
            description="Only so many lines, the last ones; not with `offset`.",
        ),
        Parameter(
            name="wait",
            schema={"type": "integer", "minimum": 0, "maximum": MAX_WAIT_S},
            description="Seconds to wait for something to show.",
        ),
        Parameter(
            name="timestamps",
            schema={"type": "string", "enum": ["true", "false"]},
            description="`true` shows the archive's own bytes, with a time before each line.",
        ),
        Parameter(
            name="Range", place="header", description="One range of bytes of the archive itself."
        ),
        Parameter(name="If-None-Match", place="header", description="ETags of what is known."),
    ),
    answers={
        HTTPStatus.OK: Answer(
            description="The text; empty where nothing came.", schemas={TEXT: ""}, headers=_CURSOR
        ),
        HTTPStatus.PARTIAL_CONTENT: Answer(
            description="That range of the archive, or the beginning of it.",
            schemas={TEXT: ""},
            headers=_CURSOR | {"Content-Range": "Which bytes, and of how many."},
        ),
        HTTPStatus.NOT_MODIFIED: Answer(description="Nothing has changed.", headers=_CURSOR),
        HTTPStatus.BAD_REQUEST: problem("`errors` names every wrong parameter."),
        HTTPStatus.UNAUTHORIZED: KEY_NEEDED,
        HTTPStatus.NOT_FOUND: problem("There is no such job, attempt or container."),
        HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE: problem("The archive ends before the range."),
        HTTPStatus.INTERNAL_SERVER_ERROR: WRONG_SETTINGS,
        HTTPStatus.SERVICE_UNAVAILABLE: problem(
            "Storage did not answer, or too many requests wait already.", retry=True
        ),
    },
)
