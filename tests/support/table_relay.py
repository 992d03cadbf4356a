"""A relay before Azurite's tables, which loses answers and makes up others."""

from __future__ import annotations

import http.client
import threading
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from azure.core.utils import parse_connection_string

if TYPE_CHECKING:
    from collections.abc import Iterator

Faults = dict[str, int | None]
"""By method: a status to answer without asking Azurite, or None to lose its answer. Once each."""


@contextmanager
def relayed(connection: str, faults: Faults) -> Iterator[str]:
    """Return the connection string that leads through the relay."""
    azurite = urlsplit(parse_connection_string(connection)["tableendpoint"]).netloc
    handler = type("Relay", (_Relay,), {"faults": faults, "azurite": azurite})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield connection.replace(azurite, f"127.0.0.1:{server.server_port}")
        server.shutdown()
        thread.join()


class _Relay(BaseHTTPRequestHandler):
    """Passes requests on to Azurite, and does to some answers what the test asks for."""

    protocol_version = "HTTP/1.1"
    faults: Faults
    azurite: str

    def do_GET(self) -> None:
        """Answer one request."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.faults.get(self.command) is not None:
            self.answer(self.faults.pop(self.command) or 0, {"Retry-After": "60"}, b"")
            return
        status, headers, answer = self.ask_azurite(body)
        if self.command in self.faults:
            del self.faults[self.command]
            self.close_connection = True
            return
        self.answer(status, headers, answer)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

    def ask_azurite(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Return the status, headers and body of its answer."""
        with closing(http.client.HTTPConnection(self.azurite, timeout=10)) as azurite:
            azurite.request(self.command, self.path, body, dict(self.headers))
            response = azurite.getresponse()
            return response.status, dict(response.headers), response.read()

    def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        """Send an answer."""
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in {"transfer-encoding", "content-length", "connection"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
