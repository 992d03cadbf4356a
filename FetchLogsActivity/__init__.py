"""FetchLogsActivity: the archived log has every line that Azure has, each once."""

from acijobs import wiring
from acijobs.domain.job_id import CONTAINER_NAME
from acijobs.usecases.fetch_logs import fetch_logs
from acijobs.usecases.replies import replies


@replies
def main(request: dict) -> dict:  # type: ignore[type-arg]  # the worker loads plain types only
    """Bring the archived log up to date.

    Args:
        request: `{"jobId": str, "group": str, "place": as the create replied, "ended": bool}`;
            `ended` tells that the container has ended, so that its last line is whole.

    Returns:
        `{"kind": "fetched", "archivedBytes": int, "addedBytes": int, "truncated": bool,
        "found": bool}`, `refused` or `busy` (`acijobs.usecases.replies`).
    """
    return fetch_logs(
        wiring.container_groups(wiring.place(request.get("place"))),
        wiring.log_archive(),
        request["jobId"],
        group=request["group"],
        container=CONTAINER_NAME,
        ended=request["ended"],
    )
