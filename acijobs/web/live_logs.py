"""Reads the logs of running containers for those who look at them, in one process.

Whoever asks for a log has it brought up to date first, by the same fetch that the watch makes: the
archive is the cursor, and an append that comes second is refused, so both may go on side by side. All
who ask at once share one fetch, and all who wait for more share one look, so that what a log costs does
not depend on how many read it. Nobody who waits holds a thread.

Azure's budget of reads is everybody's, so the fetches of a job, and those of all jobs, have a least
distance, and pause where Azure asks for it. What is not fetched here comes with the watch.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from acijobs.domain.errors import AcijobsError, ArchiveConflictError, BusyError, StorageError
from acijobs.log_lines import tell, words_of
from acijobs.usecases.fetch_logs import LOG_TROUBLES, LogSource, fetch_log
from acijobs.usecases.find_log import WantedLog, find_log

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from acijobs.domain.messages import Fetched
    from acijobs.usecases.find_log import FoundLog
    from acijobs.usecases.ports import Outside

FETCH_INTERVAL_S = 1.0
"""Least time between two fetches of a job's logs."""

_MOST_FETCHES_PER_S = 5.0
"""Fetches of all jobs in one process: a fifth of what a subscription may read in the long run."""

_MOST_LOOKS_PER_S = 20.0
"""Looks at all logs that somebody waits for: each reads a row, and the archive's size."""

_WORK_SHARE = 10.0
"""Least time between two fetches, as a multiple of what one takes: a window may have 4 MB."""

_PATIENCE_S = 3.0
"""How long a reader waits for a fetch; then it gets what is archived."""

_PAUSE_S = 5.0
"""How long a log is not fetched after Azure refused it, or all where Azure is busy, at least."""

_LONGEST_PAUSE_S = 600.0
"""Longest Retry-After obeyed: a wrong header must not stop reading for ever."""

_RECENT_S = 3.0
"""How long a log counts as read after it was asked for, where it is not read more seldom."""

_NO_LOG_INTERVAL_S = 3.0
"""Least time between two fetches of a log that Azure does not have yet."""

_MAX_FETCHES_AT_ONCE = 8
_MAX_KEPT = 1_000

MAX_WAITING = 200
"""Most requests of one process that wait for more of a log."""

MAX_WAITING_OF_JOB = MAX_WAITING // 2
"""Most of them for one job: whoever has one job's link must not keep those of others from waiting."""


