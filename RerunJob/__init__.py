"""RerunJob: POST /api/jobs/{id}/rerun starts a job's specification anew, changed or not."""

import azure.functions as func

from acijobs import wiring
from acijobs.instances import Instances
from acijobs.web.links import Caller
from acijobs.web.rerun import rerun_job


async def main(request: func.HttpRequest, client: str, context: func.Context) -> func.HttpResponse:
    """Handle one request; see `acijobs.web.rerun.rerun_job`."""
    instances, caller = Instances(client), Caller(web=wiring.web_settings())
    invocation = await wiring.invocation_of_async(context, request.headers)
    with invocation.span("start"):
        return await rerun_job(request, instances, wiring.outside(), wiring.settings, caller)
