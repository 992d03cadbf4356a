"""The jobs' rows in memory."""

from __future__ import annotations

import json
import threading
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from acijobs.domain.codec import decode, encode
from acijobs.domain.errors import RowConflictError, RowExistsError
from acijobs.domain.listing import list_key
from acijobs.domain.row import Row
from acijobs.domain.told import Told, ToldProgress
from acijobs.usecases.ports import RECONCILER, Listed, Store, StoredRow, StoredTold, Unsettled

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from manual_clock import ManualClock

STORE_ID = "store1"


class MemoryRows:
    """The jobs' rows in memory; implements `acijobs.usecases.ports.Rows`.

    Attributes:
        writes: Writes so far, by kind.
        before: Called before a call is done, by kind: for what others do meanwhile, or to raise.
    """

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.bookmarks: dict[str, str] = {}
        self.entries: dict[str, Listed] = {}
        self.all_told: dict[str, tuple[Told, int]] = {}
        self.writes: Counter[str] = Counter()
        self.before: dict[str, Callable[[], None]] = {}
        self.rows: dict[str, tuple[str, int]] = {}
        self.specs: dict[str, str] = {}
        self._unsettled: set[str] = set()
        self._lock = threading.RLock()

    def store(self) -> Store:
        """Return what this store is known by."""
        self._hook("store")
        return Store(id=STORE_ID, digest_key=b"k" * 32)

    def insert(self, row: Row, spec: dict[str, Any]) -> StoredRow:
        """Add a job."""
        self._hook("insert")
        with self._lock:
            self.writes["insert"] += 1
            key = list_key(row.job_id, row.accepted_at)
            self.entries[key] = Listed(
                key=key, job_id=row.job_id, accepted_at=row.accepted_at, labels=row.labels
            )
            if row.job_id in self.rows:
                raise RowExistsError(row.job_id)
            self.rows[row.job_id] = (json.dumps(encode(row)), 1)
            self.specs[row.job_id] = json.dumps(spec)
            self._unsettled.add(row.job_id)
        return StoredRow(row=row, version="1")

    def read(self, job_id: str) -> StoredRow | None:
        """Return the job's row."""
        self._hook("read")
        found = self.rows.get(job_id)
        if found is None:
            return None
        return StoredRow(row=decode(Row, json.loads(found[0])), version=str(found[1]))

    def read_with_spec(self, job_id: str) -> tuple[StoredRow, dict[str, Any]] | None:
        """Return the job's row and its specification."""
        self._hook("read_with_spec")
        stored = self.read(job_id)
        return None if stored is None else (stored, json.loads(self.specs[job_id]))

    def spec_of(self, job_id: str) -> dict[str, Any]:
        """Return the job's specification; empty when there is none."""
        found: dict[str, Any] = json.loads(self.specs.get(job_id, "{}"))
        return found

    def swap(self, stored: StoredRow, changed: Row) -> StoredRow:
        """Change the row, if it still is as it was read."""
        self._hook("swap")
        with self._lock:
            current = self.rows.get(changed.job_id)
            if current is None or str(current[1]) != stored.version:
                raise RowConflictError(changed.job_id)
            self.writes["swap"] += 1
            self.rows[changed.job_id] = (json.dumps(encode(changed)), current[1] + 1)
            if changed.settled:
                self._unsettled.discard(changed.job_id)
        return StoredRow(row=changed, version=str(current[1] + 1))

    def unsettled(self, *, after: str = "", limit: int = 1_000) -> tuple[Unsettled, ...]:
        """Return jobs that may not be settled."""
        self._hook("unsettled")
        ids = sorted(job_id for job_id in self._unsettled if job_id > after)[:limit]
        rows = [self.now_of(job_id) for job_id in ids]
        return tuple(
            Unsettled(job_id=row.job_id, accepted_at=row.accepted_at, over_at=row.over_at)
            for row in rows
        )

    def now(self) -> datetime:
        """Return the time by the store's own clock."""
        self._hook("now")
        return self.clock.now()

    def bookmark(self, of: str = RECONCILER) -> str:
        """Return where the last round stopped."""
        return self.bookmarks.get(of, "")

    def set_bookmark(self, place: str, of: str = RECONCILER) -> None:
        """Note where a round stopped."""
        self.bookmarks[of] = place

    def listed(self, *, after: str = "", limit: int = 1_000) -> tuple[Listed, ...]:
        """Return entries of the list of jobs."""
        self._hook("listed")
        return tuple(self.entries[key] for key in sorted(self.entries) if key > after)[:limit]

    def unlist(self, entry: Listed) -> None:
        """Take an entry out of the list."""
        self._hook("unlist")
        self.entries.pop(entry.key, None)

    def remove(self, stored: StoredRow) -> None:
        """Forget a settled job."""
        self._hook("remove")
        with self._lock:
            current = self.rows.get(stored.row.job_id)
            if current is None or str(current[1]) != stored.version:
                raise RowConflictError(stored.row.job_id)
            del self.rows[stored.row.job_id], self.specs[stored.row.job_id]
            self.all_told.pop(stored.row.job_id, None)

    def told(self, job_id: str) -> StoredTold:
        """Return what the job has told of itself so far."""
        self._hook("told")
        found = self.all_told.get(job_id)
        return StoredTold(told=Told()) if found is None else _stored_told(*found)

    def tell_progress(self, job_id: str, progress: ToldProgress) -> None:
        """Note the job's newest progress."""
        self._hook("tell_progress")
        with self._lock:
            self.writes["tell_progress"] += 1
            told, version = self.all_told.get(job_id, (Told(), 0))
            self.all_told[job_id] = replace(told, progress=progress), version + 1

    def swap_told(self, job_id: str, stored: StoredTold, told: Told) -> None:
        """Change outputs and looks of what the job has told."""
        self._hook("swap_told")
        with self._lock:
            there, version = self.all_told.get(job_id, (Told(), 0))
            if str(version or "") != stored.version:
                raise RowConflictError(job_id)
            changed = replace(there, outputs=told.outputs, looks=told.looks)
            self.all_told[job_id] = changed, version + 1

    def forget_settled(self, job_id: str) -> None:
        """Take a settled job out of the list."""
        self._unsettled.discard(job_id)

    def now_of(self, job_id: str) -> Row:
        """Return the row as it is now."""
        found = self.rows[job_id]
        return decode(Row, json.loads(found[0]))

    def _hook(self, kind: str) -> None:
        self.before.get(kind, lambda: None)()


def _stored_told(told: Told, version: int) -> StoredTold:
    return StoredTold(told=told, version=str(version))
