"""The API of logs: one container's log of one attempt, from an offset on, live while it runs."""

from __future__ import annotations

import asyncio
import re
from http import HTTPStatus
from typing import TYPE_CHECKING

import azure.functions as func

from acijobs.domain.errors import (
    InvalidQueryError,
    InvalidSettingsError,
    StorageError,
    UnknownLogError,
)
from acijobs.usecases.find_log import find_log
from acijobs.web.live_logs import TooManyWaitingError
from acijobs.web.log_request import read_log_request
from acijobs.web.log_view import view_log, view_range, view_size
from acijobs.web.problem import problem, unavailable, unknown_job

if TYPE_CHECKING:
    from acijobs.usecases.find_log import FoundLog
    from acijobs.usecases.ports import Outside
    from acijobs.web.live_logs import LiveLogs
    from acijobs.web.log_request import LogRequest
    from acijobs.web.log_view import LogView


_NOT_IN_A_HEADER = re.compile(r"[^\x20-\x7e]")


async def read_logs(
    request: func.HttpRequest, outside: Outside, live: LiveLogs
) -> func.HttpResponse:
    """Answer a part of a log as text; with `wait=S` as soon as there is something to show.

    While the container runs its log is brought up to date first, as far as `live` lets; Azure's trouble
    is told in a header. Where nothing has come the answer is empty, and goes on at the same offset.
    """
    try:
        return await _answer(read_log_request(request), outside, live)
    except InvalidQueryError as error:
        return problem(HTTPStatus.BAD_REQUEST, f"wrong parameters: {error}", error.violations)
    except UnknownLogError as error:
        return problem(HTTPStatus.NOT_FOUND, str(error), error.violations)
    except StorageError as error:
        return unavailable(f"the log cannot be read now ({error.message})")
    except TooManyWaitingError as error:
        return unavailable(f"{error}: ask again later, or without 'wait'")
    except InvalidSettingsError as error:
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))


async def _answer(asked: LogRequest, outside: Outside, live: LiveLogs) -> func.HttpResponse:
    log = await asyncio.to_thread(find_log, outside, asked.wanted)
    if log is None:
        return unknown_job(asked.wanted.job_id)
    trouble = await live.refresh(outside, log)
    if asked.known_etags and log.is_final:  # how large it is tells whether it must be read at all
        size = await asyncio.to_thread(lambda: view_size(outside.logs(), log))
        if asked.is_known(size.etag):
            return _unchanged(size, trouble)
    if (part := asked.part) is not None:
        shown = await asyncio.to_thread(lambda: view_range(outside.logs(), log, part))
        if asked.if_range in {"", shown.etag}:
            return _part(shown, trouble)
    shown = await _viewed(outside, log, asked)
    if asked.wait_s and not shown.data and not shown.is_at_end:
        with live.waiting(log.job_id):
            return await _waited(asked, shown, outside, live)
    return _text(asked, shown, trouble)


async def _waited(
    asked: LogRequest, shown: LogView, outside: Outside, live: LiveLogs
) -> func.HttpResponse:
    """Answer as soon as there is something to show, the log is at its end, or time is over."""
    until, log, trouble = live.now() + asked.wait_s, shown.log, ""
    while not shown.data and not shown.is_at_end and live.now() < until:
        look = await live.next_look(outside, log, until - live.now())
        if look is None:
            break
        if look.log is None:
            return unknown_job(asked.wanted.job_id)
        log, trouble = look.log, look.trouble
        if log != shown.log or look.size_bytes != shown.size_bytes:
            shown = await _viewed(outside, log, asked)
    return _text(asked, shown, trouble)


async def _viewed(outside: Outside, log: FoundLog, asked: LogRequest) -> LogView:
    # The archive, too, is made in the thread: for the first time that imports an SDK.
    return await asyncio.to_thread(lambda: view_log(outside.logs(), log, asked))


def _text(asked: LogRequest, shown: LogView, trouble: str) -> func.HttpResponse:
    if asked.is_known(shown.etag):
        return _unchanged(shown, trouble)
    is_archive = asked.timestamps and not asked.offset and asked.tail is None
    headers = _headers(shown, trouble) | {"Accept-Ranges": "bytes" if is_archive else "none"}
    return func.HttpResponse(shown.data, headers=headers, mimetype="text/plain", charset="utf-8")


def _part(shown: LogView, trouble: str) -> func.HttpResponse:
    headers = _headers(shown, trouble) | {"Accept-Ranges": "bytes"}
    if not shown.data:
        detail = f"the archive has {shown.size_bytes} bytes, and none in this range"
        headers |= {"Content-Range": f"bytes */{shown.size_bytes}"}
        return problem(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, detail, headers=headers)
    last = shown.offset + len(shown.data) - 1
    headers |= {"Content-Range": f"bytes {shown.offset}-{last}/{shown.size_bytes}"}
    status = HTTPStatus.PARTIAL_CONTENT.value
    return func.HttpResponse(shown.data, status_code=status, headers=headers, charset="utf-8")


def _unchanged(shown: LogView, trouble: str) -> func.HttpResponse:
    status = HTTPStatus.NOT_MODIFIED.value
    return func.HttpResponse(status_code=status, headers=_headers(shown, trouble))


def _headers(shown: LogView, trouble: str) -> dict[str, str]:
    log, next_attempt = shown.log, shown.log.next_attempt
    goes_on = shown.is_at_end and next_attempt is not None
    known = {
        "X-Log-Container": log.container,
        "X-Log-Attempt": str(log.attempt),
        "X-Log-Offset": str(shown.offset),
        "X-Log-Bytes": str(shown.size_bytes),
        "X-Next-Attempt": str(next_attempt if goes_on else log.attempt),
        "X-Next-Offset": str(0 if goes_on else shown.next_offset),
        "X-Log-Complete": _flag(shown.is_at_end and not goes_on),
        "X-Log-Truncated": _flag(shown.truncated),
        "X-Log-Trouble": _NOT_IN_A_HEADER.sub("?", trouble),
        "ETag": shown.etag,
        "Cache-Control": "private, no-cache" if log.is_final else "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return {name: value for name, value in known.items() if value}


def _flag(value: bool) -> str:  # noqa: FBT001 - a word for a value
    return "true" if value else "false"
