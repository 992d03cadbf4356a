"""Forgets jobs whose end is long ago: their history, their logs, and last their rows.

It is a part of the Reconciler's round. What it does to a job can be cut short anywhere, and is then
done again from the start: the row, which decides, goes last, and only as it was read.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from acijobs.domain.errors import RowConflictError, UnreadableRowError
from acijobs.domain.listing import first_key_at
from acijobs.domain.retention import is_expired, may_be_purged
from acijobs.instances import MOST_CHILDREN
from acijobs.log_lines import tell, words_of
from acijobs.usecases.ports import RETENTION

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from acijobs.instances import Instance, Instances
    from acijobs.usecases.ports import Listed, Outside, StoredRow

MAX_FORGOTTEN = 200
"""Most jobs that one round forgets: about 288,000 a day."""

MAX_LOOKED_AT = 1_000
"""Most entries of old jobs that one round looks at."""

_AT_ONCE = 8


class Forgetting:
    """One round's part of forgetting jobs.

    Args:
        outside: The outside.
        instances: The jobs' orchestrations.
        give_up_at: When the round is out of time, by `time.monotonic`.

    Attributes:
        forgotten: Jobs of which nothing is left.
    """

    def __init__(self, outside: Outside, instances: Instances, *, give_up_at: float) -> None:
        self._outside = outside
        self._instances = instances
        self._give_up_at = give_up_at
        self.forgotten = 0

    async def run(self, now: datetime) -> None:
        """Forget jobs that ended before the retention time, from where the last round stopped.

        The list is ordered by when jobs were accepted, the newest first, and an old job may run still.
        So a round goes on where the last one stopped, and begins anew where the list ends.
        """
        cutoff = self._outside.retention().cutoff(now)
        if cutoff is None:
            return
        rows, first = self._outside.rows(), first_key_at(cutoff)
        bookmark = await asyncio.to_thread(rows.bookmark, RETENTION)
        after = max(first, bookmark)
        entries = await asyncio.to_thread(rows.listed, after=after, limit=MAX_LOOKED_AT)
        place = after
        try:
            for some in _batched(entries, _AT_ONCE):
                if self._is_over:
                    break
                place = some[
                    -1
                ].key  # also where one of them fails: it must not keep others waiting
                await self._all(some, now=now, cutoff=cutoff)
        finally:
            is_end = not entries or place == entries[-1].key
            place = "" if is_end and len(entries) < MAX_LOOKED_AT else place
            if place != bookmark:
                await asyncio.to_thread(rows.set_bookmark, place, RETENTION)

    @property
    def _is_over(self) -> bool:
        return self.forgotten >= MAX_FORGOTTEN or time.monotonic() > self._give_up_at

    async def _all(self, entries: Sequence[Listed], *, now: datetime, cutoff: datetime) -> None:
        jobs = (self._forget(entry, now=now, cutoff=cutoff) for entry in entries)
        for done in await asyncio.gather(*jobs, return_exceptions=True):
            if isinstance(done, BaseException):
                raise done

    async def _forget(self, entry: Listed, *, now: datetime, cutoff: datetime) -> None:
        rows, logs = self._outside.rows(), await asyncio.to_thread(self._outside.logs)
        # First: what is there now is the old job's. A later one of its id begins when the row is gone.
        try:
            stored = await asyncio.to_thread(rows.read, entry.job_id)
        except UnreadableRowError:  # left alone until somebody mends it
            return
        if stored is None or not entry.tells_of(stored.row):
            await asyncio.to_thread(rows.unlist, entry)
            return
        if not is_expired(stored.row, cutoff):
            return
        keys = await asyncio.to_thread(logs.keys, entry.job_id)
        if not await self._is_still(stored) or not await self._purge(entry.job_id, now):
            return
        for key in keys:
            await asyncio.to_thread(logs.remove, key)
        try:
            await asyncio.to_thread(rows.remove, stored)
        except RowConflictError:
            return  # somebody else forgot it, or changed it
        await asyncio.to_thread(rows.unlist, entry)
        self.forgotten += 1
        tell("forgotten", job=entry.job_id)

    async def _is_still(self, stored: StoredRow) -> bool:
        """Tell whether the job is as it was read: then its logs that were found are its own."""
        again = await asyncio.to_thread(self._outside.rows().read, stored.row.job_id)
        return again is not None and again.version == stored.version

    async def _purge(self, job_id: str, now: datetime) -> bool:
        """Forget the histories of the job and of its watches; tell whether none is left.

        Each by its own id, after a look at it. One that is alive is ended, and purged by a later round.
        """
        children = await self._instances.find_all_children(job_id)
        may_be_more = children is not None and len(children) >= MOST_CHILDREN
        parent = await self._instances.find(job_id)
        if children is None or not parent.answered:
            return False
        found = children
        if parent.runtime_status and not may_be_more:
            found = children | {job_id: parent}
        purged = [await self._purge_one(name, found[name], now) for name in found]
        return all(purged) and not may_be_more

    async def _purge_one(self, instance_id: str, instance: Instance, now: datetime) -> bool:
        if instance.is_alive:
            await self._instances.terminate(instance_id, "the job is forgotten")
            return False
        if not may_be_purged(is_alive=False, updated_at=instance.updated_at, now=now):
            return False
        return await self._instances.purge(instance_id)


async def forget(
    outside: Outside, instances: Instances, *, now: datetime, give_up_at: float
) -> int:
    """Forget old jobs as `Forgetting.run` does; return how many. What goes wrong waits for later."""
    forgetting = Forgetting(outside, instances, give_up_at=give_up_at)
    try:
        await forgetting.run(now)
    except Exception as error:  # noqa: BLE001 - one old job must not end rounds that others live by
        tell("notForgotten", level=logging.WARNING, message=words_of(error))
    return forgetting.forgotten


def _batched(entries: tuple[Listed, ...], size: int) -> Iterator[tuple[Listed, ...]]:
    """Return the entries in batches, in order; `itertools` has this from Python 3.12 on."""
    for start in range(0, len(entries), size):
        yield entries[start : start + size]
