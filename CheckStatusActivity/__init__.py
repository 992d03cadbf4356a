"""CheckStatusActivity: polls a job's container group once."""

import azure.functions as func

from acijobs import wiring
from acijobs.domain.messages import CheckRequest
from acijobs.usecases.answering import answer
from acijobs.usecases.check_status import check_status


# The worker loads plain types only.
def main(request: dict, context: func.Context) -> dict:  # type: ignore[type-arg]
    """Poll the group once: `CheckRequest` in, `Seen` or `Absent` out."""
    return answer(
        CheckRequest,
        request,
        lambda asked: check_status(wiring.patient_outside(), asked),
        wiring.invocation(context),
    )
