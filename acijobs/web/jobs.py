"""The job API: start, read and cancel."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from acijobs.domain.errors import InvalidSettingsError, InvalidSpecError, Violation
from acijobs.domain.log_window import has_lost_lines, without_stamps
from acijobs.domain.spec import MAX_BODY_BYTES, JobSpec, parse
from acijobs.web.job_requests import BodyTooLargeError, read_spec
from acijobs.web.job_view import ORCHESTRATOR, JobView, view_job
from acijobs.web.problem import json_response, problem

if TYPE_CHECKING:
    from collections.abc import Callable

    import azure.durable_functions as df
    import azure.functions as func

    from acijobs.domain.log_window import ArchivedEnd
    from acijobs.settings import Settings
    from acijobs.usecases.ports import LogArchive

MAX_LOG_BYTES = 4 * 1024 * 1024
"""Most of a log that one answer carries: its end."""

_INSTANCE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~:@-]{0,99}")
"""Ids that may be put into a URL of the Durable API as they are; no other job can exist."""


async def start_job(
    request: func.HttpRequest,
    client: df.DurableOrchestrationClient,
    read_settings: Callable[[], Settings],
) -> func.HttpResponse:
    """Start a job; answer Durable's management URLs, and `jobUrl`.

    The client's own id makes a repeated request safe: the same job is answered as it is, another
    job under the same id is refused with 409.
    """
    try:
        spec = read_spec(request.get_body(), read_settings())
    except BodyTooLargeError:
        detail = f"a job specification has at most {MAX_BODY_BYTES} bytes; put inputs in storage"
        return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
    except InvalidSpecError as error:
        return problem(HTTPStatus.BAD_REQUEST, _invalid(error.violations), error.violations)
    except InvalidSettingsError as error:
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
    job_id = spec.id or uuid.uuid4().hex
    if spec.id is None:
        await client.start_new(ORCHESTRATOR, job_id, spec.to_json())
    elif not await _start_once(client, spec, job_id):
        detail = f"the id '{job_id}' belongs to another job: choose a new id, or leave it out"
        return problem(HTTPStatus.CONFLICT, detail, [Violation(pointer="#/id", detail="is in use")])
    return _accepted(request, client, job_id)


async def read_job(
    request: func.HttpRequest,
    client: df.DurableOrchestrationClient,
    open_archive: Callable[[], LogArchive],
) -> func.HttpResponse:
    """Answer how the job is, with its log so far; `?tail=N` answers the last N lines of it."""
    tail = request.params.get("tail")
    if tail is not None and not re.fullmatch(r"[0-9]{1,9}", tail):
        return problem(HTTPStatus.BAD_REQUEST, f"tail must be a number of lines, not {tail!r}")
    job = await _find(client, request.route_params["id"])
    if job is None:
        return _unknown(request.route_params["id"])
    shown: dict[str, Any]
    try:
        kept, logs = await asyncio.to_thread(lambda: _read_log(open_archive(), job.fields["id"]))
    except Exception as error:  # noqa: BLE001 - how the job is must show even if its log cannot be read
        shown = {"logs": None, "logsError": f"the log cannot be read now: {type(error).__name__}"}
    else:
        shown = {"logs": logs if tail is None else _last_lines(logs, int(tail))}
        shown["logState"] = _log_state(job, kept)
    headers = {} if job.is_over else {"Retry-After": "5"}
    return json_response(job.http_status, job.fields | shown, headers)


async def cancel_job(
    request: func.HttpRequest,
    client: df.DurableOrchestrationClient,
    delete_group: Callable[[str], dict[str, Any]],
) -> func.HttpResponse:
    """Ask the job to end; 202 while it does, 200 when it had ended already. Twice is once.

    A job whose orchestration was terminated, or whose clean-up failed, has nobody left to delete its
    container group: then it is deleted here.
    """
    job_id = request.route_params["id"]
    job = await _find(client, job_id)
    if job is None:
        return _unknown(job_id)
    if job.is_over:
        return await _after_end(job, delete_group)
    try:
        reason = request.params.get("reason")
        await client.raise_event(job_id, "Cancel", {"reason": reason} if reason else None)
    except Exception:
        # The SDK raises nothing narrower for an instance that ended in between.
        job = await _find(client, job_id)
        if job is None or not job.is_over:
            raise
        return await _after_end(job, delete_group)
    return json_response(HTTPStatus.ACCEPTED, job.fields)


async def _after_end(
    job: JobView, delete_group: Callable[[str], dict[str, Any]]
) -> func.HttpResponse:
    if not job.may_have_left_a_group:
        return json_response(HTTPStatus.OK, job.fields)
    reply = await asyncio.to_thread(delete_group, job.fields["id"])
    done = {"gone": "Deleted", "absent": "Deleted", "notOurs": "NotOurs"}.get(reply["kind"])
    fields = {"cleanUp": done or "Pending", "cleanUpDetail": reply.get("message")}
    return json_response(HTTPStatus.OK if done else HTTPStatus.ACCEPTED, job.fields | fields)


async def _start_once(client: df.DurableOrchestrationClient, spec: JobSpec, job_id: str) -> bool:
    """Start the job unless it was started before; return False for another job under its id."""
    existing = await client.get_status(job_id, show_input=True)
    if not existing:
        try:
            await client.start_new(ORCHESTRATOR, job_id, spec.to_json())
        except Exception:
            # Two requests at once: the engine refuses one, which is then the repeated request.
            existing = await client.get_status(job_id, show_input=True)
            if not existing:
                raise
        else:
            return True
    return bool(existing.name == ORCHESTRATOR) and _is_same(existing.input_, spec)


def _is_same(started_with: Any, spec: JobSpec) -> bool:
    try:
        while isinstance(started_with, str):
            started_with = json.loads(started_with)
        return parse(started_with) == spec
    except (ValueError, InvalidSpecError):
        return False


async def _find(client: df.DurableOrchestrationClient, job_id: str) -> JobView | None:
    if not _INSTANCE_ID.fullmatch(job_id):
        return None
    return view_job(await client.get_status(job_id))


def _read_log(archive: LogArchive, job_id: str) -> tuple[ArchivedEnd, str]:
    end = archive.read_end(job_id, MAX_LOG_BYTES)
    data = end.data
    if len(data) < end.size_bytes:
        data = data[data.find(b"\n") + 1 :]
    return end, without_stamps(data.decode("utf-8", "replace"))


def _log_state(job: JobView, kept: ArchivedEnd) -> dict[str, Any]:
    """Return what the archive itself shows; the custom status is only as new as the last change."""
    known = job.fields["logState"] or {}
    truncated = bool(known.get("truncated")) or has_lost_lines(kept.data)
    return known | {"archivedBytes": kept.size_bytes, "truncated": truncated}


def _last_lines(text: str, count: int) -> str:
    start = len(text) - text.endswith("\n")
    for _ in range(count):
        start = text.rfind("\n", 0, start)
        if start < 0:
            return text
    return text[start + 1 :]


def _accepted(
    request: func.HttpRequest, client: df.DurableOrchestrationClient, job_id: str
) -> func.HttpResponse:
    started = client.create_check_status_response(request, job_id)
    url = urlsplit(request.url)
    job_url = urlunsplit((url.scheme, url.netloc, f"{url.path.rstrip('/')}/{job_id}", "", ""))
    body = json.loads(started.get_body()) | {"jobUrl": job_url}
    return json_response(HTTPStatus.ACCEPTED, body, dict(started.headers))


def _invalid(violations: tuple[Violation, ...]) -> str:
    count = len(violations)
    return f"the job specification has {count} wrong field{'s' if count > 1 else ''}: see errors"


def _unknown(job_id: str) -> func.HttpResponse:
    return problem(HTTPStatus.NOT_FOUND, f"there is no job {job_id[:100]!r}")
