"""CheckStatusActivity: polls a job's container group once."""

from acijobs import wiring
from acijobs.domain.messages import CheckRequest
from acijobs.usecases.answering import answer
from acijobs.usecases.check_status import check_status


def main(request: dict) -> dict:  # type: ignore[type-arg]  # the worker loads plain types only
    """Poll the group once: `CheckRequest` in, `Seen` or `Absent` out."""
    return answer(
        CheckRequest, request, lambda asked: check_status(wiring.patient_outside(), asked)
    )
