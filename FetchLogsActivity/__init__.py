"""FetchLogsActivity: brings a job's archived log up to date."""

import azure.functions as func

from acijobs import wiring
from acijobs.domain.messages import FetchRequest
from acijobs.usecases.answering import answer
from acijobs.usecases.fetch_logs import fetch_logs


# The worker loads plain types only.
def main(request: dict, context: func.Context) -> dict:  # type: ignore[type-arg]
    """Bring the archived log up to date: `FetchRequest` in, `Fetched` out."""
    return answer(
        FetchRequest,
        request,
        lambda asked: fetch_logs(wiring.patient_outside(), asked),
        wiring.invocation(context),
    )
