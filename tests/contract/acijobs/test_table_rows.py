from __future__ import annotations

import os
import secrets
import time
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from azure.data.tables import TableClient, UpdateMode

from acijobs.domain.errors import RowConflictError, RowExistsError, RowTooLargeError, StorageError
from acijobs.rows import table as table_module
from acijobs.rows.table import TABLE, TableRows
from row_stores import (
    CONNECTION,
    NOW,
    TableStore,
    a_full_row,
    a_row,
    ids,
    needs_tables,
    own_table,
    settled,
    spec_of,
)
from table_relay import Faults, relayed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from acijobs.usecases.ports import StoredRow

pytestmark = needs_tables

Relayed = tuple[TableRows, Faults]


@pytest.fixture
def table() -> Iterator[TableStore]:
    """A table that does not exist yet."""
    with own_table() as table:
        yield table


@pytest.fixture
def behind_relay(table: TableStore) -> Iterator[Relayed]:
    """Rows reached through a relay, and the faults that it shall make next."""
    table.open().store()  # makes the table
    faults: Faults = {}
    with (
        relayed(CONNECTION, faults) as connection,
        TableClient.from_connection_string(connection, table.name) as client,
    ):
        yield TableRows(client), faults


@pytest.mark.parametrize("fault", [None, 500, 503])
def test_an_insert_or_swap_that_failed_once_is_done_once(
    behind_relay: Relayed, fault: int | None
) -> None:
    """Its answer was lost, or it was not even tried; a long Retry-After is not waited for."""
    rows, faults = behind_relay
    began = time.monotonic()
    faults |= {"PUT": fault, "POST": fault}
    inserted = rows.insert(a_row(), {"image": "busybox"})
    faults |= {"PATCH": fault, "DELETE": fault}
    swapped = rows.swap(inserted, a_full_row())
    faults |= {"GET": fault}
    assert rows.read("render-42") == swapped
    assert ids(rows.unsettled()) == ()
    assert faults == {}
    assert time.monotonic() - began < 45  # a Retry-After is 60 s


def test_a_404_that_is_not_the_tables_is_no_absence(behind_relay: Relayed) -> None:
    """A proxy may say so of anything."""
    rows, faults = behind_relay
    faults["GET"] = 404
    with pytest.raises(StorageError, match="HTTP 404"):
        rows.read("render-42")


def test_each_call_is_as_few_requests_as_can_be(table: TableStore) -> None:
    """A swap moves the row alone, and an answer about a row has no specification in it."""
    rows = table.open()
    rows.store()

    def of(call: Callable[[], Any]) -> tuple[Any, list[str]]:
        table.requests.clear()
        return call(), list(table.requests)

    inserted, requests = of(lambda: rows.insert(a_row(), {"image": "busybox"}))
    assert requests == ["PUT", "PUT", "POST"]
    assert of(lambda: rows.read("render-42")) == (inserted, ["GET"])
    assert of(lambda: spec_of(rows, "render-42")) == ({"image": "busybox"}, ["GET"])
    swapped, requests = of(lambda: rows.swap(inserted, replace(inserted.row, offer=2)))
    assert requests == ["PATCH"]
    assert of(lambda: ids(rows.unsettled())) == (("render-42",), ["GET"])
    assert of(rows.store)[1] == []
    _, requests = of(lambda: rows.swap(swapped, settled(swapped.row)))
    assert requests == ["PATCH", "DELETE"]


def test_an_operator_reads_a_row_in_the_table(table: TableStore) -> None:
    """Its phase and when it was accepted; the entry of an unsettled one says when it is over."""
    rows = table.open()
    inserted = rows.insert(a_row(), {})
    assert table.enlisted()["render-42"]["overAt"] == a_row().over_at
    assert table.enlisted()["render-42"]["acceptedAt"] == NOW
    assert table.client().get_entity("render-42", "job")["phase"] == "Queued"
    rows.swap(inserted, a_full_row())
    job = table.client().get_entity("render-42", "job")
    assert (job["phase"], job["acceptedAt"]) == ("Failed", NOW)


def test_a_refused_submission_leaves_the_jobs_own_entry(table: TableStore) -> None:
    """Its times are those of the job that there is."""
    rows = table.open()
    rows.insert(a_row(), {})
    with pytest.raises(RowExistsError):
        rows.insert(replace(a_row(), accepted_at=NOW + timedelta(days=1)), {})
    assert table.enlisted()["render-42"]["acceptedAt"] == NOW


