"""A part of an archived log as the container wrote it: without times, from any offset on.

The archive holds a time before each line, and a cursor is a byte offset in it. A reader may stop
anywhere, and a log may end anywhere while it is written: within a line, a character, or a time. What
cannot be told yet, because the rest is not there, is held back, and the next offset lies before it: so
the texts of consecutive parts, put together, are the text of the whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from acijobs.logs.window import ArchivedEnd

LOOK_BACK_BYTES = 64
"""How much before an offset is read, too: tells whether the offset lies within a line's time."""

_LINE_END = ord("\n")
_NO_ASCII = 0x80
_GOES_ON = 0b10
_LONGER_CHARACTERS = (0xC2, 0xE0, 0xF0)
"""The least bytes that begin a character of two, three and four bytes in UTF-8."""

_FORM = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"
_STAMP = re.compile(_FORM + rb"(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d) ?")
"""At most 36 bytes, less than is looked back."""

_STAMP_OF_LINE = re.compile(rb"\n" + _STAMP.pattern)
"""Beginning with a letter of its own it is found twice as quickly as with `^`."""


def _beginning_of(*steps: bytes) -> bytes:
    """Return a pattern of any beginning of what these patterns match one after another."""
    nested = b""
    for step in reversed(steps):
        nested = rb"(?:" + step + nested + rb")?"
    return nested


_BEGUN = re.compile(
    _beginning_of(
        *[rb"\d"] * 4, b"-", rb"\d", rb"\d", b"-", rb"\d", rb"\d", b"T",
        rb"\d", rb"\d", b":", rb"\d", rb"\d", b":", rb"\d", rb"\d",
        rb"(?:\.\d{0,9})?(?:Z|[+-]\d?|[+-]\d\d:?\d?|[+-]\d\d:\d\d)?",
    )
)  # fmt: skip
"""What may become a line's time, or be one after which a space may follow."""


@dataclass(frozen=True, kw_only=True)
class ArchivedPart:
    """A part of what is archived of a log.

    Attributes:
        size_bytes: Size of the whole archive.
        offset: Where in it the part begins.
        data: The part.
    """

    size_bytes: int
    offset: int
    data: bytes

    @classmethod
    def last(cls, end: ArchivedEnd) -> ArchivedPart:
        """Return the end of an archive as a part of it."""
        offset = end.size_bytes - len(end.data)
        return cls(size_bytes=end.size_bytes, offset=offset, data=end.data)

    @property
    def end(self) -> int:
        """Where in the archive it ends."""
        return self.offset + len(self.data)


@dataclass(frozen=True, kw_only=True)
class LogText:
    """Text of a log between two offsets of its archive.

    Attributes:
        data: The text, in UTF-8.
        next_offset: Where the text goes on, in the archive.
    """

    data: bytes
    next_offset: int


def text_from(part: ArchivedPart, offset: int, *, is_final: bool) -> LogText:
    """Return what the container wrote from this offset of the archive on.

    Args:
        part: The archive from `LOOK_BACK_BYTES` before the offset on, or from its start.
        offset: Where to begin. Within a time it counts as behind it, within a character likewise.
        is_final: Whether nothing will be added to the archive, so that its end is as it is.
    """
    data, begin = part.data, offset - part.offset
    end = len(data) if is_final and part.end >= part.size_bytes else _told_end(part)
    if begin >= end:
        return LogText(data=b"", next_offset=offset)
    begin = _behind_stamp(part, begin)
    line_end = data.find(b"\n", begin, end) + 1 or end
    begins_line = data[begin - 1] == _LINE_END if begin else part.offset == 0
    if begins_line:
        shown = without_stamps(data[begin:end])
    else:  # the rest of a line has no time
        shown = data[begin:line_end] + without_stamps(data[line_end:end])
    return LogText(data=_characters(shown), next_offset=part.offset + max(begin, end))


def whole_characters(part: ArchivedPart, offset: int, *, is_final: bool) -> LogText:
    """Return the archive's own bytes from this offset on, but for a character that is not whole yet."""
    is_end = is_final and part.end >= part.size_bytes
    end = len(part.data) if is_end else _end_of_characters(part.data)
    begin = offset - part.offset
    return LogText(data=part.data[begin:end], next_offset=part.offset + max(begin, end))


def start_of_first_line(part: ArchivedPart) -> int:
    """Return the offset where the part's first whole line begins; its own, where it has none."""
    return part.offset + (part.data.find(b"\n") + 1 if part.offset else 0)


def start_of_last_lines(part: ArchivedPart, count: int, *, is_final: bool) -> int:
    """Return the offset where the last so many lines begin, or else the part's first whole line."""
    data = part.data
    end = len(data) if is_final else _told_end(part)
    first = start_of_first_line(part) - part.offset
    at = end - (data[end - 1 : end] == b"\n")
    for _ in range(count):
        at = data.rfind(b"\n", 0, max(at, 0))
        if at < first:
            return part.offset + first
    return part.offset + (at + 1 if count else end)


def without_stamps(data: bytes) -> bytes:
    """Return the log as the container wrote it, without the time at the start of each line."""
    return _STAMP_OF_LINE.sub(b"\n", b"\n" + data)[1:]


def _told_end(part: ArchivedPart) -> int:
    """Return the end of what can be told of a part, whatever follows it."""
    data = part.data
    end = _end_of_characters(data)
    line = data.rfind(b"\n", 0, end) + 1
    begins_line = line > 0 or part.offset == 0
    return line if begins_line and _BEGUN.fullmatch(data, line, end) else end


def _end_of_characters(data: bytes) -> int:
    """Return the end of the data's last whole character; what is none at all counts as whole."""
    end = len(data)
    for back in range(1, min(3, end) + 1):
        byte = data[end - back]
        if _goes_on(byte):
            continue
        size = 1 + sum(byte >= least for least in _LONGER_CHARACTERS)
        return end - back if size > back else end
    return end


def _goes_on(byte: int) -> bool:
    """Tell whether this byte of UTF-8 goes on with a character."""
    return byte >> 6 == _GOES_ON


def _behind_stamp(part: ArchivedPart, begin: int) -> int:
    """Return where the text goes on: not within a time, nor within a character."""
    data = part.data
    line = data.rfind(b"\n", 0, begin) + 1
    stamp = _STAMP.match(data, line) if line > 0 or part.offset == 0 else None
    if stamp is not None and line < begin < stamp.end():
        return stamp.end()
    is_within = data[begin - 1] >= _NO_ASCII if begin else part.offset > 0
    while is_within and begin < len(data) and _goes_on(data[begin]):
        begin += 1
    return begin


def _characters(data: bytes) -> bytes:
    """Return the text with a sign in the place of what is no UTF-8: an append cut short leaves it."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace").encode()
    return data
