"""Where the app's code runs."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from typing import Any

import pytest

from functions_host.invoking.app_loop import AppLoop
from functions_host.threads import WorkerPool

NAME: contextvars.ContextVar[str] = contextvars.ContextVar("NAME", default="none")


async def test_no_more_threads_than_allowed_run_at_once() -> None:
    """The rest waits its turn, all get done, and results come back to the loop's thread."""
    pool, gate, running, most = WorkerPool("test", 3), threading.Event(), [0], [0]
    lock, done = threading.Lock(), asyncio.Event()
    threads: list[int] = []

    def work() -> int:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
            if running[0] == 3:
                gate.set()
        assert gate.wait(10)
        with lock:
            running[0] -= 1
        return threading.get_ident()

    def take(thread: int) -> None:
        assert threading.current_thread() is threading.main_thread()
        threads.append(thread)
        if len(threads) == 9:
            done.set()

    for _ in range(9):
        pool.submit(work, take)
    async with asyncio.timeout(10):
        await done.wait()
    pool.close()
    assert most[0] == 3
    assert len(set(threads)) == 3


async def test_an_idle_thread_is_used_again() -> None:
    """One after the other need one thread."""
    pool = WorkerPool("test", 5)
    threads = {await pool.run(threading.get_ident) for _ in range(20)}
    pool.close()
    assert len(threads) == 1


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt()])
async def test_what_a_call_raises_comes_out_and_the_thread_lives(error: BaseException) -> None:
    """Whatever it is."""
    pool = WorkerPool("test", 1)

    def fail() -> None:
        raise error

    failed = pool.run(fail)
    await asyncio.wait([failed])
    assert failed.exception() is error
    assert await pool.run(lambda: 7) == 7
    pool.close()


async def test_a_call_that_is_cancelled_before_its_turn_does_not_run() -> None:
    """The others run, and so does what comes after it."""
    pool, gate, ran = WorkerPool("test", 1), threading.Event(), []
    first = pool.run(lambda: gate.wait(10))
    second, third = pool.run(lambda: ran.append(2)), pool.run(lambda: ran.append(3))
    second.cancel()
    gate.set()
    assert await first
    await third
    pool.close()
    assert ran == [3]


async def test_context_variables_go_along() -> None:
    """As they were when the call was made."""
    pool = WorkerPool("test", 1)
    token = NAME.set("caller")
    future = pool.run(NAME.get)
    NAME.reset(token)
    assert await future == "caller"
    assert await pool.run(NAME.get) == "none"
    pool.close()


async def test_a_failing_callback_does_not_hold_up_other_results() -> None:
    """What was done behind it still arrives."""
    errors: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
    pool, arrived = WorkerPool("test", 1), asyncio.Event()

    def fail(_: Any) -> None:
        raise ZeroDivisionError

    pool.submit(lambda: None, fail)
    pool.submit(lambda: None, lambda _: arrived.set())
    async with asyncio.timeout(10):
        await arrived.wait()
    pool.close()
    assert isinstance(errors[0]["exception"], ZeroDivisionError)


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
