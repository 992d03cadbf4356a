"""What the service keeps of a container's output."""

from __future__ import annotations

import codecs
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

KEPT_RUNNING_BYTES = 4 * 1024 * 1024
KEPT_STOPPED_BYTES = 16 * 1024
KEPT_STOPPED_LINES = 1000
_LONGEST_CHARACTER_BYTES = 4


class LogBuffer:
    """The newest output of one container: 4 MB while it runs, 16 KB or 1,000 lines once stopped.

    Lines are kept with the time their first byte arrived, however long they are: engines keep a long
    line in parts, and readers join them. A running container's log loses whole lines, a stopped
    one's, or one of a single line, bytes: the first line kept may be the rest of one, and then has no
    time. How Azure cuts is not documented; a reader must bear this.

    Source: resource-and-quota-limits of the product documentation.
    """

    def __init__(self) -> None:
        self._lines: deque[tuple[datetime | None, bytearray]] = deque()
        self._size_bytes = 0
        self._open = False
        self._stopped = False

    def write(self, chunk: bytes, arrived_at: datetime) -> None:
        """Append raw output; it may end within a line, or within a character."""
        start = 0
        while start < len(chunk):
            end = chunk.find(b"\n", start) + 1 or len(chunk)
            self._append(chunk[start:end], arrived_at)
            start = end
        self._trim()

    def _append(self, piece: bytes, arrived_at: datetime) -> None:
        if self._open:
            self._lines[-1][1].extend(piece)
        else:
            self._lines.append((arrived_at, bytearray(piece)))
        self._size_bytes += len(piece)
        self._open = not piece.endswith(b"\n")

    def stop(self) -> None:
        """Keep only what the service keeps of a stopped container, also of what still arrives."""
        self._stopped = True
        self._trim()

    def _trim(self) -> None:
        limit_bytes = KEPT_STOPPED_BYTES if self._stopped else KEPT_RUNNING_BYTES
        too_many = len(self._lines) - KEPT_STOPPED_LINES if self._stopped else 0
        while self._lines and (self._size_bytes > limit_bytes or too_many > 0):
            _, line = self._lines.popleft()
            self._size_bytes -= len(line)
            too_many -= 1
            room_bytes = limit_bytes - self._size_bytes
            by_bytes = self._stopped or not self._lines
            if by_bytes and too_many <= 0 < room_bytes < len(line):
                del line[:-room_bytes]
                self._lines.appendleft((None, line))
                self._size_bytes += room_bytes
        self._open = self._open and bool(self._lines)

    def read(self, *, tail: int | None = None, timestamps: bool = False) -> str:
        """Return what is kept, the newest `tail` lines of it, each after its time if asked.

        Bytes that are not UTF-8 come as U+FFFD; an incomplete character at the very end is held back
        until the rest of it arrives.
        """
        lines = list(self._lines)
        if tail is not None:
            lines = lines[-tail:] if tail > 0 else []
        if timestamps:
            content = b"".join(_stamp(at) + line if at else line for at, line in lines)
        else:
            content = b"".join(line for _, line in lines)
        return _without_incomplete_end(content).decode("utf-8", errors="replace")


def _stamp(at: datetime) -> bytes:
    """Return RFC3339Nano with all nine digits, as the kubelet writes them; the clock has six."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f000Z ").encode()


def _without_incomplete_end(content: bytes) -> bytes:
    """Cut a UTF-8 character whose last bytes have not arrived."""
    # An incremental decoder that is not told the end keeps exactly such a character back.
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    decoder.decode(content[-_LONGEST_CHARACTER_BYTES:])
    pending, _ = decoder.getstate()
    return content[: len(content) - len(pending)]
