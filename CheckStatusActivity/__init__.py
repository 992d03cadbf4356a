"""CheckStatusActivity: one look at a job's container group."""

from acijobs import wiring
from acijobs.usecases.check_status import check_status
from acijobs.usecases.replies import replies


@replies
def main(request: dict) -> dict:  # type: ignore[type-arg]  # the worker loads plain types only
    """Look at the group once.

    Args:
        request: `{"group": str, "place": as the create replied}`.

    Returns:
        `{"kind": "seen", "observation": …}`, `{"kind": "gone"}`, `refused` or `busy`
        (`acijobs.usecases.replies`).
    """
    place = wiring.place(request.get("place"))
    return check_status(wiring.container_groups(place), request["group"])
