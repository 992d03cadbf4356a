"""Threads that run the app's code, kept off the event loop.

`concurrent.futures` would do, at some thirty microseconds per call; the engine makes a dozen calls
per small orchestration, and needs daemon threads so that a function that never returns cannot hold
up the end of the process.
"""

from __future__ import annotations

import threading
from collections import deque
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable


class Mailbox:
    """Brings results of threads back to the event loop, many per wake-up."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._letters: deque[tuple[Callable[[Any], None], Any]] = deque()
        self._woken = False

    def post(self, callback: Callable[[Any], None], value: Any) -> None:
        """Have `callback(value)` run on the loop; callable from any thread."""
        self._letters.append((callback, value))
        if not self._woken:
            self._woken = True
            try:
                self._loop.call_soon_threadsafe(self._open)
            except RuntimeError:  # the loop is closed: a function outlived its host's drain time
                return

    def _open(self) -> None:
        self._woken = False  # before emptying, so that a late letter causes another wake-up
        letters = self._letters
        try:
            while letters:
                callback, value = letters.popleft()
                callback(value)
        finally:
            if letters:  # one callback failed: the others must not wait for the next letter
                self._loop.call_soon(self._open)


class WorkerPool:
    """Runs jobs on at most `size` daemon threads, started when they are needed.

    Args:
        name: Prefix of the threads' names.
        size: The most threads at one time.
        mailbox: Where results go.
    """

    def __init__(self, name: str, size: int, mailbox: Mailbox) -> None:
        self._name = name
        self._size = size
        self._mailbox = mailbox
        self._jobs: SimpleQueue[Any] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._busy = 0

    def submit(self, job: Callable[[], Any], done: Callable[[Any], None]) -> None:
        """Run `job` on a thread, then `done(result)` on the event loop; `job` must not raise."""
        self._busy += 1
        if self._busy > len(self._threads) and len(self._threads) < self._size:
            self._start_thread()
        self._jobs.put((job, done))

    def close(self) -> None:
        """Let every thread end once it has no job left; waits for none."""
        for _ in self._threads:
            self._jobs.put(None)
        self._threads = []

    def _start_thread(self) -> None:
        thread = threading.Thread(
            target=self._work, name=f"{self._name}-{len(self._threads) + 1}", daemon=True
        )
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while (item := self._jobs.get()) is not None:
            job, done = item
            self._mailbox.post(self._finish, (done, job()))

    def _finish(self, item: tuple[Callable[[Any], None], Any]) -> None:
        self._busy -= 1
        done, result = item
        done(result)
