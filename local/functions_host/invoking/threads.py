"""Where the app's code runs: a pool of threads for sync functions, one event loop for async ones.

Both use daemon threads, so that a function that never returns cannot hold up the host's end. The real
worker has one loop for its async functions too: code that blocks it blocks them all, here as there,
but not the host.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


class ThreadPool:
    """Runs calls on at most `size` daemon threads, started when they are needed."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._jobs: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    def submit(self, call: Callable[[], Any]) -> Future[Any]:
        """Return the future of `call()`, which runs with the caller's context variables."""
        future: Future[Any] = Future()
        context = contextvars.copy_context()
        self._jobs.put((future, lambda: context.run(call)))
        self._need_thread()
        return future

    def close(self) -> None:
        """Let every thread end once it is idle; waits for none."""
        with self._lock:
            for _ in self._threads:
                self._jobs.put(None)

    def _need_thread(self) -> None:
        if self._idle.acquire(blocking=False):
            return
        with self._lock:
            if len(self._threads) < self._size:
                name = f"function-{len(self._threads) + 1}"
                thread = threading.Thread(target=self._work, name=name, daemon=True)
                self._threads.append(thread)
                thread.start()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            future, call = job
            if future.set_running_or_notify_cancel():
                _run(future, call)
            self._idle.release()


def _run(future: Future[Any], call: Callable[[], Any]) -> None:
    try:
        result = call()
    except BaseException as error:  # noqa: BLE001 - SystemExit of app code must not end the thread
        future.set_exception(error)
    else:
        future.set_result(result)


class AppLoop:
    """The event loop of the app's async functions, on a thread of its own."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()

    def submit(self, coroutine: Coroutine[Any, Any, Any]) -> Future[Any]:
        """Return the future of the coroutine; cancelling it cancels the coroutine."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._running_loop())

    def close(self) -> None:
        """Stop the loop; what still ran on it is cancelled."""
        with self._lock:
            loop, self._loop = self._loop, None
        if loop is not None:
            loop.call_soon_threadsafe(_cancel_all, loop)

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                name = "async-functions"
                threading.Thread(target=_serve, args=(self._loop,), name=name, daemon=True).start()
            return self._loop


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()


def _cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()

    async def gather_and_stop() -> None:
        await asyncio.gather(*tasks, return_exceptions=True)
        loop.stop()

    loop.create_task(gather_and_stop()).add_done_callback(lambda _: None)
