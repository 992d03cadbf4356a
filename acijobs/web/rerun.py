"""Starts the specification of a job that there is, or was, as a new job."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from acijobs.domain.errors import AcijobsError, InvalidSpecError, Violation
from acijobs.domain.job_id import is_valid
from acijobs.domain.spec.job import MAX_BODY_BYTES, JobSpec
from acijobs.submitting import Submission, read_json, submission_of
from acijobs.usecases.secrets import unsealed
from acijobs.web.job_headers import idempotency_key_of, refusal_of
from acijobs.web.job_start import start
from acijobs.web.links import jobs_url
from acijobs.web.merge_patch import merged
from acijobs.web.parameters import unknown_parameters
from acijobs.web.problem import refused, unknown_job, wrong_parameters

if TYPE_CHECKING:
    from collections.abc import Callable

    import azure.functions as func

    from acijobs.domain.row import Row
    from acijobs.instances import Instances
    from acijobs.settings.jobs import DefaultJobSettings
    from acijobs.usecases.ports import Outside
    from acijobs.web.links import Caller


async def rerun_job(
    request: func.HttpRequest,
    instances: Instances,
    outside: Outside,
    read_settings: Callable[[], DefaultJobSettings],
    caller: Caller,
) -> func.HttpResponse:
    """Start a new job of the specification of this one; answer as `start_job` does.

    A body is a JSON merge patch of the specification. What comes of it is validated as a new
    submission is. The job may run still. The new one has an id of its own: the patch's, else the one of
    the request's `Idempotency-Key`, else a new one.
    """
    job_id = request.route_params["id"]
    if wrong := unknown_parameters(request.params, ()):
        return wrong_parameters(wrong)
    if (refusal := refusal_of(request)) is not None:
        return refusal
    try:
        read_settings()
        found = await asyncio.to_thread(_find, outside, job_id)
        if found is None:
            return unknown_job(job_id)
        submission = _submission(request, found, caller)
    except AcijobsError as error:
        return refused(
            error,
            invalid="the job that comes of the patch has wrong fields: see errors",
            too_large=f"a patch has at most {MAX_BODY_BYTES} bytes; put inputs in storage",
            busy="the job cannot be read now",
        )
    where = jobs_url(request.url, caller.web.public_url)
    return await start(submission, instances, outside, caller, where=where)


@dataclass(frozen=True, kw_only=True)
class _Earlier:
    """The job that is run again.

    Attributes:
        row: Its row.
        spec: Its specification as it could be sent, with its secret values open: they are sealed anew.
        lost: Pointers of values that cannot be opened any more, and are empty in it.
    """

    row: Row
    spec: dict[str, Any]
    lost: frozenset[str]


def _find(outside: Outside, job_id: str) -> _Earlier | None:
    found = outside.rows().read_with_spec(job_id) if is_valid(job_id) else None
    if found is None:
        return None
    spec, lost = unsealed(outside, JobSpec.stored(found[1]), job_id)
    return _Earlier(row=found[0].row, spec=spec.to_json(), lost=lost)


def _submission(request: func.HttpRequest, earlier: _Earlier, caller: Caller) -> Submission:
    body, row = request.get_body(), earlier.row
    patch = read_json(body, empty=dict)
    if not isinstance(patch, dict):
        detail = "must be a JSON object: a merge patch (RFC 7396) of the job"
        raise InvalidSpecError((Violation(pointer="#", detail=detail),))
    asked = merged({name: value for name, value in earlier.spec.items() if name != "id"}, patch)
    key = idempotency_key_of(request)
    key_of = "" if caller.has_app_key else row.job_id
    lineage = {"rerun_of": row.job_id, "first_run": row.first_run or row.job_id}
    try:
        return submission_of(asked, key=key, key_of=key_of, **lineage)
    except InvalidSpecError as error:
        raise InvalidSpecError(_explained(error.violations, earlier.lost)) from None


def _explained(wrong: tuple[Violation, ...], lost: frozenset[str]) -> tuple[Violation, ...]:
    detail = "cannot be opened any more: send it again, in the patch"
    return tuple(
        Violation(pointer=each.pointer, detail=detail) if each.pointer in lost else each
        for each in wrong
    )
