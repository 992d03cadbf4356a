"""Answers that are good for a while, shared by all who ask meanwhile."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from acijobs.usecases.ports import Clock

_T = TypeVar("_T")
_MOST = 200


class RecentAnswers:
    """Answers by their question; an error is nobody's answer but the asker's.

    Two who ask at the same time may both be let ask; it is harmless, and nobody waits for another.
    """

    def __init__(self, clock: Clock, *, keep: timedelta) -> None:
        self._clock = clock
        self._keep = keep
        self._answers: dict[object, tuple[datetime, Any]] = {}
        self._lock = threading.Lock()

    def get(self, question: object, ask: Callable[[], _T]) -> _T:
        """Return the answer to this question: a recent one, else a new one."""
        now = self._clock.now()
        with self._lock:
            known = self._answers.get(question)
        if known is not None and now - known[0] < self._keep:
            return cast("_T", known[1])
        answer = ask()
        with self._lock:
            if len(self._answers) >= _MOST:
                self._answers.clear()
            self._answers[question] = (now, answer)
        return answer
