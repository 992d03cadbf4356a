"""Stores of job rows for tests, each of one test's own, and rows to put there."""

from __future__ import annotations

import os
import secrets
import sqlite3
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.data.tables import TableClient

from acijobs.domain.candidates import Candidate
from acijobs.domain.group import Scope
from acijobs.domain.outcome import Outcome
from acijobs.domain.progress import CleanUp
from acijobs.domain.reasons import Reason
from acijobs.domain.row import Row, Run, asked, cancelled, claimed, cleaned, closed
from acijobs.rows.file import FILE, FileRows
from acijobs.rows.table import TableRows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from acijobs.usecases.ports import Rows, Unsettled

CONNECTION = os.environ.get("ACIJOBS_AZURITE", "")
"""Azurite's connection string; empty where it does not run."""

NOW = datetime(2026, 11, 25, 12, 0, 0, 123456, tzinfo=UTC)

needs_tables = [
    pytest.mark.azurite,
    pytest.mark.skipif(
        "tableendpoint=" not in CONNECTION.lower(),
        reason="set ACIJOBS_AZURITE to a connection string with a TableEndpoint of Azurite",
    ),
]


def a_row(job_id: str = "render-42", **known: Any) -> Row:
    """A job that was just submitted."""
    return Row(job_id=job_id, digest="v1:abc", accepted_at=NOW, **known)


def ids(unsettled: tuple[Unsettled, ...]) -> tuple[str, ...]:
    """Return the ids of unsettled jobs."""
    return tuple(entry.job_id for entry in unsettled)


def spec_of(rows: Rows, job_id: str) -> dict[str, Any]:
    """Return the specification of a job; empty when there is none."""
    found = rows.read_with_spec(job_id)
    return {} if found is None else found[1]


def settled(row: Row) -> Row:
    """A job cancelled before anything was asked of Azure has nothing left to do."""
    changed = closed(row, Outcome.cancelled(), now=NOW)
    assert changed is not None
    assert changed.settled
    return changed


def a_full_row() -> Row:
    """A row that has everything, each by its own transition."""
    run = Run(job_id="render-42", offer=1, execution="e1")
    scope = Scope(subscription_id="s", resource_group="g", app="a", store="st")
    here = (Candidate(scope=scope, location="eastus"),)
    steps: tuple[Callable[[Row], Row | None], ...] = (
        lambda r: claimed(r, run, candidates=here, nonce="k3f9x2m7q1", now=NOW),
        lambda r: asked(r, run, now=NOW + timedelta(seconds=1)),
        lambda r: cancelled(r, why="schönes Wetter ☀ 🏖", now=NOW),
        lambda r: closed(r, Outcome.failed(Reason.CANCELLED, "zu spät 🏖"), now=NOW, restarts=3),
        lambda r: cleaned(r, CleanUp.DELETED, now=NOW),
    )
    row = a_row()
    for step in steps:
        changed = step(row)
        assert changed is not None
        row = changed
    return row


@dataclass
class FileStore:
    """A file of rows of this test's own, which does not exist yet."""

    folder: Path

    def open(self) -> FileRows:
        """Return rows of their own instance."""
        return FileRows(self.folder)

    @property
    def opened_elsewhere(self) -> str:
        """The expression that opens them in another process."""
        return f"FileRows(Path({str(self.folder)!r}))"

    def write_state(self, job_id: str, state: str) -> None:
        """Put this text in the place of a job's row."""
        with closing(sqlite3.connect(self.folder / FILE)) as file, file:
            file.execute("UPDATE jobs SET state = ? WHERE job_id = ?", (state, job_id))

    def remove_job(self, job_id: str) -> None:
        """Take a job away, as nobody does today."""
        with closing(sqlite3.connect(self.folder / FILE)) as file, file:
            file.execute("DELETE FROM jobs WHERE job_id = ?", (job_id,))


@dataclass
class TableStore:
    """A table of this test's own, which does not exist yet."""

    open_now: ExitStack
    connection: str = CONNECTION
    name: str = field(default_factory=lambda: f"rows{secrets.token_hex(8)}")
    requests: list[str] = field(default_factory=list)

    def client(self) -> TableClient:
        """Return a client of the table, which notes its requests."""
        client = TableClient.from_connection_string(
            self.connection, self.name, per_retry_policies=[Requests(self.requests)]
        )
        return self.open_now.enter_context(client)

    def open(self) -> TableRows:
        """Return rows of their own instance and client."""
        return TableRows(self.client())

    @property
    def opened_elsewhere(self) -> str:
        """The expression that opens them in another process."""
        return f"TableRows(TableClient.from_connection_string({self.connection!r}, {self.name!r}))"

    def write_state(self, job_id: str, state: str) -> None:
        """Put this text in the place of a job's row."""
        entity = {"PartitionKey": job_id, "RowKey": "job", "state": state, "stateSize": len(state)}
        self.client().update_entity(entity)

    def remove_job(self, job_id: str) -> None:
        """Take a job away, as nobody does today."""
        self.client().delete_entity(job_id, "job")

    def enlisted(self) -> dict[str, Any]:
        """Return the entries of unsettled jobs, by job."""
        found = self.client().query_entities("PartitionKey eq '~unsettled'")
        return {entity["RowKey"]: entity for entity in found}


class Requests(SansIOHTTPPolicy[Any, Any]):
    """Notes the method of each request."""

    def __init__(self, seen: list[str]) -> None:
        self._seen = seen

    def on_request(self, request: Any) -> None:
        """Note it."""
        self._seen.append(request.http_request.method)


AnyStore = FileStore | TableStore


@contextmanager
def own_table() -> Iterator[TableStore]:
    """Lend a table's name; delete the table in the end."""
    with ExitStack() as open_now:
        store = TableStore(open_now)
        yield store
        TableStore(open_now, name=store.name).client().delete_table()
