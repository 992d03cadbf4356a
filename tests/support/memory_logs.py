"""The archive of logs in memory."""

from __future__ import annotations

from acijobs.domain.errors import ArchiveConflictError
from acijobs.logs.text import ArchivedPart
from acijobs.logs.window import ArchivedEnd


class MemoryLogs:
    """Logs in memory; implements `acijobs.usecases.ports.LogArchive`."""

    def __init__(self) -> None:
        self.logs: dict[str, bytes] = {}
        self.troubles: list[Exception] = []

    def read_end(self, key: str, max_bytes: int, *, known_bytes: int = 0) -> ArchivedEnd:
        """Return the end of a log."""
        del known_bytes
        if self.troubles:
            raise self.troubles.pop(0)
        data = self.logs.get(key, b"")
        return ArchivedEnd(size_bytes=len(data), data=data[-max_bytes:])

    def read_range(self, key: str, offset: int, max_bytes: int) -> ArchivedPart:
        """Return a part of a log."""
        if self.troubles:
            raise self.troubles.pop(0)
        data = self.logs.get(key, b"")
        return ArchivedPart(
            size_bytes=len(data), offset=offset, data=data[offset : offset + max_bytes]
        )

    def append(self, key: str, at_byte: int, data: bytes) -> None:
        """Append to a log."""
        if len(self.logs.get(key, b"")) != at_byte:
            raise ArchiveConflictError(key)
        self.logs[key] = self.logs.get(key, b"") + data

    def keys(self, job_id: str) -> tuple[str, ...]:
        """Return the keys of all logs of a job."""
        if self.troubles:
            raise self.troubles.pop(0)
        return tuple(key for key in self.logs if key.startswith(f"{job_id}/"))

    def remove(self, key: str) -> None:
        """Delete a log for good."""
        self.logs.pop(key, None)
