"""DeleteContainerActivity: the job's container group is gone, or on its way out."""

from acijobs import wiring
from acijobs.usecases.delete_group import delete_group
from acijobs.usecases.replies import replies


@replies
def main(request: dict) -> dict:  # type: ignore[type-arg]  # the worker loads plain types only
    """Delete the group if it is this job's, and look whether it is gone.

    Args:
        request: `{"jobId": str, "group": str, "place": as the create replied, if it did}`.

    Returns:
        `{"kind": "gone" | "absent" | "deleting" | "notOurs"}`, `refused` or `busy`
        (`acijobs.usecases.replies`).
    """
    place = wiring.place(request.get("place"))
    owner = wiring.owner(request["jobId"], place)
    return delete_group(wiring.container_groups(place), owner, request["group"])
