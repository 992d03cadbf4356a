"""SendCallbackActivity: tells whom it concerns how a job is."""

import azure.functions as func

from acijobs import wiring
from acijobs.domain.messages import CallbackRequest
from acijobs.usecases.answering import answer
from acijobs.usecases.send_callback import send_callback


# The worker loads plain types only.
def main(request: dict, context: func.Context) -> dict:  # type: ignore[type-arg]
    """Make one try: `CallbackRequest` in, `CalledBack` out."""
    return answer(
        CallbackRequest,
        request,
        lambda asked: send_callback(wiring.patient_outside(), asked),
        wiring.invocation(context),
    )
