"""A part of a job's log as an answer shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from acijobs.domain.errors import InvalidQueryError, Violation
from acijobs.logs.text import (
    LOOK_BACK_BYTES,
    ArchivedPart,
    start_of_first_line,
    start_of_last_lines,
    text_from,
    whole_characters,
)
from acijobs.logs.window import has_lost_lines

if TYPE_CHECKING:
    from acijobs.usecases.find_log import FoundLog
    from acijobs.usecases.ports import LogArchive
    from acijobs.web.log_request import ByteRange, LogRequest

MAX_ANSWER_BYTES = 4 * 1024 * 1024
"""Most of the archive that one answer shows; `X-Next-Offset` goes on."""

_FIRST_TAIL_BYTES = 256 * 1024
"""How much of the archive's end is read for the last lines; all that an answer may have, if need be."""


@dataclass(frozen=True, kw_only=True)
class LogView:
    """A part of a log.

    Attributes:
        log: Which log.
        data: What is shown.
        offset: Where it begins, in bytes of the archive.
        next_offset: Where it goes on, likewise.
        size_bytes: Size of the archive.
        truncated: Whether lines are, or may be, missing in it.
    """

    log: FoundLog
    data: bytes = b""
    offset: int = 0
    next_offset: int = 0
    size_bytes: int = 0
    truncated: bool = False

    @property
    def is_at_end(self) -> bool:
        """Whether nothing of this log will ever follow."""
        return self.log.is_final and self.next_offset >= self.size_bytes

    @property
    def etag(self) -> str:
        """The ETag: an archive only grows, so that its size tells what it holds; empty without one."""
        if self.log.group is None:
            return ""
        end = "f" if self.log.is_final else ""
        return f'"{self.log.group.nonce}-{self.log.container}-{self.size_bytes:x}{end}"'


def view_log(archive: LogArchive, log: FoundLog, asked: LogRequest) -> LogView:
    """Return the part of the log that is asked for, as far as one answer holds it.

    Raises:
        InvalidQueryError: the offset is beyond the log's end.
        StorageError: the archive does not answer.
    """
    if log.group is None:
        _check_offset(asked.offset, 0, log)
        return LogView(log=log)
    part, offset = _last(archive, log, asked.tail) if asked.tail is not None else (None, 0)
    if part is None:
        offset, start = asked.offset, max(0, asked.offset - LOOK_BACK_BYTES)
        part = archive.read_range(log.key, start, offset - start + MAX_ANSWER_BYTES)
        _check_offset(offset, part.size_bytes, log)
    cut = whole_characters if asked.timestamps else text_from
    shown = cut(part, offset, is_final=log.is_final)
    return LogView(
        log=log,
        data=shown.data,
        offset=offset,
        next_offset=shown.next_offset,
        size_bytes=part.size_bytes,
        truncated=log.truncated or has_lost_lines(part.data),
    )


def view_range(archive: LogArchive, log: FoundLog, asked: ByteRange) -> LogView:
    """Return these bytes of the archive, as many as one answer holds; none where there are none.

    Raises:
        StorageError: the archive does not answer.
    """
    if log.group is None:
        return LogView(log=log)
    if asked.first is None and not asked.last:
        return view_size(archive, log)
    if asked.first is None:
        part = ArchivedPart.last(archive.read_end(log.key, min(asked.last or 0, MAX_ANSWER_BYTES)))
    else:
        last = asked.first + MAX_ANSWER_BYTES - 1
        last = last if asked.last is None else min(asked.last, last)
        part = archive.read_range(log.key, asked.first, last - asked.first + 1)
    return LogView(
        log=log,
        data=part.data,
        offset=part.offset,
        next_offset=part.end,
        size_bytes=part.size_bytes,
        truncated=log.truncated or has_lost_lines(part.data),
    )


def view_size(archive: LogArchive, log: FoundLog) -> LogView:
    """Return nothing of the log but how large it is."""
    size_bytes = archive.read_range(log.key, 0, 1).size_bytes if log.group is not None else 0
    return LogView(log=log, size_bytes=size_bytes, next_offset=size_bytes, truncated=log.truncated)


def _last(archive: LogArchive, log: FoundLog, lines: int) -> tuple[ArchivedPart, int]:
    """Return the end of the archive, and where in it the last so many lines begin."""
    known_bytes = log.known_bytes or archive.read_range(log.key, 0, 1).size_bytes
    for max_bytes in (_FIRST_TAIL_BYTES, MAX_ANSWER_BYTES):
        end = archive.read_end(log.key, max_bytes, known_bytes=known_bytes)
        part = ArchivedPart.last(end)
        offset = start_of_last_lines(part, lines, is_final=log.is_final)
        if part.offset == 0 or offset > start_of_first_line(part):
            break
    return part, offset


def _check_offset(offset: int, size_bytes: int, log: FoundLog) -> None:
    if offset > size_bytes:
        detail = (
            f"{offset} is beyond the end of the log of container '{log.container}' in attempt "
            f"{log.attempt}, which has {size_bytes} bytes: send X-Next-Offset with the 'attempt' and "
            "'container' that it was given for"
        )
        raise InvalidQueryError((Violation(pointer="?offset", detail=detail),))
