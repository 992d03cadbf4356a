"""DeleteContainerActivity: closes a job and deletes its container group."""

import azure.functions as func

from acijobs import wiring
from acijobs.domain.messages import DeleteRequest
from acijobs.usecases.answering import answer
from acijobs.usecases.finish_job import finish_job


# The worker loads plain types only.
def main(request: dict, context: func.Context) -> dict:  # type: ignore[type-arg]
    """Collect, close, delete: `DeleteRequest` in, `Finished` or `Deleting` out."""
    return answer(
        DeleteRequest,
        request,
        lambda asked: finish_job(wiring.patient_outside(), asked),
        wiring.invocation(context),
    )
