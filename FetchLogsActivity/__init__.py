"""FetchLogsActivity: brings a job's archived log up to date."""

from acijobs import wiring
from acijobs.domain.messages import FetchRequest
from acijobs.usecases.answering import answer
from acijobs.usecases.fetch_logs import fetch_logs


def main(request: dict) -> dict:  # type: ignore[type-arg]  # the worker loads plain types only
    """Bring the archived log up to date: `FetchRequest` in, `Fetched` out."""
    return answer(FetchRequest, request, lambda asked: fetch_logs(wiring.patient_outside(), asked))
