"""The engine's small parts, each alone."""

from __future__ import annotations

import asyncio
import sys
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.durable_functions  # noqa: F401 - loads the module that is looked at
import pytest
from dateutil.parser import parse  # type: ignore[import-untyped]

from durable_clock import VirtualClock
from functions_host.durable import wording
from functions_host.durable.actions import parse_state, state_in_failure
from functions_host.durable.clock import SystemClock, from_us, to_us
from functions_host.durable.crash import CrashPoint, CrashSwitch
from functions_host.durable.events import wire_time
from functions_host.durable.replay_speed import remember_pure_results
from functions_host.durable.store.records import Timer
from functions_host.durable.timers import TimerQueue
from functions_host.durable.workers import Mailbox, WorkerPool

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def a_timer(number: int, after_s: float) -> Timer:
    due = NOW + timedelta(seconds=after_s)
    return Timer(instance_id="i", execution_id="e", timer_id=number, fire_us=to_us(due))


def test_times_survive_the_wire_and_the_store() -> None:
    """Microseconds are kept exactly, and the wire form has seven digits."""
    moment = datetime(2026, 2, 3, 4, 5, 6, 789012, tzinfo=UTC)
    assert from_us(to_us(moment)) == moment
    assert wire_time(moment) == "2026-02-03T04:05:06.7890120Z"
    assert wire_time(NOW) == "2026-01-01T00:00:00.0000000Z"


def test_remembered_timestamps_are_what_dateutil_says() -> None:
    """Remembering twice wraps once, and changes no value."""
    assert remember_pure_results()
    assert remember_pure_results()
    parser: Any = vars(sys.modules["azure.durable_functions.models.history.HistoryEvent"])[
        "dt_parse"
    ]
    text = "2026-02-03T04:05:06.7890120Z"
    assert parser(text) == parse(text) == parser(text)
    assert parser.__wrapped__ is parse


def test_an_unknown_crash_point_is_refused() -> None:
    """A mistyped setting must not pass for a survived crash."""
    with pytest.raises(ValueError, match=r"episode\.nowhere"):
        CrashSwitch("episode.nowhere")
    CrashSwitch("episode.ran:2").reach(CrashPoint.EPISODE_RAN)
    CrashSwitch().reach(CrashPoint.EPISODE_RAN)


def test_timers_are_reported_in_order_and_once() -> None:
    """Each when it is due, whatever the order they were added in; none after the stop."""
    clock, due = VirtualClock(NOW), []
    queue = TimerQueue(clock, lambda timer: due.append(timer.timer_id))
    queue.add([a_timer(1, 30), a_timer(2, 10)])
    queue.add([a_timer(3, 5), a_timer(4, 60)])
    clock.advance(timedelta(seconds=9))
    assert due == [3]
    clock.advance(timedelta(seconds=25))
    assert due == [3, 2, 1]
    queue.stop()
    clock.advance(timedelta(seconds=60))
    assert due == [3, 2, 1]


async def test_the_system_clock_wakes_and_can_be_told_not_to() -> None:
    """A due alarm rings soon; a cancelled one does not."""
    clock, rung = SystemClock(), asyncio.Event()
    clock.call_at(clock.now() + timedelta(hours=1), rung.set).cancel()
    clock.call_at(clock.now() - timedelta(seconds=1), rung.set)
    async with asyncio.timeout(5):
        await rung.wait()
    assert clock.now().tzinfo is UTC


async def test_a_pool_runs_no_more_jobs_than_its_size() -> None:
    """Jobs beyond the size wait for a thread, and every result arrives on the loop."""
    pool = WorkerPool("test", 2, Mailbox(asyncio.get_running_loop()))
    running, most, results = [], [], []
    done = asyncio.Event()

    def job(number: int) -> int:
        running.append(number)
        most.append(len(running))
        running.remove(number)
        return number

    def take(number: int) -> None:
        assert threading.current_thread() is threading.main_thread()
        results.append(number)
        if len(results) == 20:
            done.set()

    for number in range(20):
        pool.submit(lambda number=number: job(number), take)  # type: ignore[misc]
    async with asyncio.timeout(10):
        await done.wait()
    pool.close()
    assert sorted(results) == list(range(20))
    assert max(most) <= 2


async def test_a_failing_callback_does_not_hold_up_other_letters() -> None:
    """What was posted behind it still arrives."""
    loop = asyncio.get_running_loop()
    errors: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: errors.append(context))
    mailbox, arrived = Mailbox(loop), asyncio.Event()

    def fail(_: Any) -> None:
        raise ZeroDivisionError

    mailbox.post(fail, None)
    mailbox.post(lambda _: arrived.set(), None)
    async with asyncio.timeout(5):
        await arrived.wait()
    assert isinstance(errors[0]["exception"], ZeroDivisionError)


def test_long_failure_texts_are_cut() -> None:
    """The real extension hangs on such texts."""
    assert len(wording.activity_failed("A", "x" * 100_000)) < 40_000


def test_known_names_ignore_case() -> None:
    """As function names do on Azure; the app's own spelling is what counts."""
    assert wording.own_spelling("ADD", frozenset({"Add"})) == "Add"
    assert wording.own_spelling("Ad", frozenset({"Add"})) is None


def test_a_failures_state_is_found_behind_its_label() -> None:
    """Text without the label carries none."""
    assert state_in_failure('boom\n\n$OutOfProcData$:{"a":1}') == '{"a":1}'
    assert state_in_failure("boom") is None


@pytest.mark.parametrize("text", ["[]", '{"actions":[]}', '{"actions":[[],[]]}', "{", '{"a":1}'])
def test_answers_that_are_no_state_are_refused(text: str) -> None:
    """Each with a ValueError that says why."""
    with pytest.raises(ValueError, match=r".+"):
        parse_state(text)
