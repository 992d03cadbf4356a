"""What the walk awaits: single steps and their combinations."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from functions_host.durable.events import compact

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_ACCEPTED = 202
_DEFAULT_POLLING_S = 30.0


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
    """What composed steps need of the walk."""

    @property
    def now(self) -> datetime:
        """The time of the episode being replayed."""
        ...

    def schedule_task(self, name: str, payload: str | None) -> Step:
        """Schedule an activity."""
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


class HttpPolling(Step):
    """Calls a URL and, when it answers 202, asks its Location again until it is through."""

    __slots__ = ("_activity", "_request", "_walk")

    def __init__(self, walk: Scheduler, request: dict[str, Any], activity: str) -> None:
        super().__init__()
        self._walk = walk
        self._request = request
        self._activity = activity

    def begin(self) -> Step:
        """Send the request and return this step."""
        self._send()
        return self

    def _send(self, _: Step | None = None) -> None:
        call = self._walk.schedule_task(self._activity, compact(self._request))
        call.then(self._on_response)

    def _on_response(self, call: Step) -> None:
        response = json.loads(call.result) if call.result else {}
        headers = {str(k).casefold(): v for k, v in (response.get("headers") or {}).items()}
        polls = self._request.get("asynchronousPatternEnabled", True)
        if call.failed or response.get("statusCode") != _ACCEPTED or not polls:
            self.finish(call.result, failed=call.failed)
        elif "location" not in headers:
            self.finish(call.result)
        else:
            self._ask_again(headers)

    def _ask_again(self, headers: dict[str, Any]) -> None:
        sent = self._request.get("headers") or {}
        self._request = {
            **self._request,
            # The key of the first URL seldom fits the status URL, and must not leak to it.
            "headers": {k: v for k, v in sent.items() if k.casefold() != "x-functions-key"},
            "method": "GET",
            "uri": _first(headers["location"]),
            "content": None,
        }
        try:
            pause_s = float(_first(headers.get("retry-after", _DEFAULT_POLLING_S)))
        except ValueError:
            pause_s = _DEFAULT_POLLING_S
        due = self._walk.now + timedelta(seconds=pause_s)
        self._walk.create_timer(due).then(self._send)


def _first(header: Any) -> Any:
    return header[0] if isinstance(header, list) else header
