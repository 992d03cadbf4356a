"""The operation by which a job tells of itself from inside."""

from __future__ import annotations

from http import HTTPStatus

from acijobs.domain.told import MAX_OUTPUTS_BYTES
from acijobs.web.event_body import MAX_BODY_BYTES
from acijobs.web.openapi.operation import JSON, Answer, Operation, problem
from acijobs.web.openapi.usual import (
    CHUNKED,
    ID,
    KEY_NEEDED,
    NO_JOB,
    STORAGE_DOWN,
    WRONG_SETTINGS,
)

EVENTS = Operation(
    id="tellOfJob",
    method="post",
    path="/jobs/{id}/events",
    summary="Tell of a job from inside: progress, outputs, that it is done",
    description="How the job ended is not believed, only looked at. Any `Content-Type` is taken.",
    parameters=(ID,),
    body={JSON: "JobEvent"},
    answers={
        HTTPStatus.ACCEPTED: Answer(description="It is kept.", schemas={JSON: "Told"}),
        HTTPStatus.BAD_REQUEST: problem("`errors` names everything that is wrong."),
        HTTPStatus.UNAUTHORIZED: KEY_NEEDED,
        HTTPStatus.NOT_FOUND: NO_JOB,
        HTTPStatus.GONE: problem("The job has ended, and takes no more."),
        HTTPStatus.LENGTH_REQUIRED: CHUNKED,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: problem(
            f"It has more than {MAX_BODY_BYTES} bytes, or the job's outputs more than "
            f"{MAX_OUTPUTS_BYTES} in all."
        ),
        HTTPStatus.INTERNAL_SERVER_ERROR: WRONG_SETTINGS,
        HTTPStatus.SERVICE_UNAVAILABLE: STORAGE_DOWN,
    },
)
