"""The job API: read and cancel; starting is `acijobs.web.job_start`."""

from __future__ import annotations

import asyncio
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from acijobs.domain.codec import encode
from acijobs.domain.errors import (
    BusyError,
    InvalidSettingsError,
    RefusedError,
    StorageError,
    Violation,
)
from acijobs.domain.job_account import account
from acijobs.domain.job_id import is_valid
from acijobs.domain.job_view import JobView, view_job
from acijobs.domain.messages import Finished
from acijobs.domain.outcome import Outcome
from acijobs.domain.public_text import public_text
from acijobs.domain.row import Row, cancelled
from acijobs.domain.told import Told
from acijobs.instances import Instance, Instances
from acijobs.log_lines import tell
from acijobs.usecases.changing import change
from acijobs.usecases.finish_job import End, end_job
from acijobs.web.job_logs import read_log
from acijobs.web.links import called_at
from acijobs.web.parameters import unknown_parameters
from acijobs.web.problem import (
    RETRY_AFTER_S,
    json_response,
    problem,
    unavailable,
    unknown_job,
    wrong_parameters,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    import azure.functions as func

    from acijobs.usecases.ports import Outside, StoredRow

MAX_GRACE_SECONDS = 600
"""Longest time that a cancelled container may be given."""


async def read_job(
    request: func.HttpRequest, instances: Instances, outside: Outside, *, public_url: str = ""
) -> func.HttpResponse:
    """Answer how the job is, with the end of its log; `?tail=N` answers the last N lines of it.

    The URL of its logs has the scheme and host of `public_url`, of the request where it is empty.
    """
    tail = request.params.get("tail")
    if tail is not None and not re.fullmatch(r"[0-9]{1,9}", tail):
        return problem(HTTPStatus.BAD_REQUEST, f"tail must be a number of lines, not {tail!r}")
    job_id = request.route_params["id"]
    try:
        stored = await _find(outside, job_id)
        told, instance = await _live(outside, instances, stored)
    except StorageError as error:
        return unavailable(f"the job cannot be read now ({error.message})")
    except InvalidSettingsError as error:
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
    if stored is None:
        return unknown_job(job_id)
    row = stored.row
    job = view_job(row, instance, told)
    logs_url = f"{called_at(request.url, public_url)}/logs"
    shown = await _shown_log(outside, row, job, tail, logs_url)
    headers = {} if job.is_over else {"Retry-After": RETRY_AFTER_S}
    known = account(row, outside.clock.now(), job.fields["timeline"])
    return json_response(job.http_status, job.fields | known | shown, headers)


async def _shown_log(
    outside: Outside, row: Row, job: JobView, tail: str | None, logs_url: str
) -> dict[str, Any]:
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
            "url": logs_url,
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
    grace = request.params.get("graceSeconds")
    if wrong := _wrong_of_cancel(request.params):
        return wrong_parameters(wrong)
    try:
        stored = await _find(outside, job_id)
        if stored is None:
            return unknown_job(job_id)
        asked = await asyncio.to_thread(_ask_to_end, outside, stored, why, grace)
        instance = Instance() if asked.row.is_closed else await instances.find(job_id)
        if instance.may_hear:
            await instances.cancel(job_id, why)
            return json_response(HTTPStatus.ACCEPTED, _without_log(outside, asked.row, instance))
        return await asyncio.to_thread(_end, outside, asked, why)
    except BusyError as error:
        return unavailable(f"the job cannot be cancelled now ({error.message})")
    except InvalidSettingsError as error:
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))


def _wrong_of_cancel(given: Mapping[str, str]) -> list[Violation]:
    wrong = unknown_parameters(given, ("reason", "graceSeconds"))
    grace = given.get("graceSeconds", "0")
    if not _is_grace(grace):
        detail = f"must be a whole number from 0 to {MAX_GRACE_SECONDS}, not {grace[:100]!r}"
        wrong.append(Violation(pointer="?graceSeconds", detail=detail))
    return wrong


def _is_grace(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,4}", text) is not None and int(text) <= MAX_GRACE_SECONDS


def _ask_to_end(outside: Outside, stored: StoredRow, why: str, grace: str | None) -> StoredRow:
    now, grace_seconds = outside.clock.now(), None if grace is None else int(grace)
    asked = change(
        outside.rows(),
        stored,
        lambda row: cancelled(row, why=why, now=now, grace_seconds=grace_seconds),
    )
    if asked is None:  # closed, or asked before
        return outside.rows().read(stored.row.job_id) or stored
    tell("cancelRequested", job=asked.row.job_id)
    return asked


def _end(outside: Outside, stored: StoredRow, why: str) -> func.HttpResponse:
    if stored.row.settled:
        return json_response(HTTPStatus.OK, _without_log(outside, stored.row, Instance()))
    detail: dict[str, Any] = {}
    try:
        reply = end_job(outside, stored, End(outcome=Outcome.cancelled(why), ignores_keep=True))
        is_done = isinstance(reply, Finished)
        if not is_done:
            detail = {"cleanUpDetail": encode(reply).get("message")}
    except (BusyError, RefusedError, InvalidSettingsError) as error:
        is_done, detail = False, {"cleanUpDetail": public_text(str(error))[:300]}
    current = outside.rows().read(stored.row.job_id) or stored
    fields = _without_log(outside, current.row, Instance()) | detail
    return json_response(HTTPStatus.OK if is_done else HTTPStatus.ACCEPTED, fields)


def _without_log(outside: Outside, row: Row, instance: Instance) -> dict[str, Any]:
    fields = view_job(row, instance).fields
    return fields | account(row, outside.clock.now(), fields["timeline"])


async def _find(outside: Outside, job_id: str) -> StoredRow | None:
    if not is_valid(job_id):
        return None
    return await asyncio.to_thread(lambda: outside.rows().read(job_id))


async def _live(
    outside: Outside, instances: Instances, stored: StoredRow | None
) -> tuple[Told, Instance]:
    """Return what an open job tells of itself, and its run of it, both asked at once."""
    if stored is None or stored.row.is_closed:
        return Told(), Instance()
    job_id, finding = stored.row.job_id, instances.find(stored.row.job_id)
    if not stored.row.has_begun:
        return Told(), await finding
    telling = asyncio.to_thread(lambda: outside.rows().told(job_id))
    told, instance = await asyncio.gather(telling, finding)
    return told.told, instance
