"""Sends what is recorded when that is asked for, on one thread of its own."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Sender:
    """The only thread that waits for receivers on behalf of others.

    One for all: where a receiver hangs, no further thread hangs with every minute. It is there from the
    start, because none can be started once the process ends (Python 3.12).

    Args:
        send: Sends what is there, however long that takes; it never fails.
    """

    def __init__(self, send: Callable[[], None]) -> None:
        self._send = send
        self._asked: queue.SimpleQueue[threading.Event] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="acijobs-telemetry", daemon=True).start()

    def send(self, within_s: float) -> None:
        """Have it sent, and wait for that this long at most."""
        done = threading.Event()
        self._asked.put(done)
        done.wait(within_s)

    def _work(self) -> None:
        while True:
            asked = [self._asked.get()]
            while not self._asked.empty():  # one sending answers all that were asked for before it
                asked.append(self._asked.get())
            self._send()
            for done in asked:
                done.set()