def test_an_entry_of_a_settled_job_is_forgotten(table: TableStore) -> None:
    """A worker may have died between the swap and the deletion of the entry."""
    rows = table.open()
    inserted = rows.insert(a_row(), {})
    entry = table.enlisted()["render-42"]
    rows.swap(inserted, a_full_row())
    table.client().create_entity(dict(entry))
    assert ids(rows.unsettled()) == ("render-42",)
    rows.forget_settled("render-42")
    assert ids(rows.unsettled()) == ()


def test_an_entry_without_a_job_is_forgotten_when_no_insert_can_be_under_way(
    table: TableStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not before: the job may come yet, and would be in no list."""
    rows = table.open()
    rows.insert(a_row(), {})
    table.remove_job("render-42")
    rows.forget_settled("render-42")
    assert ids(rows.unsettled()) == ("render-42",)
    monkeypatch.setattr(table_module, "_INSERT_TIME", timedelta(seconds=-2))
    rows.forget_settled("render-42")
    assert ids(rows.unsettled()) == ()


def test_an_entry_that_an_insert_renews_meanwhile_stays(
    table: TableStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its job is about to come."""
    rows = table.open()
    rows.insert(a_row(), {})
    table.remove_job("render-42")
    monkeypatch.setattr(table_module, "_INSERT_TIME", timedelta(seconds=-2))

    class Between(TableRows):
        def read(self, job_id: str) -> StoredRow | None:
            found = super().read(job_id)
            table.open().insert(a_row(), {})
            return found

    Between(table.client()).forget_settled("render-42")
    assert ids(rows.unsettled()) == ("render-42",)


def test_an_entry_that_somebody_made_by_hand_is_forgotten(
    table: TableStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no job of such an id."""
    rows = table.open()
    rows.store()
    table.client().create_entity({"PartitionKey": "~unsettled", "RowKey": "No Job"})
    monkeypatch.setattr(table_module, "_INSERT_TIME", timedelta(seconds=-2))
    rows.forget_settled("No Job")
    assert ids(rows.unsettled()) == ()


def test_more_jobs_than_a_page_holds_are_listed(table: TableStore) -> None:
    """The service's pages have 1,000 entries."""
    rows = table.open()
    rows.store()
    names = [f"job-{number:04}" for number in range(1_050)]
    for start in range(0, len(names), 100):
        entries = ({"PartitionKey": "~unsettled", "RowKey": i} for i in names[start : start + 100])
        table.client().submit_transaction([("create", entry) for entry in entries])
    assert ids(rows.unsettled(limit=2_000)) == tuple(names)
    table.requests.clear()
    assert ids(rows.unsettled()) == tuple(names[:1_000])
    assert table.requests == ["GET"]


def test_a_table_deleted_meanwhile_is_made_again(table: TableStore) -> None:
    """By the next write; until then there are no jobs."""
    rows = table.open()
    inserted = rows.insert(a_row(), {})
    table.client().delete_table()
    assert rows.read("render-42") is None
    assert ids(rows.unsettled()) == ()
    with pytest.raises(RowConflictError):
        rows.swap(inserted, a_full_row())
    rows.insert(a_row(), {})
    assert ids(rows.unsettled()) == ("render-42",)


def test_a_part_of_a_job_that_is_missing_is_an_error(table: TableStore) -> None:
    """A cut specification could be another one."""
    rows = table.open()
    rows.insert(a_row(), {"a": os.urandom(100_000).hex()})
    client = table.client()
    entity = client.get_entity("render-42", "job")
    del entity["spec1"]
    client.update_entity(entity, mode=UpdateMode.REPLACE)
    with pytest.raises(StorageError, match="missing"):
        spec_of(rows, "render-42")


def test_a_row_that_does_not_fit_is_refused_as_that_jobs_trouble(table: TableStore) -> None:
    """Nothing is written, and the row stays as it was."""
    rows = table.open()
    inserted = rows.insert(a_row(), {})
    huge = replace(inserted.row, labels={"a": "x" * 320_000})
    with pytest.raises(RowTooLargeError):
        rows.swap(inserted, huge)
    assert rows.read("render-42") == inserted


def test_a_connection_string_is_enough() -> None:
    """The rows are in a table of the app's own storage."""
    job_id = f"test-{secrets.token_hex(8)}"
    rows = TableRows.from_connection_string(CONNECTION)
    inserted = rows.insert(a_row(job_id), {})
    with TableClient.from_connection_string(CONNECTION, TABLE) as client:
        assert client.get_entity(job_id, "job").metadata["etag"] == inserted.version
        rows.swap(inserted, settled(inserted.row))
        client.delete_entity(job_id, "job")
    rows.close()
