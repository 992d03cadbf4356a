"""CreateContainerActivity: claims a job and creates its container group, once."""

from acijobs import wiring
from acijobs.domain.messages import CreateRequest
from acijobs.usecases.answering import answer
from acijobs.usecases.create_group import create_group


def main(request: dict) -> dict:  # type: ignore[type-arg]  # the worker loads plain types only
    """Claim the job, and create or adopt its group: `CreateRequest` in, `Created` out."""
    return answer(
        CreateRequest, request, lambda asked: create_group(wiring.patient_outside(), asked)
    )
