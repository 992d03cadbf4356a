"""The dry run of a job: POST /api/jobs?dryRun=true."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING

from acijobs.submitting import ready_to_keep
from acijobs.usecases.dry_run import Region, candidates, forecast, look_at, scopes, whole
from acijobs.web.parameters import unknown_parameters
from acijobs.web.problem import json_response, problem, wrong_parameters

if TYPE_CHECKING:
    import azure.functions as func

    from acijobs.domain.group import Scope
    from acijobs.domain.spec.job import JobSpec
    from acijobs.usecases.ports import Outside

PATIENCE_S = 10.0
"""How long an answer about a region is waited for; its request goes on, and may serve the next."""

_FLAGS = {"true": True, "false": False}


def is_dry_run(request: func.HttpRequest) -> bool | func.HttpResponse:
    """Tell whether the request asks for a dry run only; any other parameter or value is refused."""
    if wrong := unknown_parameters(request.params, ["dryRun"]):
        return wrong_parameters(wrong)
    given = request.params.get("dryRun", "false")
    known = _FLAGS.get(given.lower())
    if known is None:
        detail = f"dryRun must be 'true' or 'false', not {given[:100]!r}"
        return problem(HTTPStatus.BAD_REQUEST, detail)
    return known


async def dry_run(
    outside: Outside, spec: JobSpec, *, patience_s: float = PATIENCE_S
) -> func.HttpResponse:
    """Answer what would become of the job; nothing is stored or started.

    Regions are asked about side by side, in each subscription. What Azure refuses to tell, or does not
    tell in time, is told in the answer.

    Raises:
        InvalidSpecError: what only the settings tell, as when the job is submitted.
    """
    await asyncio.to_thread(ready_to_keep, outside, spec, spec.id or "")
    known = await asyncio.to_thread(scopes, outside, spec)
    regions = await asyncio.gather(
        *(_look_at(outside, spec, name, known, patience_s) for name in candidates(outside, spec))
    )
    return json_response(HTTPStatus.OK, forecast(outside, spec, tuple(regions)))


async def _look_at(
    outside: Outside, spec: JobSpec, name: str, known: tuple[Scope, ...], patience_s: float
) -> Region:
    seen = await asyncio.gather(*(_seen(outside, spec, name, one, patience_s) for one in known))
    return whole(tuple(seen))


async def _seen(
    outside: Outside, spec: JobSpec, name: str, scope: Scope, patience_s: float
) -> Region:
    try:
        looking = asyncio.to_thread(look_at, outside, spec, name, scope)
        return await asyncio.wait_for(looking, patience_s)
    except TimeoutError:
        message = f"Azure did not answer within {patience_s:g} s"
        return Region(name=name, error=("NoAnswer", message))
