"""Receivers of callbacks that follow a script."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from acijobs.domain.callback.receiver import complaint
from acijobs.domain.callback.state import Delivery

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from manual_clock import ManualClock

CALLBACK_KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"""The operator's key; the one of the Standard Webhooks specification's own example."""


@dataclass(frozen=True, kw_only=True)
class Post:
    """A callback that was sent."""

    url: str
    body: bytes
    headers: Mapping[str, str]
    at: datetime

    @property
    def event(self) -> dict[str, Any]:
        """What it says."""
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def phase(self) -> str:
        """The phase that it tells of."""
        return str(self.event["data"]["phase"])


@dataclass(kw_only=True)
class ScriptedCallbacks:
    """Receivers that follow a script; implements `acijobs.usecases.ports.Callbacks`.

    Attributes:
        clock: The time.
        posts: What was sent, in order.
        answers: What the next tries come to; 200 where there is none.
        always: What every try comes to, where it is set.
        before: Called before an answer is given, for what others do meanwhile.
    """

    clock: ManualClock
    posts: list[Post] = field(default_factory=list)
    answers: list[Delivery] = field(default_factory=list)
    always: Delivery | None = None
    before: Callable[[], None] = lambda: None

    def complaint(self, url: str) -> str | None:
        """Return why this URL may never be called."""
        return complaint(url)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Delivery:
        """Take a message."""
        self.posts.append(Post(url=url, body=body, headers=headers, at=self.clock.now()))
        self.before()
        if self.always is not None:
            return self.always
        return self.answers.pop(0) if self.answers else Delivery(status=200)
