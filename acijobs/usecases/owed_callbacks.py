"""Makes the callbacks that no orchestration makes any more: some at a time, and not for ever."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from acijobs.domain.errors import StorageError
from acijobs.usecases.one_job import trouble_of
from acijobs.usecases.send_callback import call_back

if TYPE_CHECKING:
    from collections.abc import Iterable

    from acijobs.usecases.ports import Outside

_AT_ONCE = 3
"""As many as a process sends at once."""


async def make_owed(outside: Outside, job_ids: Iterable[str], *, within_s: float) -> bool:
    """Make one try for each of these jobs; tell whether the time sufficed.

    Receivers that do not answer take ten seconds each, and must not keep others' jobs waiting.

    Raises:
        StorageError: storage did not answer.
    """
    gate, give_up_at = asyncio.Semaphore(_AT_ONCE), time.monotonic() + within_s
    failed: list[StorageError] = []

    async def make(job_id: str) -> bool:
        async with gate:
            if failed or time.monotonic() > give_up_at:
                return False
            try:
                with trouble_of(job_id):
                    await asyncio.to_thread(call_back, outside, job_id)
            except StorageError as error:
                failed.append(error)
        return True

    made = await asyncio.gather(*(make(job_id) for job_id in job_ids))
    if failed:
        raise failed[0]
    return all(made)
