"""The engine's small parts, each alone."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from durable_clock import VirtualClock
from functions_host.durable.clock import SystemClock, from_us, to_us
from functions_host.durable.crash import CrashPoint, CrashSwitch
from functions_host.durable.events import wire_time
from functions_host.durable.replay import wording
from functions_host.durable.replay.actions import carried_state, parse_state
from functions_host.durable.running.timers import TimerQueue
from functions_host.durable.store.records import Timer

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


def test_a_clock_set_back_stops_no_timer() -> None:
    """What was left of each is left, in the order they were due; what comes later counts anew."""
    clock, due = VirtualClock(NOW), []
    queue = TimerQueue(clock, lambda timer: due.append(timer.timer_id))
    queue.add([a_timer(1, 10), a_timer(2, 30)])
    clock.advance(timedelta(seconds=4))
    clock.set_back(timedelta(hours=3))
    clock.advance(timedelta(seconds=6))
    assert due == [1]
    queue.add([a_timer(3, 15 - 3 * 3600)])
    clock.advance(timedelta(seconds=5))
    assert due == [1, 3]
    clock.advance(timedelta(seconds=15))
    assert due == [1, 3, 2]


async def test_the_system_clock_wakes_and_can_be_told_not_to() -> None:
    """A due alarm rings soon; a cancelled one does not."""
    clock, rung = SystemClock(), asyncio.Event()
    clock.call_at(clock.now() + timedelta(hours=1), rung.set).cancel()
    clock.call_at(clock.now() - timedelta(seconds=1), rung.set)
    async with asyncio.timeout(5):
        await rung.wait()
    assert clock.now().tzinfo is UTC


def test_long_failure_texts_are_cut() -> None:
    """They are shown in lists and logs."""
    assert len(wording.activity_failed("A", "x" * 100_000)) < 40_000


def test_known_names_ignore_case() -> None:
    """As function names do on Azure; the app's own spelling is what counts."""
    assert wording.own_spelling("ADD", frozenset({"Add"})) == "Add"
    assert wording.own_spelling("Ad", frozenset({"Add"})) is None


def test_a_failures_state_is_found_behind_its_label() -> None:
    """Text without the label carries none, and neither does text whose JSON was cut."""
    text = (
        'boom\n\n$OutOfProcData$:{"isDone":false,"actions":[[]],"error":"boom","customStatus":"s"}'
    )
    state = carried_state(text)
    assert state is not None
    assert (state.error, state.custom_status) == ("boom", "s")
    assert carried_state("boom") is None
    assert carried_state(text[:-1]) is None


@pytest.mark.parametrize("text", ["[]", '{"actions":[]}', '{"actions":[[],[]]}', "{", '{"a":1}'])
def test_answers_that_are_no_state_are_refused(text: str) -> None:
    """Each with a ValueError that says why."""
    with pytest.raises(ValueError, match=r".+"):
        parse_state(text)