class TooManyWaitingError(AcijobsError):
    """As many requests wait for more of a log as one process lets, or one job has of them."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """What a look at a log showed.

    Attributes:
        log: The log as it is now; None where its job is not there any more.
        size_bytes: Size of its archive.
        trouble: Why Azure's newest part of it could not be fetched; empty where it was, or need not be.
    """

    log: FoundLog | None
    size_bytes: int = 0
    trouble: str = ""


@dataclass(kw_only=True)
class _Read:
    """A log that somebody reads."""

    job_id: str
    asked_at: float = -math.inf
    fetched_at: float = -math.inf
    took_s: float = 0.0
    paused_until: float = -math.inf
    size_bytes: int = 0
    trouble: str = ""
    fetch: asyncio.Task[None] | None = None
    look: asyncio.Task[Look] | None = None

    def is_read(self, now: float) -> bool:
        """Whether somebody waits for it, or has asked for it lately."""
        return self.look is not None or self.asked_at > now - _RECENT_S


@dataclass(kw_only=True)
class LiveLogs:
    """The logs that are read now in this process; see the module.

    Attributes:
        now: A clock that only goes forward, in seconds.
        sleep: Waits without holding a thread.
        max_waiting: Most requests that wait at once.
        max_waiting_of_job: Most of them for one job.
    """

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    max_waiting: int = MAX_WAITING
    max_waiting_of_job: int = MAX_WAITING_OF_JOB
    _reads: dict[str, _Read] = field(default_factory=dict)
    _waiting: Counter[str] = field(default_factory=Counter)
    _fetches: int = 0
    _paused_until: float = -math.inf
    _threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(_MAX_FETCHES_AT_ONCE, "acijobs-live")
    )

    async def refresh(self, outside: Outside, log: FoundLog) -> str:
        """Bring a running container's log up to date, if that is due.

        Returns:
            Why that failed when it was last tried; empty where it did not.
        """
        if not log.is_live:
            return ""
        read = self._read(log)
        if read.fetch is None and self._is_due(read):
            read.fetched_at = self.now()
            read.fetch = asyncio.create_task(self._fetch(outside, log, read))
        if read.fetch is not None:
            _, slow = await asyncio.wait({read.fetch}, timeout=_PATIENCE_S)
            if slow:
                return "Azure has not answered yet"
        return read.trouble

    @contextmanager
    def waiting(self, job_id: str) -> Iterator[None]:
        """Count a request that waits for a log of this job, while it does.

        Raises:
            TooManyWaitingError: as many wait as may.
        """
        of_all, of_job = self._waiting.total(), self._waiting[job_id]
        if of_all >= self.max_waiting or of_job >= self.max_waiting_of_job:
            raise TooManyWaitingError(f"{of_all} requests wait for more of a log already")
        self._waiting[job_id] += 1
        try:
            yield
        finally:
            self._waiting[job_id] -= 1
            self._waiting += Counter()  # without those of which none waits

    async def next_look(self, outside: Outside, log: FoundLog, within_s: float) -> Look | None:
        """Return the next look at a log, which all who wait for it share; None where time is over.

        Raises:
            StorageError: the job's row, or the archive, cannot be read now.
        """
        read = self._read(log)
        if read.look is None:
            read.look = asyncio.create_task(self._look(outside, log, read))
            read.look.add_done_callback(_retrieve)
        look = read.look
        done, _ = await asyncio.wait({look}, timeout=within_s)
        return look.result() if done else None

    async def _look(self, outside: Outside, log: FoundLog, read: _Read) -> Look:
        try:
            await self.sleep(max(FETCH_INTERVAL_S, self._followed() / _MOST_LOOKS_PER_S))
            wanted = WantedLog(job_id=log.job_id, attempt=log.attempt, container=log.container)
            found = await asyncio.to_thread(find_log, outside, wanted)
            if found is None or found.group is None:
                return Look(log=found)
            before_s = read.fetched_at
            trouble = await self.refresh(outside, found)
            if trouble or read.fetched_at == before_s:  # the watch may have appended something
                size = await asyncio.to_thread(_size, outside, found.key, read.size_bytes)
                read.size_bytes = max(read.size_bytes, size)
            return Look(log=found, size_bytes=read.size_bytes, trouble=trouble)
        finally:
            read.look = None

    async def _fetch(self, outside: Outside, log: FoundLog, read: _Read) -> None:
        begun, self._fetches = self.now(), self._fetches + 1
        loop = asyncio.get_running_loop()
        try:
            fetched = await loop.run_in_executor(
                self._threads, _fetched, outside, log, read.size_bytes
            )
            read.size_bytes, read.trouble = max(read.size_bytes, fetched.archived_bytes), ""
            if not fetched.found:  # an image may be pulled for minutes
                read.paused_until = begun + _NO_LOG_INTERVAL_S
        except ArchiveConflictError:  # others bring it up to date meanwhile
            read.trouble = ""
        except Exception as error:  # noqa: BLE001 - what is archived is shown whatever is wrong here
            read.trouble = words_of(error)
            self._pause(read, error)
            if not isinstance(error, LOG_TROUBLES):  # the reader is told, and cannot mend it
                tell("logNotRead", level=logging.ERROR, job=log.job_id, message=read.trouble)
        finally:
            read.took_s, read.fetch = self.now() - begun, None
            self._fetches -= 1

    def _pause(self, read: _Read, error: Exception) -> None:
        asked_s = getattr(error, "retry_after_s", None) or 0.0
        read.paused_until = self.now() + min(max(asked_s, _PAUSE_S), _LONGEST_PAUSE_S)
        if isinstance(error, BusyError) and error.is_brief and not isinstance(error, StorageError):
            # Throttled, or overloaded: so it is for all logs.
            self._paused_until = read.paused_until

    def _is_due(self, read: _Read) -> bool:
        now, paused_until = self.now(), max(self._paused_until, read.paused_until)
        if self._fetches >= _MAX_FETCHES_AT_ONCE or now < paused_until:
            return False
        others = [r for r in self._reads.values() if r.is_read(now)]
        of_job = [r for r in others if r.job_id == read.job_id]
        if now - max(r.fetched_at for r in of_job) < FETCH_INTERVAL_S:
            return False
        least_s = (FETCH_INTERVAL_S * len(of_job), len(others) / _MOST_FETCHES_PER_S)
        return now - read.fetched_at >= max(*least_s, read.took_s * _WORK_SHARE)

    def _followed(self) -> int:
        return sum(read.look is not None for read in self._reads.values())

    def _read(self, log: FoundLog) -> _Read:
        name = f"{log.key or log.job_id} {log.attempt}"
        if len(self._reads) >= _MAX_KEPT and name not in self._reads:
            self._forget_old()
        read = self._reads.setdefault(name, _Read(job_id=log.job_id))
        read.asked_at = self.now()
        return read

    def _forget_old(self) -> None:
        old = sorted(self._reads.items(), key=lambda item: item[1].asked_at)[: _MAX_KEPT // 2]
        for name, read in old:
            if read.look is None and read.fetch is None:
                del self._reads[name]


def _retrieve(look: asyncio.Task[Look]) -> None:
    """Take note of what went wrong, though everybody who waited has been answered meanwhile."""
    if not look.cancelled():
        look.exception()


def _fetched(outside: Outside, log: FoundLog, known_bytes: int) -> Fetched:
    assert log.group is not None
    source = LogSource.of(outside, log.group, log.container)
    most = outside.poll_policy().most_followed_appends(log.run_seconds)
    return fetch_log(source, has_ended=False, known_bytes=known_bytes, most_appends=most)


def _size(outside: Outside, key: str, known_bytes: int) -> int:
    return outside.logs().read_end(key, 1, known_bytes=known_bytes).size_bytes
