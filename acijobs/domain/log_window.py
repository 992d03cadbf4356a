"""Joins windows of a container's log into one complete log.

Azure offers no cursor: each read returns the newest part of the log as one text, up to 4 MB while the
container runs and 16 KB or 1,000 lines once it stopped. With timestamps asked for, each line starts
with the time it was written. The archive is the truth of what has been kept; a window is laid over the
archive's end, and what sticks out is new. So a read that is repeated after a crash adds nothing twice.

Everything is compared in bytes, so that neither a line nor a character cut by the window's start, nor
an archive that ends within a line (a container cancelled while it wrote, an append that a crash cut
short) disturbs the join: the archive is the log's own bytes, as far as Azure gave them.

What no reader of such an interface can tell apart:

- Lines that are the same to the nanosecond, when some of them have rolled out of the window: the
  longest overlap is taken, so that such a line may be missing, but none is ever repeated.
- Whether lines fell between the archive and a window that shares no whole line with it: then, and where
  a first window is as large as Azure lets it be, lines count as lost, although none may have been.
- The last words of a container that its restart policy started again, which begins a new log: they
  count as lost, unless nothing at all, or no whole time, had been kept of them.

Source: container-instances-resource-and-quota-limits, learn.microsoft.com; api-version 2023-05-01.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LOST_MARK = "[acijobs] log lines may be missing here: Azure keeps only the newest part of a log"
"""The archive's line in a place where lines were, or may have been, lost."""

COMPARED_BYTES = 64 * 1024
"""How much of the archive's end a window is compared with; more than a stopped container's window."""

_RUNNING_LIMIT_BYTES = 4_000_000
# Half of Azure's 16 KB: whether it cuts within a line or between two is not documented, and a window
# may be smaller than the limit by the line that did not fit.
_STOPPED_LIMIT_BYTES = 8_000
_STOPPED_LIMIT_LINES = 1_000
_STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)"
_STAMP_OF_LINE = re.compile(_STAMP + " ?")
_STAMPED_LINE = re.compile(b"^" + _STAMP.encode(), re.MULTILINE)
_MARK_LINE = f"{LOST_MARK}\n".encode()
_CUT_CHARACTER = "\N{REPLACEMENT CHARACTER}".encode()


@dataclass(frozen=True, kw_only=True)
class ArchivedEnd:
    """The end of what is archived of a log.

    Attributes:
        size_bytes: Size of the whole archive.
        data: Its last `COMPARED_BYTES`, or all of it.
    """

    size_bytes: int
    data: bytes


@dataclass(frozen=True, kw_only=True)
class Addition:
    """What a window adds to the archive.

    Attributes:
        data: What to append, UTF-8; whole lines while the container runs.
        lost: Whether lines between the archive and the window are, or may be, missing.
    """

    data: bytes
    lost: bool = False


def addition(kept: ArchivedEnd, window: str, *, ended: bool) -> Addition:
    """Return what `window` adds to a log whose archive ends as `kept`.

    Args:
        kept: The archive's end.
        window: The newest part of the log as Azure returned it; its first line may be cut.
        ended: Whether the container has ended. While it runs, a last line that is still being
            written is left for the next window.
    """
    text = window.encode("utf-8", "replace")
    new = text if ended else text[: text.rfind(b"\n") + 1]
    if not new:
        return Addition(data=b"")
    may_be_cut = _may_be_cut(text, ended=ended)
    if kept.size_bytes == 0:
        return _after_loss(kept, new) if may_be_cut else Addition(data=new)
    # Only half of a line's first time, which an append cut short by a crash leaves, is like any line's.
    places = _holds_a_time_or_line(kept.data) or not may_be_cut
    if places and len(new) >= kept.size_bytes and new[: kept.size_bytes].endswith(kept.data):
        # Nothing has rolled out yet: the window is the archive plus what is new. Comparing by
        # position is exact even where many lines are the same, times included.
        return Addition(data=new[kept.size_bytes :])
    return _joined(kept, new, may_be_cut=may_be_cut)


