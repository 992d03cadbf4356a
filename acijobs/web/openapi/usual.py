"""Parameters and answers that many operations have."""

from __future__ import annotations

from acijobs.domain import job_id
from acijobs.web.openapi.operation import Answer, Parameter, problem

LATER = {"Retry-After": "Seconds after which to look again."}
ID = Parameter(
    name="id",
    place="path",
    schema={
        "type": "string",
        "pattern": f"^(?:{job_id.PATTERN.pattern})$",
        "maxLength": job_id.MAX_LENGTH,
    },
    description="The job's id.",
)
KEY_NEEDED = Answer(description="The function key is missing or wrong; Azure answers it itself.")
STORAGE_DOWN = problem("Storage did not answer.", retry=True)
NO_JOB = problem("There is no such job.")
WRONG_SETTINGS = problem("The operator's settings are wrong; each is named.")
CHUNKED = problem("The body is chunked, which Azure lets nobody see.")
