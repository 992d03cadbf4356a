"""How often a callback is tried, when, and what each answer means."""

from __future__ import annotations

from datetime import timedelta

import pytest

from acijobs.domain.callback.state import (
    OWN_TRIES,
    PAUSES_S,
    CallbackState,
    CallbackStatus,
    Delivery,
)
from manual_clock import START

NO_ANSWER = Delivery(trouble="the receiver did not answer within 10 s")


def tried(delivery: Delivery, state: CallbackState | None = None) -> CallbackState:
    return (state or CallbackState()).after(delivery, job_id="j", now=START)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_delivered(status: int) -> None:
    """And that is the end of it."""
    state = tried(Delivery(status=status))
    assert state == CallbackState(status=CallbackStatus.DELIVERED, tries=1, delivered_at=START)
    assert state.is_over


def test_410_stops_for_good() -> None:
    """With the reason."""
    state = tried(Delivery(status=410))
    assert state.status is CallbackStatus.REFUSED
    assert state.trouble == "the receiver answered 410"


@pytest.mark.parametrize(
    "status", [199, 300, 301, 302, 307, 308, 400, 401, 403, 404, 429, 500, 503, None]
)
def test_anything_else_is_tried_again(status: int | None) -> None:
    """A redirect too, which is not followed; after five seconds or a little more."""
    state = tried(Delivery(status=status) if status else NO_ANSWER)
    assert not state.is_over
    assert state.trouble
    assert state.next_at is not None
    assert 5 <= (state.next_at - START).total_seconds() <= 5.5
    assert ("redirects" in state.trouble) == (status in {300, 301, 302, 307, 308})


def test_pauses_grow_for_a_day_and_then_it_is_given_up() -> None:
    """Eleven tries; the last one is made within a day."""
    now, state = START, CallbackState()
    while not state.is_over:
        assert state.is_due(now)
        state = state.after(NO_ANSWER, job_id="j", now=now)
        if state.next_at is not None:
            assert not state.is_due(now)
            assert state.next_at > now
            now = state.next_at
    assert state.status is CallbackStatus.GIVEN_UP
    assert state.tries == len(PAUSES_S) + 1 == 11
    assert timedelta(hours=23) < now - START < timedelta(hours=26)


def test_the_first_four_tries_are_made_within_two_minutes() -> None:
    """They are the orchestration's own, if answers come at once."""
    assert sum(PAUSES_S[: OWN_TRIES - 1]) * 1.1 < 120


@pytest.mark.parametrize(
    ("asked_s", "pause_s"), [(0, 5), (1, 5), (60, 60), (3_600, 3_600), (10**9, 14_400)]
)
def test_retry_after_is_obeyed_within_bounds(asked_s: float, pause_s: float) -> None:
    """It lengthens a pause, up to four hours, and never shortens one."""
    state = tried(Delivery(status=503, retry_after_s=asked_s))
    assert state.next_at is not None
    assert pause_s <= (state.next_at - START).total_seconds() <= pause_s * 1.1


def test_a_delivery_after_failures_shows_no_trouble() -> None:
    """The tries stay counted."""
    state = tried(Delivery(status=204), tried(NO_ANSWER))
    assert (state.status, state.tries, state.trouble) == (CallbackStatus.DELIVERED, 2, "")


def test_trouble_is_bounded_and_shows_no_credential() -> None:
    """Whatever the receiver's name or certificate says."""
    state = tried(Delivery(trouble="x" * 9_999 + "?sig=secret"))
    assert len(state.trouble) <= 300
    assert "secret" not in tried(Delivery(trouble="https://h/?sig=secret")).trouble
