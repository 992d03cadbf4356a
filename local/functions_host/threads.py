"""Threads that run the app's code, kept off the event loop.

`concurrent.futures` would do, at some thirty microseconds per call; the durable engine makes a dozen
calls per small orchestration, and needs daemon threads so that a function that never returns cannot
hold up the end of the process.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections import deque
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Job = Callable[[], Any]
    Done = Callable[[Any], None]


class WorkerPool:
    """Runs jobs on at most `size` daemon threads, started when they are needed.

    Used from one event loop, to which results come back, many per wake-up.

    Args:
        name: Prefix of the threads' names.
        size: The most threads at one time.
    """

    def __init__(self, name: str, size: int) -> None:
        self._name = name
        self._size = size
        self._loop: asyncio.AbstractEventLoop | None = None
        self._jobs: SimpleQueue[tuple[Job, Done] | None] = SimpleQueue()
        self._results: deque[tuple[Done, Any]] = deque()
        self._is_woken = False
        self._threads: list[threading.Thread] = []
        self._busy = 0

    def submit(self, job: Job, done: Done) -> None:
        """Run `job` on a thread, then `done(result)` on the event loop; `job` must not raise."""
        self._loop = self._loop or asyncio.get_running_loop()
        self._busy += 1
        if self._busy > len(self._threads) and len(self._threads) < self._size:
            self._start_thread()
        self._jobs.put((job, done))

    def run(self, call: Job) -> asyncio.Future[Any]:
        """Return the future of `call()`, which runs with the caller's context variables.

        A call whose future is cancelled before its turn does not run.
        """
        future = asyncio.get_running_loop().create_future()
        context = contextvars.copy_context()

        def job() -> tuple[Any, BaseException | None]:
            try:
                return (None if future.cancelled() else context.run(call)), None
            except BaseException as error:  # noqa: BLE001 - SystemExit must not end the thread
                return None, error

        def done(outcome: tuple[Any, BaseException | None]) -> None:
            result, error = outcome
            if future.done():
                return
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

        self.submit(job, done)
        return future

    def close(self) -> None:
        """Let every thread end once it has no job left; wait for none."""
        for _ in self._threads:
            self._jobs.put(None)
        self._threads = []

    def _start_thread(self) -> None:
        name = f"{self._name}-{len(self._threads) + 1}"
        thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while (item := self._jobs.get()) is not None:
            job, done = item
            self._post(done, job())

    def _post(self, done: Done, result: Any) -> None:
        self._results.append((done, result))
        if not self._is_woken:
            self._is_woken = True
            assert self._loop is not None
            try:
                self._loop.call_soon_threadsafe(self._collect)
            except RuntimeError:  # the loop is closed: a function outlived its host's drain time
                return

    def _collect(self) -> None:
        self._is_woken = False  # before emptying, so that a late result causes another wake-up
        try:
            while self._results:
                done, result = self._results.popleft()
                self._busy -= 1
                done(result)
        finally:
            if self._results:  # one callback failed: the others must not wait for the next result
                asyncio.get_running_loop().call_soon(self._collect)
