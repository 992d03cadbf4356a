"""Group commit: changes that come together are written in one transaction.

A change takes effect (waking, scheduling, answering) only after it is durable. One that cannot be
stored, whatever the reason, fails alone: the others of its group are written without it.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from functions_host.durable.crash import CrashPoint
from functions_host.durable.store.errors import ChangeRefusedError, StoreError
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
    from functions_host.durable.store.records import Change
    from functions_host.durable.store.sqlite import SqliteStore

    _Waiting = tuple[Change, asyncio.Future[None] | None]

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
        take_effect: Called with each change once it is durable.
        on_refused: Called with each change that cannot be stored, and why; the others are.
        on_broken: Called once if the store cannot be written; no change is taken any more.
    """

    def __init__(
        self,
        store: SqliteStore,
        crash: CrashSwitch,
        take_effect: Callable[[Change], None],
        on_refused: Callable[[Change, Exception], None],
        on_broken: Callable[[StoreError], None],
    ) -> None:
        self._store = store
        self._crash = crash
        self._take_effect = take_effect
        self._on_refused = on_refused
        self._on_broken = on_broken
        self._queue: list[_Waiting] = []
        self._is_scheduled = False
        self.broken: StoreError | None = None

    def add(self, change: Change, done: asyncio.Future[None] | None = None) -> None:
        """Make `change` durable soon, let it take effect, then end `done`."""
        if self.broken is not None:
            return
        self._queue.append((change, done))
        if not self._is_scheduled:
            self._is_scheduled = True
            asyncio.get_running_loop().call_soon(self.flush)

    async def commit(self, change: Change) -> None:
        """Make `change` durable and let it take effect.

        Raises:
            ChangeRefusedError: this change cannot be stored.
            StoreError: the store could not be written.
        """
        if self.broken is not None:
            raise self.broken
        done = asyncio.get_running_loop().create_future()
        self.add(change, done)
        await done

    def flush(self) -> None:
        """Make everything added so far durable, and let it take effect."""
        self._is_scheduled = False
        while self._queue and self.broken is None:
            batch, self._queue = self._queue, []
            self._commit_all(batch)

    def _commit_all(self, batch: list[_Waiting]) -> None:
        """Commit the changes together, or one by one if one of them spoils it for the others."""
        try:
            self._write([change for change, _ in batch])
        except StoreError as error:
            self._break(error, [*batch, *self._queue])
        except Exception as error:  # noqa: BLE001 - whatever it is, it is about a change, not the store
            if len(batch) == 1:
                self._refuse(*batch[0], error)
                return
            for number, one in enumerate(batch):
                if self.broken is not None:
                    self._give_up(batch[number:], self.broken)
                    return
                self._commit_all([one])
        else:
            for change, done in batch:
                self._finish(change, done)

    def _refuse(self, change: Change, done: asyncio.Future[None] | None, error: Exception) -> None:
        _LOG.error("A change cannot be stored (%s): %s", type(change).__name__, error)
        if done is not None and not done.done():
            text = f"This cannot be stored: {type(error).__name__}: {error}"
            done.set_exception(ChangeRefusedError(text))
        try:
            self._on_refused(change, error)
        except Exception:  # noqa: BLE001 - the group's other changes must still be written
            _LOG.exception(
                "A change that cannot be stored left something hanging; restart the host."
            )

    def close(self) -> None:
        """Take no change any more."""
        if self.broken is None:
            self.broken = StoreError("the host is stopping")

    def _write(self, changes: list[Change]) -> None:
        for change in changes:
            self._reach(change, 0)
        self._store.apply(changes)

    def _finish(self, change: Change, done: asyncio.Future[None] | None) -> None:
        self._reach(change, 1)
        try:
            self._take_effect(change)
        except Exception:  # noqa: BLE001 - the group's other changes must still take effect
            _LOG.exception("A committed change did not take full effect; restart the host.")
        if done is not None and not done.done():
            done.set_result(None)

    def _reach(self, change: Change, moment: int) -> None:
        points = _POINTS.get(type(change))
        if points is not None:
            self._crash.reach(points[moment])

    def _break(self, error: StoreError, lost: list[_Waiting]) -> None:
        _LOG.critical("The durable engine stops: %s", error)
        self.broken = error
        self._give_up(lost, error)
        self._on_broken(error)

    @staticmethod
    def _give_up(lost: list[_Waiting], error: StoreError) -> None:
        for _, done in lost:
            if done is not None and not done.done():
                done.set_exception(error)
