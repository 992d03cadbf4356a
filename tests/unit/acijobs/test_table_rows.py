from __future__ import annotations

import contextlib
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from acijobs.domain.errors import StorageError
from acijobs.rows.table import TableRows
from acijobs.usecases.ports import StoredRow
from row_stores import a_full_row, a_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from acijobs.usecases.ports import Rows


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A server where connections wait to be accepted, and nothing is ever answered."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        yield server


CALLS: dict[str, Callable[[Rows], Any]] = {
    "store": lambda rows: rows.store(),
    "insert": lambda rows: rows.insert(a_row(), {}),
    "read": lambda rows: rows.read("render-42"),
    "read_with_spec": lambda rows: rows.read_with_spec("render-42"),
    "swap": lambda rows: rows.swap(StoredRow(row=a_row(), version="v"), a_full_row()),
    "unsettled": lambda rows: rows.unsettled(),
    "forget_settled": lambda rows: rows.forget_settled("render-42"),
}


def test_a_table_that_never_answers_is_an_error_soon(silent: socket.socket) -> None:
    """Within 2.5 seconds, far from the SDK's minute; a request that took them is not repeated."""
    rows = rows_at(f"http://127.0.0.1:{silent.getsockname()[1]}/account")

    def seconds(call: Callable[[Rows], Any]) -> float:
        began = time.monotonic()
        with pytest.raises(StorageError, match="table storage: ServiceResponseTimeoutError"):
            call(rows)
        return time.monotonic() - began

    with ThreadPoolExecutor(len(CALLS)) as threads:
        took = dict(zip(CALLS, threads.map(seconds, CALLS.values()), strict=True))
    rows.close()
    assert {name: waited for name, waited in took.items() if not 2 < waited < 30} == {}
    assert connections_to(silent) == len(CALLS)


def connections_to(server: socket.socket) -> int:
    """Return how many connections wait to be accepted."""
    count = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            server.accept()[0].close()
            count += 1
    return count


def rows_at(url: str, signature: str = "AccountKey=c2VjcmV0") -> TableRows:
    return TableRows.from_connection_string(f"AccountName=account;{signature};TableEndpoint={url};")


def test_a_table_that_is_not_there_is_an_error_without_secrets() -> None:
    """The SDK's own error has the URL with its signature."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    rows = rows_at(f"http://127.0.0.1:{port}", "SharedAccessSignature=sv=2019&sig=secret")
    with pytest.raises(StorageError) as raised:
        rows.read("render-42")
    rows.close()
    assert str(raised.value) == "StorageUnavailable: table storage: ServiceRequestError"
    assert raised.value.__suppress_context__