def may_be_of_stopped(kept: ArchivedEnd, window: str) -> bool:
    """Tell whether it matters for this window whether the container had stopped when it was read.

    So it does for the first window of a log when it is as large as a stopped container's can be: then
    it is the beginning of the log only if the container still ran.
    """
    return kept.size_bytes == 0 and _fills_stopped_limit(window.encode("utf-8", "replace"))


def has_lost_lines(data: bytes) -> bool:
    """Tell whether this part of an archive says that lines are missing."""
    return _after_last_mark(data) is not None


def without_stamps(text: str) -> str:
    """Return the log as the container wrote it, without the time at the start of each line."""
    return "\n".join(_STAMP_OF_LINE.sub("", line, count=1) for line in text.split("\n"))


def _may_be_cut(text: bytes, *, ended: bool) -> bool:
    if not _STAMPED_LINE.match(text) and _STAMPED_LINE.search(text):
        return True
    return len(text) >= _RUNNING_LIMIT_BYTES or (ended and _fills_stopped_limit(text))


def _fills_stopped_limit(new: bytes) -> bool:
    lines = new.count(b"\n") + (not new.endswith(b"\n"))
    if lines > _STOPPED_LIMIT_LINES or len(new) > COMPARED_BYTES:
        return False  # more than a stopped container shows: it runs, although it may be cancelled
    return len(new) >= _STOPPED_LIMIT_BYTES or lines == _STOPPED_LIMIT_LINES


def _holds_a_time_or_line(data: bytes) -> bool:
    return b"\n" in data or _STAMPED_LINE.match(data) is not None


def _joined(kept: ArchivedEnd, new: bytes, *, may_be_cut: bool) -> Addition:
    since_mark = _after_last_mark(kept.data)
    known = _without_torn_mark(kept.data) if since_mark is None else since_mark
    if not known:  # the mark is there, but what follows it was not written any more
        return Addition(data=new, lost=True)
    # After a mark the archive begins with a window of its own: by position, as above, where the
    # window cannot have moved on, or where no more than the start of its first line was written.
    begins_anew = since_mark is not None and (not may_be_cut or b"\n" not in known)
    if begins_anew and new.startswith(known):
        return Addition(data=new[len(known) :])
    whole_characters = new
    while whole_characters.startswith(_CUT_CHARACTER):
        whole_characters = whole_characters.removeprefix(_CUT_CHARACTER)
    end = _end_within(whole_characters, known)
    if end is not None:
        return Addition(data=whole_characters[end:])
    if _end_within(known, whole_characters) is not None:
        return Addition(data=b"")  # an older window than the one that was archived last
    return _after_loss(kept, new)


def _after_loss(kept: ArchivedEnd, new: bytes) -> Addition:
    line_end = b"\n" if kept.data and not kept.data.endswith(b"\n") else b""
    return Addition(data=line_end + _MARK_LINE + new, lost=True)


def _after_last_mark(data: bytes) -> bytes | None:
    # The container's own lines start with a time, so none of them is the mark.
    at = data.rfind(b"\n" + _MARK_LINE)
    if at >= 0:
        return data[at + 1 + len(_MARK_LINE) :]
    return data[len(_MARK_LINE) :] if data.startswith(_MARK_LINE) else None


def _without_torn_mark(data: bytes) -> bytes:
    # The end of a long archive may begin within a mark, which no window holds.
    head = data[: data.find(b"\n") + 1]
    return data[len(head) :] if _MARK_LINE.endswith(head) else data


def _end_within(text: bytes, earlier: bytes) -> int | None:
    """Return where in `text` the text `earlier` ends, or None where the two do not connect.

    They connect where all that both have before that place is the same and holds at least one line's
    time: the rest of a cut line alone proves nothing. The last such place wins.
    """
    if not earlier:
        return None
    last_line = earlier[earlier.rfind(b"\n", 0, -1) + 1 :]
    at = text.rfind(last_line)
    while at >= 0:
        end = at + len(last_line)
        shared = earlier[-end:]
        if text.startswith(shared, end - len(shared)):
            return end if _STAMPED_LINE.search(shared) else None
        at = text.rfind(last_line, 0, end - 1)
    return None
