"""CreateContainerActivity: the job's container group exists, once, and is the job's own."""

from acijobs import wiring
from acijobs.domain.job_id import group_name
from acijobs.domain.spec import parse
from acijobs.usecases.create_group import create_group
from acijobs.usecases.replies import replies


@replies
def main(request: dict) -> dict:  # type: ignore[type-arg]  # the worker loads plain types only
    """Create or adopt the group.

    Args:
        request: `{"jobId": str, "spec": job specification, "deadline": ISO 8601}`.

    Returns:
        `{"kind": "created" | "adopted", "watch": polling policy, "place": where the group lives}`,
        `refused` or `busy` (`acijobs.usecases.replies`).
    """
    job_id = request["jobId"]
    settings, place = wiring.settings(), wiring.place()
    reply = create_group(
        wiring.container_groups(place),
        wiring.log_archive(),
        wiring.owner(job_id, place),
        name=group_name(job_id),
        spec=parse(request["spec"]),
        deadline=request["deadline"],
    )
    if reply["kind"] not in {"created", "adopted"}:
        return reply
    # Both travel in the reply: an orchestrator must not read settings, and the group stays where it
    # was created whatever the settings say later.
    return reply | {"watch": settings.watch.to_json(), "place": place.to_json()}
