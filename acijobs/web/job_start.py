"""The job API: start, try dry."""

from __future__ import annotations

import asyncio
import json
import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING

from acijobs.domain.errors import AcijobsError, StorageError, Violation
from acijobs.domain.spec.job import MAX_BODY_BYTES
from acijobs.submitting import IDEMPOTENCY_KEY, Submission, read_submission, submit
from acijobs.web.dry_runs import dry_run, is_dry_run
from acijobs.web.job_headers import idempotency_key_of, refusal_of
from acijobs.web.links import Caller, job_links, jobs_url
from acijobs.web.problem import RETRY_AFTER_S, invalid_spec, json_response, problem, refused

if TYPE_CHECKING:
    from collections.abc import Callable

    import azure.functions as func

    from acijobs.domain.row import Row
    from acijobs.instances import Instances
    from acijobs.settings.jobs import DefaultJobSettings
    from acijobs.settings.web import WebSettings
    from acijobs.usecases.ports import Outside

TOO_LARGE = f"a job specification has at most {MAX_BODY_BYTES} bytes; put inputs in storage"


async def start_job(
    request: func.HttpRequest,
    instances: Instances,
    outside: Outside,
    read_settings: Callable[[], DefaultJobSettings],
    web: WebSettings,
) -> func.HttpResponse:
    """Start a job; answer its own URLs by capability, and Durable's management URLs.

    Once the job's row is stored the answer is 202, whatever the engine says. The client's own id makes
    a repeated request safe, and so does an `Idempotency-Key`: the same job is answered as it is,
    another job under the same id is refused with 409, and under the same key with 422.

    `?dryRun=true` answers what would become of the job, and starts nothing.

    The URLs in the answer have the scheme and host of `PublicUrl`, of the request where it is not set.
    Durable's hold a key to every orchestration: they are left out where the operator wants that.
    """
    is_dry = is_dry_run(request)
    submission = _submission(request, read_settings) if isinstance(is_dry, bool) else is_dry
    if not isinstance(submission, Submission):
        return submission
    if is_dry:
        return await _tried_dry(outside, submission)
    where = jobs_url(request.url, web.public_url)
    return await start(submission, instances, outside, Caller(web=web), where=where)


async def _tried_dry(outside: Outside, submission: Submission) -> func.HttpResponse:
    try:
        return await dry_run(outside, submission.spec)
    except AcijobsError as error:
        busy = "the job cannot be tried now"
        return refused(error, invalid=invalid_spec(error), too_large=TOO_LARGE, busy=busy)


async def start(
    submission: Submission,
    instances: Instances,
    outside: Outside,
    caller: Caller,
    *,
    where: str,
) -> func.HttpResponse:
    """Accept the job that was asked for, and start it; answer as `start_job` does.

    Args:
        submission: What was asked for.
        instances: The engine.
        outside: The outside.
        caller: Who asked for it.
        where: The URL of all jobs, as callers know it.
    """
    told = {} if submission.key else {"id": submission.spec.id or uuid.uuid4().hex}
    try:
        row = await submit(outside, instances, submission, told.get("id", ""))
    except AcijobsError as error:
        under = IDEMPOTENCY_KEY if submission.key else "id"
        busy = f"the job may not be accepted; repeat the request, best with this {under}"
        invalid = invalid_spec(error)
        return refused(error, invalid=invalid, too_large=TOO_LARGE, busy=busy, **told)
    return (
        _taken(submission)
        if row is None
        else await _accepted(instances, outside, row, caller, where)
    )


def _submission(
    request: func.HttpRequest, read_settings: Callable[[], DefaultJobSettings]
) -> Submission | func.HttpResponse:
    """Return the job that is asked for, or the refusal of the request."""
    if (refusal := refusal_of(request)) is not None:
        return refusal
    try:
        key = idempotency_key_of(request)
        return read_submission(request.get_body(), read_settings(), key=key)
    except AcijobsError as error:
        return refused(error, invalid=invalid_spec(error), too_large=TOO_LARGE, busy="")


def _taken(submission: Submission) -> func.HttpResponse:
    if submission.key:
        detail = f"this {IDEMPOTENCY_KEY} was sent with another job: use a new one for a new job"
        wrong = Violation(pointer=IDEMPOTENCY_KEY, detail="is in use")
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, [wrong])
    job_id = submission.spec.id
    detail = f"the id '{job_id}' belongs to another job: choose a new id, or leave it out"
    return problem(HTTPStatus.CONFLICT, detail, [Violation(pointer="#/id", detail="is in use")])


async def _accepted(
    instances: Instances, outside: Outside, row: Row, caller: Caller, where: str
) -> func.HttpResponse:
    try:
        capabilities = await asyncio.to_thread(outside.capabilities)
        links = job_links(where, row, capabilities, caller, now=outside.clock.now())
    except StorageError:  # the row is in, so the answer is 202
        links = {"jobUrl": f"{where}/{row.job_id}"}
    if caller.may_manage:
        managed = instances.links(where, row.job_id)
        body = json.loads(managed.get_body()) | links
        return json_response(HTTPStatus.ACCEPTED, body, dict(managed.headers))
    location = {"Location": links["jobUrl"]} if "jobUrl" in links else {}
    headers = {"Retry-After": RETRY_AFTER_S} | location
    return json_response(HTTPStatus.ACCEPTED, {"id": row.job_id} | links, headers)
