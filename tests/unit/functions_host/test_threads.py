"""Where the app's code runs."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from typing import Any

import pytest

from functions_host.invoking.threads import AppLoop, ThreadPool

NAME: contextvars.ContextVar[str] = contextvars.ContextVar("NAME", default="none")


def test_no_more_threads_than_allowed_run_at_once() -> None:
    """The rest waits its turn, and all get done."""
    pool, gate, running, most = ThreadPool(3), threading.Event(), [0], [0]
    lock, full = threading.Lock(), threading.Event()

    def work() -> int:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
            if running[0] == 3:
                full.set()
        gate.wait(10)
        with lock:
            running[0] -= 1
        return threading.get_ident()

    futures = [pool.submit(work) for _ in range(9)]
    assert full.wait(10)
    gate.set()
    threads = {future.result(10) for future in futures}
    pool.close()
    assert most[0] == 3
    assert len(threads) <= 3


def test_an_idle_thread_is_used_again() -> None:
    """One after the other need one thread."""
    pool = ThreadPool(5)
    threads = {pool.submit(threading.get_ident).result(10) for _ in range(20)}
    pool.close()
    assert len(threads) == 1


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3)])
def test_what_a_call_raises_comes_out_and_the_thread_lives(error: BaseException) -> None:
    """SystemExit too."""
    pool = ThreadPool(1)

    def fail() -> None:
        raise error

    with pytest.raises(type(error)):
        pool.submit(fail).result(10)
    assert pool.submit(lambda: 7).result(10) == 7
    pool.close()


def test_context_variables_go_along() -> None:
    """As they were when the call was made."""
    pool = ThreadPool(1)
    token = NAME.set("caller")
    future = pool.submit(NAME.get)
    NAME.reset(token)
    assert future.result(10) == "caller"
    assert pool.submit(NAME.get).result(10) == "none"
    pool.close()


def test_async_functions_share_one_loop_that_is_not_the_hosts() -> None:
    """Many wait at once on one thread."""
    loop = AppLoop()

    async def where() -> tuple[int, Any]:
        await asyncio.sleep(0.01)
        return threading.get_ident(), asyncio.get_running_loop()

    found = {future.result(10) for future in [loop.submit(where()) for _ in range(50)]}
    loop.close()
    assert len(found) == 1
    assert next(iter(found))[0] != threading.get_ident()


def test_closing_the_loop_cancels_what_still_runs() -> None:
    """Its future says so."""
    loop, begun, ended = AppLoop(), threading.Event(), threading.Event()

    async def forever() -> None:
        begun.set()
        try:
            await asyncio.sleep(3600)
        finally:
            ended.set()

    future = loop.submit(forever())
    assert begun.wait(10)
    loop.close()
    assert ended.wait(10)
    with pytest.raises(BaseException):  # noqa: B017, PT011 - asyncio's and concurrent's CancelledError differ
        future.result(10)
