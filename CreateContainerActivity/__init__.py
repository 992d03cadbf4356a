"""CreateContainerActivity: claims a job and creates its container group, once."""

import azure.functions as func

from acijobs import wiring
from acijobs.domain.messages import CreateRequest
from acijobs.usecases.answering import answer
from acijobs.usecases.create_group import create_group


# The worker loads plain types only.
def main(request: dict, context: func.Context) -> dict:  # type: ignore[type-arg]
    """Claim the job, and create or adopt its group: `CreateRequest` in, `Created` out."""
    return answer(
        CreateRequest,
        request,
        lambda asked: create_group(wiring.patient_outside(), asked),
        wiring.invocation(context),
    )
