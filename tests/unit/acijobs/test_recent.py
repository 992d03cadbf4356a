from __future__ import annotations

from datetime import timedelta

import pytest

from acijobs.usecases.recent import RecentAnswers
from manual_clock import ManualClock


def test_an_answer_is_kept_for_a_while() -> None:
    """By its question; then it is asked again."""
    clock, asked = ManualClock(), iter(range(10))
    recent = RecentAnswers(clock, keep=timedelta(minutes=5))
    assert [recent.get("a", lambda: next(asked)) for _ in range(3)] == [0, 0, 0]
    assert recent.get("b", lambda: next(asked)) == 1
    clock.current += timedelta(minutes=5, seconds=1)
    assert recent.get("a", lambda: next(asked)) == 2


def test_an_error_is_not_kept() -> None:
    """The next one asks again."""
    recent = RecentAnswers(ManualClock(), keep=timedelta(minutes=5))
    with pytest.raises(ZeroDivisionError):
        recent.get("a", lambda: 1 // 0)
    assert recent.get("a", lambda: 1) == 1


def test_answers_do_not_pile_up() -> None:
    """Regions are anybody's text."""
    recent = RecentAnswers(ManualClock(), keep=timedelta(minutes=5))
    for number in range(1000):
        recent.get(number, lambda: 0)
    assert len(recent._answers) <= 200
