"""The list of jobs, the newest first, page by page."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from acijobs.domain.codec import iso
from acijobs.domain.errors import AcijobsError, StorageError, UnreadableRowError
from acijobs.domain.job_view import JobView, view_job
from acijobs.instances import Instance
from acijobs.web.list_query import read_question
from acijobs.web.problem import json_response, refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    import azure.functions as func

    from acijobs.domain.listing import Question
    from acijobs.domain.row import Row
    from acijobs.instances import Instances
    from acijobs.usecases.ports import Listed, Outside

_PAGE = 1_000
MAX_LISTED = 5_000
"""Most entries that are looked at for one answer: five requests of storage."""

MAX_READ = 400
"""Most rows that are read for one answer."""

_AT_ONCE = 16


@dataclass(kw_only=True)
class _Page:
    """What one answer has found so far.

    Attributes:
        jobs: The jobs, as they are shown.
        next: Where the next page begins; empty where there is none.
        listed: Entries that were looked at.
        read: Rows that were read.
    """

    jobs: list[dict[str, Any]] = field(default_factory=list)
    next: str = ""
    listed: int = 0
    read: int = 0


async def list_jobs(
    request: func.HttpRequest, instances: Instances, outside: Outside
) -> func.HttpResponse:
    """Answer the jobs that the query asks for, the newest first, and where the next page begins.

    An answer takes a bounded number of requests of storage. So a page may have fewer jobs than were
    asked for, or none, and be followed by another one: the list ends where `next` is null.
    """
    try:
        question = read_question(request.url)
        page = await _page(question, instances, outside)
    except AcijobsError as error:
        return refused(
            error,
            invalid="the query has wrong parameters: see errors",
            too_large="the query is too long",
            busy="the jobs cannot be listed now",
        )
    return json_response(HTTPStatus.OK, {"jobs": page.jobs, "next": page.next or None})


async def _page(question: Question, instances: Instances, outside: Outside) -> _Page:
    page, after = _Page(), question.after
    while page.listed < MAX_LISTED:
        size = _PAGE if question.labels else min(_PAGE, question.limit)
        entries = await asyncio.to_thread(_entries, outside, after, size)
        page.listed += len(entries)
        meant = [entry for entry in entries if question.asks_for_labels(entry.labels)]
        while meant and len(page.jobs) < question.limit and page.read < MAX_READ:
            chosen = meant[: min(question.limit - len(page.jobs), MAX_READ - page.read)]
            meant = meant[len(chosen) :]
            page.read += len(chosen)
            page.jobs += await _shown(chosen, question, instances, outside)
            page.next = chosen[-1].key
        if meant:
            return page  # there are more, after the last that was read
        if len(entries) < size:
            page.next = ""
            return page
        page.next = after = entries[-1].key
        if len(page.jobs) >= question.limit or page.read >= MAX_READ:
            return page
    return page


async def _shown(
    entries: Sequence[Listed], question: Question, instances: Instances, outside: Outside
) -> list[dict[str, Any]]:
    """Return those of these jobs that there are, and that are in a state that is asked for."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def view(entry: Listed) -> dict[str, Any] | None:
        async with gate:
            row = await asyncio.to_thread(_row, entry, outside)
            if row is None:
                return None
            has_run = row.claim is not None and not row.is_closed
            instance = await instances.find(row.job_id) if has_run else Instance()
            job = view_job(row, instance)
            return _summary(row, job) if question.asks_for_state(job.state) else None

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(view(entry)) for entry in entries]
    except* StorageError as errors:  # the other reads are cancelled
        failed = next(e for e in errors.exceptions if isinstance(e, StorageError))
        raise StorageError(failed.message) from None
    return [shown for task in tasks if (shown := task.result()) is not None]


def _entries(outside: Outside, after: str, limit: int) -> tuple[Listed, ...]:
    return outside.rows().listed(after=after, limit=limit)


def _row(entry: Listed, outside: Outside) -> Row | None:
    try:
        stored = outside.rows().read(entry.job_id)
    except UnreadableRowError:  # one job that cannot be read must not hide all others
        return None
    return stored.row if stored is not None and entry.tells_of(stored.row) else None


def _summary(row: Row, job: JobView) -> dict[str, Any]:
    reason = job.fields["reason"]
    return {
        "id": row.job_id,
        "state": job.state,
        "phase": job.fields["phase"],
        "acceptedAt": iso(row.accepted_at),
        "endedAt": iso(row.closed_at) if row.closed_at else None,
        "exitCode": job.fields["exitCode"],
        "reason": reason["code"] if reason else None,
        "labels": row.labels,
        "rerunOf": row.rerun_of or None,
    }
