"""A container's output as the engine streams it: frames of stdout and stderr in order of arrival."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

STDOUT, STDERR = 1, 2
_HEADER_BYTES = 8
_CHUNK = 1 << 16


class FrameReader:
    """Takes the headers out of a multiplexed stream, however it is cut into chunks.

    Attributes:
        taken: How many output bytes there were of each stream: 1 is stdout, 2 is stderr.
    """

    def __init__(self) -> None:
        self.taken = {STDOUT: 0, STDERR: 0}
        self._stream = STDOUT
        self._header = b""
        self._left = 0

    def feed(self, data: bytes) -> bytes:
        """Return the output bytes in `data`."""
        found = []
        while data:
            if self._left:
                found.append(data[: self._left])
                data = data[self._left :]
                self._left -= len(found[-1])
                self.taken[self._stream] += len(found[-1])
                continue
            wanted = _HEADER_BYTES - len(self._header)
            self._header += data[:wanted]
            data = data[wanted:]
            if len(self._header) == _HEADER_BYTES:
                self._left = int.from_bytes(self._header[4:], "big")
                self._stream = STDERR if self._header[0] == STDERR else STDOUT
                self._header = b""
        return b"".join(found)


class OutputStream:
    """Reads an attached socket on the event loop, no faster than the sink takes it.

    Args:
        attached: What the SDK's `attach_socket` returned, before the container was started.
        sink: Gets the output; a slow sink slows the container, and nothing is dropped.
    """

    def __init__(self, attached: Any, sink: Callable[[bytes], None]) -> None:
        self._attached = attached
        self._socket: socket.socket = getattr(attached, "_sock", attached)
        self._socket.settimeout(0)
        self._sink = sink
        self.frames = FrameReader()
        self._loop = asyncio.get_running_loop()
        self.ended = asyncio.Event()
        self._loop.add_reader(self._socket, self._read)

    def close(self) -> None:
        """Close the socket."""
        if not self.ended.is_set():
            self._loop.remove_reader(self._socket)
            self.ended.set()
            release(self._attached)

    def _read(self) -> None:
        try:
            data = self._socket.recv(_CHUNK)
        except (BlockingIOError, InterruptedError, ssl.SSLWantReadError):
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        output = self.frames.feed(data)
        if output:
            self._sink(output)
        # TLS may hold decrypted bytes of which the selector knows nothing.
        pending = getattr(self._socket, "pending", None)
        if pending is not None and pending():
            self._loop.call_soon(self._read_again)

    def _read_again(self) -> None:
        if not self.ended.is_set():
            self._read()


def release(attached: Any) -> None:
    """Close the connection of an attached socket, and the response that carried it."""
    plain = getattr(attached, "_sock", attached)
    # The response first: closing it flushes, which a closed socket refuses.
    response = getattr(attached, "_response", None)
    if response is not None:
        response.close()
    attached.close()
    plain.close()
