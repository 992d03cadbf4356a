"""Receivers of callbacks on loopback, well-behaved and others: a test says each byte of an answer."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def answer(status: int, *headers: str, body: bytes = b"") -> bytes:
    """Return an answer as it goes over the wire."""
    lines = [f"HTTP/1.1 {status} Text", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@dataclass(frozen=True, kw_only=True)
class Received:
    """One request.

    Attributes:
        line: Its first line.
        headers: Its headers, by their names in lower case.
        body: Its body.
    """

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass(kw_only=True)
class Receiver:
    """A server on loopback; use as a context manager.

    Attributes:
        answers: What the next requests are answered, in order; the last one is repeated. A function
            gets the connection after the request was read, and does what it likes.
        tls: What it proves who it is with; None for plain http.
        received: The requests so far.
        connections: How many connections were taken.
        port: Its port.
    """

    answers: list[bytes | Callable[[socket.socket], None]] = field(default_factory=lambda: [OK])
    tls: ssl.SSLContext | None = None
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    _server: socket.socket = field(init=False)
    _ending: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._server = socket.create_server(("127.0.0.1", self.port))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._server.close()

    @property
    def url(self) -> str:
        """Its address."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}/hook"

    @property
    def trusted(self) -> frozenset[str]:
        """The setting that lets callbacks reach it."""
        return frozenset({f"127.0.0.1:{self.port}"})

    def hang(self, connection: socket.socket) -> None:
        """Say nothing until the test is over."""
        del connection
        self._ending.wait(30)

    def drip(self, data: bytes, every_s: float = 0.02) -> Callable[[socket.socket], None]:
        """Answer byte by byte."""

        def send(connection: socket.socket) -> None:
            for at in range(len(data)):
                if self._ending.is_set():
                    return
                connection.sendall(data[at : at + 1])
                time.sleep(every_s)

        return send

    def answer_to(self, request: Received) -> bytes | Callable[[socket.socket], None]:
        """Return what this request is answered."""
        del request
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def wait_for(self, count: int, within_s: float = 60.0) -> list[Received]:
        """Return the requests once there are so many."""
        give_up_at = time.monotonic() + within_s
        while len(self.received) < count:
            assert time.monotonic() < give_up_at, f"{len(self.received)} requests of {count}"
            time.sleep(0.05)
        return self.received

    def _serve(self) -> None:
        while not self._ending.is_set():
            with contextlib.suppress(OSError):
                connection, _ = self._server.accept()
                self.connections += 1
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as open_sockets:
            open_sockets.enter_context(connection)
            if self.tls is not None:
                connection = self.tls.wrap_socket(connection, server_side=True)
                open_sockets.enter_context(connection)
            request = _read(connection)
            self.received.append(request)
            said = self.answer_to(request)
            if callable(said):
                said(connection)
            else:
                connection.sendall(said)


def _read(connection: socket.socket) -> Received:
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    line, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    length = int(headers["content-length"])
    while len(body) < length:
        body += _more(connection)
    assert re.fullmatch(r"POST \S+ HTTP/1\.1", line)
    return Received(line=line, headers=headers, body=body)


def _more(connection: socket.socket) -> bytes:
    data = connection.recv(65_536)
    if not data:
        raise ConnectionResetError
    return data
