"""SendCallbackActivity: tells whom it concerns how a job is."""

from acijobs import wiring
from acijobs.domain.messages import CallbackRequest
from acijobs.usecases.answering import answer
from acijobs.usecases.send_callback import send_callback


def main(request: dict) -> dict:  # type: ignore[type-arg]  # the worker loads plain types only
    """Make one try: `CallbackRequest` in, `CalledBack` out."""
    return answer(
        CallbackRequest, request, lambda asked: send_callback(wiring.patient_outside(), asked)
    )
