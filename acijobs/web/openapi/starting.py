"""Operations that start jobs."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus

from acijobs.domain.spec.job import MAX_BODY_BYTES
from acijobs.submitting import IDEMPOTENCY_KEY
from acijobs.web.job_headers import MAX_KEY_CHARS
from acijobs.web.openapi.operation import JSON, MERGE_PATCH, Answer, Operation, Parameter, problem
from acijobs.web.openapi.usual import CHUNKED, ID, KEY_NEEDED, LATER, NO_JOB, WRONG_SETTINGS

_KEY = Parameter(
    name=IDEMPOTENCY_KEY,
    place="header",
    schema={"type": "string", "minLength": 1, "maxLength": MAX_KEY_CHARS, "pattern": "^[!-~]+$"},
    description="In the place of an id: a repeated request with the same key is the same job.",
)
_ANSWERS = {
    HTTPStatus.ACCEPTED: Answer(
        description="The job is accepted, now or before.",
        schemas={JSON: "Started"},
        headers=LATER | {"Location": "Where its status is; not where the caller may not know."},
    ),
    HTTPStatus.BAD_REQUEST: problem("It is not a job: `errors` names everything that is wrong."),
    HTTPStatus.UNAUTHORIZED: KEY_NEEDED,
    HTTPStatus.FORBIDDEN: problem("The operator does not allow this job: `errors` has the rules."),
    HTTPStatus.CONFLICT: problem("The `id` belongs to another job."),
    HTTPStatus.LENGTH_REQUIRED: CHUNKED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: problem(f"It has more than {MAX_BODY_BYTES} bytes."),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: problem("Its `Content-Type` is not JSON's."),
    HTTPStatus.UNPROCESSABLE_ENTITY: problem(f"The {IDEMPOTENCY_KEY} was sent with another job."),
    HTTPStatus.INTERNAL_SERVER_ERROR: WRONG_SETTINGS,
    HTTPStatus.SERVICE_UNAVAILABLE: problem(
        "Storage did not answer; the job may be accepted or not: repeat it, under `id`.",
        retry=True,
    ),
}

START = Operation(
    id="startJob",
    method="post",
    path="/jobs",
    summary="Start a job, or tell what would become of it",
    description=(
        "The job is a container group on Azure Container Instances, deleted when it has ended. An "
        "empty body starts the operator's default job. A repeated request with the same `id` is "
        "the same job."
    ),
    parameters=(
        Parameter(
            name="dryRun",
            schema={"type": "string", "enum": ["true", "false"]},
            description="`true` tells what would become of the job, and starts nothing.",
        ),
        _KEY,
    ),
    body={JSON: "JobSpec"},
    answers={HTTPStatus.OK: Answer(description="The dry run.", schemas={JSON: "Forecast"})}
    | _ANSWERS,
)

RERUN = Operation(
    id="rerunJob",
    method="post",
    path="/jobs/{id}/rerun",
    summary="Start a new job of the specification of this one",
    description=(
        "What is sent is a JSON merge patch (RFC 7396) of the specification; what comes of it is "
        "checked as a new job is. The job may run still."
    ),
    parameters=(ID, _KEY),
    body={MERGE_PATCH: "JobPatch", JSON: "JobPatch"},
    answers=_ANSWERS | {HTTPStatus.NOT_FOUND: NO_JOB},
)

RERUN_AS_IT_IS = replace(
    RERUN, description="Without a body: a change of the job needs the app's key.", body={}
)
