"""The job API: start, read and cancel."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from acijobs.domain.codec import encode
from acijobs.domain.errors import (
    BodyTooLargeError,
    BusyError,
    InvalidSettingsError,
    InvalidSpecError,
    RefusedError,
    RowExistsError,
    StorageError,
    Violation,
)
from acijobs.domain.job_id import is_valid
from acijobs.domain.messages import Finished
from acijobs.domain.outcome import Outcome
from acijobs.domain.public_text import public_text
from acijobs.domain.row import Row, Terms, cancelled
from acijobs.domain.spec.job import MAX_BODY_BYTES
from acijobs.instances import Instance, Instances
from acijobs.log_lines import tell
from acijobs.usecases.changing import change
from acijobs.usecases.finish_job import End, end_job
from acijobs.web.job_headers import refusal_of
from acijobs.web.job_logs import read_log
from acijobs.web.job_requests import Submission, read_submission
from acijobs.web.job_view import JobView, view_job
from acijobs.web.problem import json_response, problem

if TYPE_CHECKING:
    from collections.abc import Callable

    import azure.functions as func

    from acijobs.settings.jobs import DefaultJobSettings
    from acijobs.usecases.ports import Outside, StoredRow

_RETRY_AFTER_S = "5"


async def start_job(
    request: func.HttpRequest,
    instances: Instances,
    outside: Outside,
    read_settings: Callable[[], DefaultJobSettings],
    *,
    public_url: str = "",
) -> func.HttpResponse:
    """Start a job; answer Durable's management URLs, and `jobUrl`.

    Once the job's row is stored the answer is 202, whatever the engine says. The client's own id makes
    a repeated request safe: the same job is answered as it is, another job under the same id is
    refused with 409.

    The URLs in the answer have the scheme and host of `public_url`, of the request where it is empty.
    """
    submission = _submission(request, read_settings)
    if not isinstance(submission, Submission):
        return submission
    job_id = submission.spec.id or uuid.uuid4().hex
    try:
        row = await asyncio.to_thread(_accept, outside, submission, job_id)
    except StorageError as error:
        detail = f"the job was not accepted, because storage did not answer ({error.message})"
        return _unavailable(f"{detail}; repeat the request, best with this id", id=job_id)
    if row is None:
        detail = f"the id '{job_id}' belongs to another job: choose a new id, or leave it out"
        return problem(HTTPStatus.CONFLICT, detail, [Violation(pointer="#/id", detail="is in use")])
    if row.claim is None and not row.is_closed:
        await instances.start(job_id, row.offer)
    return _accepted(request.url, public_url, instances, job_id)


def _submission(
    request: func.HttpRequest, read_settings: Callable[[], DefaultJobSettings]
) -> Submission | func.HttpResponse:
    """Return the job that is asked for, or the refusal of the request."""
    if (refusal := refusal_of(request)) is not None:
        return refusal
    try:
        return read_submission(request.get_body(), read_settings())
    except BodyTooLargeError:
        detail = f"a job specification has at most {MAX_BODY_BYTES} bytes; put inputs in storage"
        return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
    except InvalidSpecError as error:
        return problem(HTTPStatus.BAD_REQUEST, _invalid(error.violations), error.violations)
    except InvalidSettingsError as error:
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))


def _accept(outside: Outside, submission: Submission, job_id: str) -> Row | None:
    """Store the job unless it was before; return its row, None for another job under its id."""
    rows, spec = outside.rows(), submission.spec
    row = Row(
        job_id=job_id,
        digest=submission.digest(rows.store().digest_key),
        accepted_at=outside.clock.now(),
        terms=Terms.of(spec),
    )
    try:
        accepted = rows.insert(row, spec.to_json())
    except RowExistsError:
        existing = rows.read(job_id)
        is_same = existing is not None and existing.row.digest == row.digest
        return existing.row if existing is not None and is_same else None
    tell("accepted", job=job_id, image=spec.image)
    return accepted.row


async def read_job(
    request: func.HttpRequest, instances: Instances, outside: Outside
) -> func.HttpResponse:
    """Answer how the job is, with its log so far; `?tail=N` answers the last N lines of it."""
    tail = request.params.get("tail")
    if tail is not None and not re.fullmatch(r"[0-9]{1,9}", tail):
        return problem(HTTPStatus.BAD_REQUEST, f"tail must be a number of lines, not {tail!r}")
    job_id = request.route_params["id"]
    try:
        stored = await _find(outside, job_id)
    except StorageError as error:
        return _unavailable(f"the job cannot be read now ({error.message})")
    except InvalidSettingsError as error:
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
    if stored is None:
        return _unknown(job_id)
    row = stored.row
    job = view_job(row, Instance() if row.is_closed else await instances.find(job_id))
    shown = await _shown_log(outside, row, job, tail)
    headers = {} if job.is_over else {"Retry-After": _RETRY_AFTER_S}
    return json_response(job.http_status, job.fields | shown, headers)


async def _shown_log(outside: Outside, row: Row, job: JobView, tail: str | None) -> dict[str, Any]:
    try:
        log = await asyncio.to_thread(read_log, outside, row)
    except Exception as error:  # noqa: BLE001 - how the job is must show even if its log cannot be read
        return {"logs": None, "logsError": f"the log cannot be read now: {type(error).__name__}"}
    known = job.fields["logState"]
    if tail is not None:
        log = log.last_lines(int(tail))
    return {
        "logs": log.text,
        # The archive itself: the custom status is only as new as the last change.
        "logState": known
        | {
            "archivedBytes": log.archived_bytes,
            "truncated": known["truncated"] or log.truncated,
            "partial": log.is_part,
        },
    }


async def cancel_job(
    request: func.HttpRequest, instances: Instances, outside: Outside
) -> func.HttpResponse:
    """Ask the job to end; 202 while it does, 200 when nothing is left to do.

    The request is stored in the job's row, so that it is not lost; the event only makes it quicker. A
    job that nobody drives any more, or whose clean-up is not done, is ended here; so is one that is
    suspended, and would not hear.
    """
    job_id, why = request.route_params["id"], request.params.get("reason") or ""
    try:
        stored = await _find(outside, job_id)
        if stored is None:
            return _unknown(job_id)
        asked = await asyncio.to_thread(_ask_to_end, outside, stored, why)
        instance = Instance() if asked.row.is_closed else await instances.find(job_id)
        if instance.may_hear:
            await instances.cancel(job_id, why)
            return json_response(HTTPStatus.ACCEPTED, view_job(asked.row, instance).fields)
        return await asyncio.to_thread(_end, outside, asked, why)
    except BusyError as error:
        return _unavailable(f"the job cannot be cancelled now ({error.message})")
    except InvalidSettingsError as error:
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))


def _ask_to_end(outside: Outside, stored: StoredRow, why: str) -> StoredRow:
    now = outside.clock.now()
    asked = change(outside.rows(), stored, lambda row: cancelled(row, why=why, now=now))
    if asked is None:  # closed, or asked before
        return outside.rows().read(stored.row.job_id) or stored
    tell("cancelRequested", job=asked.row.job_id)
    return asked


def _end(outside: Outside, stored: StoredRow, why: str) -> func.HttpResponse:
    if stored.row.settled:
        return json_response(HTTPStatus.OK, view_job(stored.row, Instance()).fields)
    detail: dict[str, Any] = {}
    try:
        reply = end_job(outside, stored, End(outcome=Outcome.cancelled(why)))
        is_done = isinstance(reply, Finished)
        if not is_done:
            detail = {"cleanUpDetail": encode(reply).get("message")}
    except (BusyError, RefusedError, InvalidSettingsError) as error:
        is_done, detail = False, {"cleanUpDetail": public_text(str(error))[:300]}
    current = outside.rows().read(stored.row.job_id) or stored
    fields = view_job(current.row, Instance()).fields | detail
    return json_response(HTTPStatus.OK if is_done else HTTPStatus.ACCEPTED, fields)


async def _find(outside: Outside, job_id: str) -> StoredRow | None:
    if not is_valid(job_id):
        return None
    return await asyncio.to_thread(lambda: outside.rows().read(job_id))


def _accepted(called: str, public_url: str, instances: Instances, job_id: str) -> func.HttpResponse:
    url = urlsplit(called)
    if public_url:
        url = url._replace(scheme="https", netloc=urlsplit(public_url).netloc)
    started = instances.links(urlunsplit(url), job_id)
    job_url = urlunsplit((url.scheme, url.netloc, f"{url.path.rstrip('/')}/{job_id}", "", ""))
    body = json.loads(started.get_body()) | {"jobUrl": job_url}
    return json_response(HTTPStatus.ACCEPTED, body, dict(started.headers))


def _invalid(violations: tuple[Violation, ...]) -> str:
    count = len(violations)
    return f"the job specification has {count} wrong field{'s' if count > 1 else ''}: see errors"


def _unknown(job_id: str) -> func.HttpResponse:
    return problem(HTTPStatus.NOT_FOUND, f"there is no job {job_id[:100]!r}")


def _unavailable(detail: str, **known: Any) -> func.HttpResponse:
    return problem(
        HTTPStatus.SERVICE_UNAVAILABLE, detail, headers={"Retry-After": _RETRY_AFTER_S}, **known
    )
