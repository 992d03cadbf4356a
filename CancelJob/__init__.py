"""CancelJob: DELETE /api/jobs/{id} ends a job."""

from typing import Any

import azure.durable_functions as df
import azure.functions as func

from acijobs import wiring
from acijobs.domain.job_id import group_name
from acijobs.usecases.delete_group import delete_group
from acijobs.usecases.replies import replies
from acijobs.web.jobs import cancel_job


async def main(request: func.HttpRequest, client: str) -> func.HttpResponse:
    """Handle one request; see `acijobs.web.jobs.cancel_job`."""
    return await cancel_job(request, df.DurableOrchestrationClient(client), _delete_group)


@replies
def _delete_group(job_id: str) -> dict[str, Any]:
    place = wiring.place()
    owner = wiring.owner(job_id, place)
    return delete_group(wiring.container_groups(place), owner, group_name(job_id))
