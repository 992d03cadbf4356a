"""What a job tells of itself from inside: progress, outputs, and that it is done."""

from __future__ import annotations

import asyncio
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from acijobs.domain.errors import AcijobsError, Violation
from acijobs.domain.job_id import is_valid
from acijobs.domain.told import MAX_OUTPUTS_BYTES
from acijobs.usecases.told_by_job import OutputsTooLargeError, keep_outputs, keep_progress
from acijobs.web.event_body import MAX_BODY_BYTES, JobEvent, read_event
from acijobs.web.job_headers import refusal_of_chunks
from acijobs.web.problem import json_response, problem, refused, unknown_job

if TYPE_CHECKING:
    import azure.functions as func

    from acijobs.domain.row import Row
    from acijobs.instances import Instances
    from acijobs.usecases.ports import Outside
    from acijobs.web.pace import Pace


async def take_events(
    request: func.HttpRequest, instances: Instances, outside: Outside, pace: Pace
) -> func.HttpResponse:
    """Keep what the job tells of itself; 202. How it ended is never believed, only looked at.

    Any `Content-Type` is taken: `curl -d` and `wget --post-data` send that of a form.
    """
    job_id = request.route_params["id"]
    if (refusal := refusal_of_chunks(request)) is not None:
        return refusal
    try:
        event = read_event(request.get_body())
        row = await asyncio.to_thread(_find, outside, job_id)
        if row is None:
            return unknown_job(job_id)
        return await _take(event, row, instances, outside, pace)
    except OutputsTooLargeError:
        return _outputs_too_large()
    except AcijobsError as error:
        return refused(
            error,
            invalid="the event is wrong: see errors",
            too_large=f"an event has at most {MAX_BODY_BYTES} bytes; put results in storage",
            busy="the event cannot be taken now",
        )


async def _take(
    event: JobEvent, row: Row, instances: Instances, outside: Outside, pace: Pace
) -> func.HttpResponse:
    job_id, is_to_be_looked_at = row.job_id, False
    if row.outcome is not None:
        detail = f"the job has ended as {row.outcome.phase.value}, and takes no more events"
        return problem(HTTPStatus.GONE, detail)
    if event.outputs or event.is_done:  # first: they alone can be refused
        is_to_be_looked_at = await asyncio.to_thread(
            keep_outputs, outside, job_id, event.outputs, asks=event.is_done
        )
    if event.tells_progress:
        await pace.write(job_id, event, partial(_keep_progress, outside, job_id))
    if is_to_be_looked_at:
        await instances.look(job_id)
    return json_response(HTTPStatus.ACCEPTED, {"id": job_id})


async def _keep_progress(outside: Outside, job_id: str, event: JobEvent) -> None:
    await asyncio.to_thread(keep_progress, outside, job_id, event.progress, event.message)


def _find(outside: Outside, job_id: str) -> Row | None:
    stored = outside.rows().read(job_id) if is_valid(job_id) else None
    return None if stored is None else stored.row


def _outputs_too_large() -> func.HttpResponse:
    detail = (
        f"a job's outputs have at most {MAX_OUTPUTS_BYTES} bytes in all, as compact JSON: put what is "
        "larger in storage, and its address in an output"
    )
    wrong = Violation(pointer="#/outputs", detail="would make the job's outputs too large")
    return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail, [wrong])
