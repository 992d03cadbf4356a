"""A blob service that is down, or silent, holds up neither polls nor users."""

from __future__ import annotations

import base64
import gc
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from acijobs.domain.errors import StorageError
from acijobs.logs import blob
from acijobs.logs.blob import BlobArchive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY = "a-1/1-n/job"

# The SDK leaves the connection of a read that was refused to the collector of garbage.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")

CALLS: dict[str, Callable[[BlobArchive], Any]] = {
    "read_end": lambda logs: logs.read_end(KEY, 100),
    "read_range": lambda logs: logs.read_range(KEY, 0, 100),
    "append": lambda logs: logs.append(KEY, 7, b"more"),
    "keys": lambda logs: logs.keys("a-1"),
    "remove": lambda logs: logs.remove(KEY),
}


class Service(ThreadingHTTPServer):
    """Answers every request with 503, or with nothing."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, *, is_silent: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), _Busy)
        self.is_silent = is_silent
        self.closing = threading.Event()
        self.requests = 0


class _Busy(BaseHTTPRequestHandler):
    server: Service

    def _answer(self) -> None:
        self.server.requests += 1
        if self.server.is_silent:
            self.server.closing.wait()
            return
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_PUT = do_DELETE = _answer  # noqa: N815 - what the server calls

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def serve() -> Iterator[Callable[..., tuple[Service, BlobArchive]]]:
    """Starts a service, and returns it with an archive there."""
    open_now: list[Service] = []
    archives: list[BlobArchive] = []

    def start(*, is_silent: bool = False) -> tuple[Service, BlobArchive]:
        service = Service(is_silent=is_silent)
        open_now.append(service)
        threading.Thread(target=service.serve_forever, args=(0.05,), daemon=True).start()
        key = base64.b64encode(b"secret").decode()
        where = f"http://127.0.0.1:{service.server_port}/account"
        account = f"AccountName=account;AccountKey={key};BlobEndpoint={where};"
        archives.append(BlobArchive.from_connection_string(account))
        return service, archives[-1]

    yield start
    for archive in archives:
        archive._container.close()
    gc.collect()
    for service in open_now:
        service.closing.set()
        service.shutdown()
        service.server_close()


@pytest.mark.parametrize("name", CALLS)
def test_a_busy_service_is_asked_twice_and_given_up(
    serve: Callable[..., tuple[Service, BlobArchive]], name: str
) -> None:
    """The SDK would ask four times within a minute and a half, on a thread that others wait for."""
    service, logs = serve()
    with pytest.raises(StorageError, match="HTTP 503"):
        CALLS[name](logs)
    assert service.requests == 2


def test_a_silent_service_is_given_up(
    serve: Callable[..., tuple[Service, BlobArchive]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked twice as well, and each answer is waited for as long as the archive says."""
    monkeypatch.setattr(blob, "_ANSWER_SECONDS", 0.2)
    service, logs = serve(is_silent=True)
    with pytest.raises(StorageError, match="ServiceResponse"):
        logs.read_end(KEY, 100)
    assert service.requests == 2


def test_it_waits_for_seconds_and_not_for_minutes() -> None:
    """Long enough for 4 MB, and short enough for who waits for how a job is."""
    assert 2 * (blob._CONNECT_SECONDS + blob._ANSWER_SECONDS) + blob._RETRY_AFTER_SECONDS <= 15
