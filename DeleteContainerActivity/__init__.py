"""DeleteContainerActivity: closes a job and deletes its container group."""

from acijobs import wiring
from acijobs.domain.messages import DeleteRequest
from acijobs.usecases.answering import answer
from acijobs.usecases.finish_job import finish_job


def main(request: dict) -> dict:  # type: ignore[type-arg]  # the worker loads plain types only
    """Collect, close, delete: `DeleteRequest` in, `Finished` or `Deleting` out."""
    return answer(DeleteRequest, request, lambda asked: finish_job(wiring.patient_outside(), asked))
