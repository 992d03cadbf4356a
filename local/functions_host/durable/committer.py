"""Group commit: changes that come together are written in one transaction.

Effects of a change (waking, scheduling, answering) happen only after it is durable.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from functions_host.durable.crash import CrashPoint
from functions_host.durable.store.contract import StoreError
from functions_host.durable.store.records import (
    AddMessage,
    CommitEntity,
    CommitEpisode,
    CreateInstance,
    RecordResult,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from functions_host.durable.crash import CrashSwitch
    from functions_host.durable.store.contract import Store
    from functions_host.durable.store.records import Change

_LOG = logging.getLogger("functions_host.durable")
_POINTS: dict[type, tuple[CrashPoint, CrashPoint]] = {
    CreateInstance: (CrashPoint.CREATE_BEFORE, CrashPoint.CREATE_COMMITTED),
    AddMessage: (CrashPoint.MESSAGE_BEFORE, CrashPoint.MESSAGE_COMMITTED),
    CommitEpisode: (CrashPoint.EPISODE_BEFORE, CrashPoint.EPISODE_COMMITTED),
    RecordResult: (CrashPoint.RESULT_BEFORE, CrashPoint.RESULT_COMMITTED),
    CommitEntity: (CrashPoint.ENTITY_BEFORE, CrashPoint.ENTITY_COMMITTED),
}


class Committer:
    """Collects changes during one turn of the event loop and commits them together.

    Args:
        store: Where changes go.
        crash: Where tests make the process die.
        on_broken: Called once if the store cannot be written; no change is taken any more.
    """

    def __init__(
        self, store: Store, crash: CrashSwitch, on_broken: Callable[[StoreError], None]
    ) -> None:
        self._store = store
        self._crash = crash
        self._on_broken = on_broken
        self._queue: list[tuple[Change, Callable[[], None]]] = []
        self._is_scheduled = False
        self._waiting: set[asyncio.Future[None]] = set()
        self.broken: StoreError | None = None

    def add(self, change: Change, then: Callable[[], None]) -> None:
        """Make `change` durable soon, then call `then`."""
        if self.broken is not None:
            return
        self._queue.append((change, then))
        if not self._is_scheduled:
            self._is_scheduled = True
            asyncio.get_running_loop().call_soon(self.flush)

    async def commit(self, change: Change, then: Callable[[], None]) -> None:
        """`change` is durable and `then` was called.

        Raises:
            StoreError: the store could not be written.
        """
        if self.broken is not None:
            raise self.broken
        done = asyncio.get_running_loop().create_future()

        def finish() -> None:
            try:
                then()
            finally:
                if not done.done():
                    done.set_result(None)

        self.add(change, finish)
        self._waiting.add(done)
        try:
            await done
        finally:
            self._waiting.discard(done)

    def flush(self) -> None:
        """Everything added so far is durable, and its effects have happened."""
        self._is_scheduled = False
        while self._queue and self.broken is None:
            batch, self._queue = self._queue, []
            self._write(batch)
            for change, then in batch if self.broken is None else ():
                self._reach(change, 1)
                self._take_effect(then)

    def _take_effect(self, then: Callable[[], None]) -> None:
        try:
            then()
        except Exception:  # noqa: BLE001 - the group's other changes must still take effect
            _LOG.exception("A committed change did not take full effect; restart the host.")

    def close(self) -> None:
        """No change is taken any more."""
        if self.broken is None:
            self.broken = StoreError("the host is stopping")

    def _write(self, batch: list[tuple[Change, Callable[[], None]]]) -> None:
        for change, _ in batch:
            self._reach(change, 0)
        try:
            self._store.apply([change for change, _ in batch])
        except StoreError as error:
            self._break(error)

    def _reach(self, change: Change, moment: int) -> None:
        points = _POINTS.get(type(change))
        if points is not None:
            self._crash.reach(points[moment])

    def _break(self, error: StoreError) -> None:
        _LOG.critical("The durable engine stops: %s", error)
        self.broken = error
        for future in list(self._waiting):
            if not future.done():
                future.set_exception(error)
        self._on_broken(error)
