"""Operations that tell how jobs are, and end them."""

from __future__ import annotations

from http import HTTPStatus

from acijobs.domain.listing import DEFAULT_LIMIT, MAX_LIMIT
from acijobs.domain.row import MAX_CANCEL_CHARS
from acijobs.domain.spec.keeping import MAX_CANCEL_GRACE_SECONDS
from acijobs.web.openapi.operation import JSON, PROBLEM, Answer, Operation, Parameter, problem
from acijobs.web.openapi.usual import ID, KEY_NEEDED, LATER, NO_JOB, STORAGE_DOWN, WRONG_SETTINGS

LIST = Operation(
    id="listJobs",
    method="get",
    path="/jobs",
    summary="List jobs, the newest first",
    description=(
        "A page may have fewer jobs than were asked for, or none, and be followed by another one: the "
        "list ends where `next` is null."
    ),
    parameters=(
        Parameter(
            name="state",
            description="Only jobs in this state; may be repeated, or have commas between states.",
        ),
        Parameter(
            name="label",
            description="Only jobs with this label, as `name:value`; of several, with all of them.",
        ),
        Parameter(
            name="limit",
            schema={"type": "integer", "minimum": 1, "maximum": MAX_LIMIT},
            description=f"At most so many jobs; {DEFAULT_LIMIT} if left out.",
        ),
        Parameter(name="after", description="The `next` of the page before."),
    ),
    answers={
        HTTPStatus.OK: Answer(description="A page.", schemas={JSON: "JobPage"}),
        HTTPStatus.BAD_REQUEST: problem("`errors` names every wrong parameter."),
        HTTPStatus.UNAUTHORIZED: KEY_NEEDED,
        HTTPStatus.INTERNAL_SERVER_ERROR: WRONG_SETTINGS,
        HTTPStatus.SERVICE_UNAVAILABLE: STORAGE_DOWN,
    },
)

READ = Operation(
    id="readJob",
    method="get",
    path="/jobs/{id}",
    summary="Read how a job is, with its log so far",
    parameters=(
        ID,
        Parameter(
            name="tail",
            schema={"type": "integer", "minimum": 0, "maximum": 999_999_999},
            description="Show only so many lines of the log, its last ones.",
        ),
    ),
    answers={
        HTTPStatus.OK: Answer(
            description="The job succeeded, or was cancelled.", schemas={JSON: "Job"}
        ),
        HTTPStatus.ACCEPTED: Answer(
            description="The job is not over.", schemas={JSON: "Job"}, headers=LATER
        ),
        HTTPStatus.BAD_REQUEST: problem("`tail` is no number of lines."),
        HTTPStatus.UNAUTHORIZED: KEY_NEEDED,
        HTTPStatus.NOT_FOUND: NO_JOB,
        HTTPStatus.INTERNAL_SERVER_ERROR: Answer(
            description="The job failed or timed out. As a problem: the operator's settings are wrong.",
            schemas={JSON: "Job", PROBLEM: "Problem"},
        ),
        HTTPStatus.SERVICE_UNAVAILABLE: STORAGE_DOWN,
    },
)

CANCEL = Operation(
    id="cancelJob",
    method="delete",
    path="/jobs/{id}",
    summary="Ask a job to end",
    parameters=(
        ID,
        Parameter(
            name="reason",
            description=f"Shown in the job's reason, up to {MAX_CANCEL_CHARS} characters of it.",
        ),
        Parameter(
            name="graceSeconds",
            schema={"type": "integer", "minimum": 0, "maximum": MAX_CANCEL_GRACE_SECONDS},
            description="How long the container may go on to end by itself; else as its job says.",
        ),
    ),
    answers={
        HTTPStatus.OK: Answer(description="Nothing is left to do.", schemas={JSON: "Job"}),
        HTTPStatus.ACCEPTED: Answer(description="It is going to end.", schemas={JSON: "Job"}),
        HTTPStatus.BAD_REQUEST: problem("`graceSeconds` is no such number."),
        HTTPStatus.UNAUTHORIZED: KEY_NEEDED,
        HTTPStatus.NOT_FOUND: NO_JOB,
        HTTPStatus.INTERNAL_SERVER_ERROR: WRONG_SETTINGS,
        HTTPStatus.SERVICE_UNAVAILABLE: STORAGE_DOWN,
    },
)
