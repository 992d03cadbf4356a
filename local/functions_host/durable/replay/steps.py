"""Steps that the walk awaits, and their combinations."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime


class Step:
    """Something awaited; done once, with or without success."""

    __slots__ = ("_callback", "failed", "is_done", "result")

    def __init__(self) -> None:
        self.is_done = False
        self.failed = False
        self.result: str | None = None
        self._callback: Callable[[Step], None] | None = None

    @classmethod
    def done(cls) -> Step:
        """Return a step that has succeeded already."""
        step = cls()
        step.is_done = True
        return step

    def then(self, callback: Callable[[Step], None]) -> None:
        """Have `callback` called when this is done, at once if it is; one callback per step."""
        if self.is_done:
            callback(self)
        else:
            self._callback = callback

    def finish(self, result: str | None, *, failed: bool = False) -> None:
        """End this step; whoever awaits it goes on before this returns."""
        if self.is_done:
            return
        self.is_done, self.failed, self.result = True, failed, result
        if self._callback is not None:
            self._callback(self)


class AllOf(Step):
    """Done when every child is, even after one failed."""

    __slots__ = ("_left",)

    def __init__(self, children: Sequence[Step]) -> None:
        super().__init__()
        self._left = len(children)
        if not children:
            self.is_done = True
        for child in children:
            child.then(self._count)

    def _count(self, child: Step) -> None:
        self._left -= 1
        self.failed = self.failed or child.failed
        if self._left == 0:
            self.finish(None, failed=self.failed)


class AnyOf(Step):
    """Done when the first child is."""

    __slots__ = ()

    def __init__(self, children: Sequence[Step]) -> None:
        super().__init__()
        for child in children:
            child.then(lambda _: self.finish(None))


class Scheduler(Protocol):
    """The part of the walk that composed steps need."""

    @property
    def now(self) -> datetime:
        """The time of the episode being replayed."""
        ...

    def create_timer(self, fire_at: datetime) -> Step:
        """Create a timer."""
        ...


class Attempts(Step):
    """Repeats a call until it succeeds or its attempts are used up.

    After the last failure one more timer fires at once: the extension keeps it for old histories'
    sake, and the SDK waits for it before it raises.
    """

    __slots__ = ("_attempts_left", "_call", "_interval", "_walk")

    def __init__(
        self, walk: Scheduler, call: Callable[[], Step], *, attempts: int, interval_ms: int
    ) -> None:
        super().__init__()
        self._walk = walk
        self._call = call
        self._attempts_left = attempts
        self._interval = timedelta(milliseconds=interval_ms)

    def begin(self) -> Step:
        """Make the first attempt and return this step."""
        self._try()
        return self

    def _try(self, _: Step | None = None) -> None:
        self._attempts_left -= 1
        self._call().then(self._on_answer)

    def _on_answer(self, answer: Step) -> None:
        if not answer.failed:
            self.finish(answer.result)
        elif self._attempts_left == 0:
            dummy = self._walk.create_timer(self._walk.now)
            dummy.then(lambda _: self.finish(None, failed=True))
        else:
            self._walk.create_timer(self._walk.now + self._interval).then(self._try)
