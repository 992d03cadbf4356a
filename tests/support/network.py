"""A proxy that stands for the network: it leads some hosts to ports of this machine, and notes all."""

from __future__ import annotations

import contextlib
import socket
import threading
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

from loopback_server import LoopbackServer

if TYPE_CHECKING:
    from collections.abc import Mapping

_PATIENCE_S = 60.0
_CHUNK_BYTES = 65_536


class _Exchange(BaseHTTPRequestHandler):
    """One request to the proxy: a tunnel to where its host leads, else a refusal."""

    def do_CONNECT(self) -> None:
        """Open a tunnel."""
        port = self._port()
        if port is None:
            self.send_error(403)
            return
        with socket.create_connection(("127.0.0.1", port), _PATIENCE_S) as there:
            self.send_response(200)
            self.end_headers()
            self.close_connection = True
            back = threading.Thread(target=_pump, args=(there, self.connection), daemon=True)
            back.start()
            _pump(self.connection, there)
            back.join(_PATIENCE_S)

    def do_GET(self) -> None:
        """Refuse a request that is not encrypted."""
        self._port()
        self.send_error(403)

    def _port(self) -> int | None:
        assert isinstance(self.server, Network)
        self.server.asked_for.add(self.path)
        return self.server.leads_to.get(self.path)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _pump(source: socket.socket, sink: socket.socket) -> None:
    """Pass on what comes until nothing more does."""
    with contextlib.suppress(OSError):
        while chunk := source.recv(_CHUNK_BYTES):
            sink.sendall(chunk)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


class Network(LoopbackServer):
    """Serves between `with` and its end.

    Args:
        leads_to: Ports of this machine, by `host:port`; nothing else is reached.

    Attributes:
        leads_to: The same; may be added to.
        asked_for: What was asked for, as `host:port`, whether it was reached or not.
    """

    def __init__(self, leads_to: Mapping[str, int] | None = None) -> None:
        super().__init__(_Exchange)
        self.leads_to = dict(leads_to or {})
        self.asked_for: set[str] = set()

    @property
    def variables(self) -> dict[str, str]:
        """What has a program go through it, but for this machine's own addresses."""
        proxy = f"http://127.0.0.1:{self.server_port}"
        return {"HTTP_PROXY": proxy, "HTTPS_PROXY": proxy, "NO_PROXY": "127.0.0.1"}
