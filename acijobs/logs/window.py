"""Joins windows of a container's log into one complete log.

Azure offers no cursor: each read returns the newest part of the log as one text, up to 4 MB while the
container runs and 16 KB or 1,000 lines once it stopped. With timestamps asked for, each line starts
with the time it was written. The archive is the truth of what has been kept; a window is laid over the
archive's end, and what sticks out is new. So a read that is repeated after a crash adds nothing twice.

Everything is compared in bytes, so that neither a line nor a character cut by the window's start, nor
an archive that ends within a line (one that is still being written, an append that a crash cut short)
disturbs the join: the archive is the log's own bytes, as far as Azure gave them.

A place is sure where the two share a line's time. A window that begins within the last archived line
(a long one, a progress bar) shares none: then the part of that line that both have must be long enough,
and found nowhere else, to prove the place.

What no reader of such an interface can tell apart:

- Lines that are the same to the nanosecond, when some of them have rolled out of the window: the
  longest overlap is taken, so that such a line may be missing, but none is ever repeated.
- Whether lines fell between the archive and a window that shares no time, nor such a part of a line,
  with it: then, and where a first window is as large as Azure lets it be, lines count as lost, although
  none may have been. So they do within a line that repeats itself (dots), once it is longer than a
  window; lines that end alike for long count as lost only where they come faster than the gap shows.
- The last words of a container that its restart policy started again, which begins a new log: they
  count as lost, unless nothing at all, or no whole time, had been kept of them.

Source: container-instances-resource-and-quota-limits, learn.microsoft.com; api-version 2023-05-01.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from acijobs.logs import within_line
from acijobs.logs.within_line import STAMP, place_within_line

LOST_MARK = "[acijobs] log lines may be missing here: Azure keeps only the newest part of a log"
"""The archive's line where lines of the container were, or may have been, lost."""

COMPARED_BYTES = 64 * 1024
"""How much of the archive's end a window is compared with; more than a stopped container's window."""

_RUNNING_LIMIT_BYTES = 4_000_000
# Half of Azure's 16 KB: whether it cuts within a line or between two is not documented, and a window
# may be smaller than the limit by the line that did not fit.
_STOPPED_LIMIT_BYTES = 8_000
_STOPPED_LIMIT_LINES = 1_000
_STAMPED_LINE = re.compile(b"^" + STAMP, re.MULTILINE)
_MARK_LINE = f"{LOST_MARK}\n".encode()
_CUT_CHARACTER = "\N{REPLACEMENT CHARACTER}".encode()


@dataclass(frozen=True, kw_only=True)
class ArchivedEnd:
    """The end of what is archived of a log.

    Attributes:
        size_bytes: Size of the whole archive.
        data: Its last `COMPARED_BYTES`, or all of it.
        appends: How often it was appended to, where there is a limit to that; else 0.
    """

    size_bytes: int
    data: bytes
    appends: int = field(default=0, compare=False)


@dataclass(frozen=True, kw_only=True)
class Addition:
    """What a window adds to the archive.

    Attributes:
        data: What to append, UTF-8.
        lost: Whether lines between the archive and the window are, or may be, missing.
    """

    data: bytes
    lost: bool = False


def addition(kept: ArchivedEnd, window: str, *, ended: bool) -> Addition:
    """Return what `window` adds to a log whose archive ends as `kept`.

    Args:
        kept: The archive's end.
        window: The newest part of the log as Azure returned it; its first line may be cut.
        ended: Whether the container has ended. While it runs, the last character may not be whole yet,
            and is left for the next window.
    """
    text = window.encode("utf-8", "replace")
    new = text if ended else _without_cut_end(text)
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
    return _joined(kept, new, may_be_cut=may_be_cut, ended=ended)


def may_be_of_stopped(kept: ArchivedEnd, window: str) -> bool:
    """Tell whether it matters for this window whether the container had stopped when it was read.

    So it does for the first window of a log when it is as large as a stopped container's can be: then
    it is the beginning of the log only if the container still ran.
    """
    return kept.size_bytes == 0 and _fills_stopped_limit(window.encode("utf-8", "replace"))


def has_lost_lines(data: bytes) -> bool:
    """Tell whether this part of an archive says that lines are missing."""
    return _after_last_mark(data) is not None


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


def _without_cut_end(text: bytes) -> bytes:
    while text.endswith(_CUT_CHARACTER):
        text = text.removesuffix(_CUT_CHARACTER)
    return text


def _without_cut_start(text: bytes) -> bytes:
    while text.startswith(_CUT_CHARACTER):
        text = text.removeprefix(_CUT_CHARACTER)
    return text


def _joined(kept: ArchivedEnd, new: bytes, *, may_be_cut: bool, ended: bool) -> Addition:
    since_mark = _after_last_mark(kept.data)
    known = _without_torn_mark(kept.data) if since_mark is None else since_mark
    if not known:  # the mark is there, but what follows it was not written any more
        return Addition(data=new, lost=True)
    # After a mark the archive begins with a window of its own: by position, as above, where the
    # window cannot have moved on, or where no more than the start of its first line was written.
    begins_anew = since_mark is not None and (not may_be_cut or _is_start_of_line(known, new))
    if begins_anew and new.startswith(known):
        return Addition(data=new[len(known) :])
    # After a mark the archive, too, may begin with a character that a window's start had cut.
    window, known = _without_cut_start(new), _without_cut_start(known)
    end = _end_within(window, known)
    if end is not None:
        return Addition(data=window[end:])
    if _end_within(known, window) is not None:
        return Addition(data=b"")  # an older window than the one that was archived last
    return _joined_within_line(known, window, ended=ended) or _after_loss(kept, new)


def _is_start_of_line(known: bytes, new: bytes) -> bool:
    # Half of a time proves nothing, as above, nor do a few characters from within a line.
    time = _STAMPED_LINE.match(new)
    proof_bytes = time.end() if time else within_line.PROOF_BYTES
    return b"\n" not in known and len(known) >= proof_bytes


def _joined_within_line(known: bytes, window: bytes, *, ended: bool) -> Addition | None:
    place = place_within_line(window, known)
    older = place_within_line(known, window) if place is None else None
    found = place or older
    if found is None or (ended and not found.is_sure):
        return None
    # While such a line grows beyond all windows, it is not archived anew with each of them.
    return Addition(data=window[place.end :] if place else b"", lost=not found.is_sure)


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
            # All that is shared may be how several lines of one time begin.
            is_one_of_many = b"\n" not in shared and text.count(shared) > 1
            return end if _STAMPED_LINE.search(shared) and not is_one_of_many else None
        at = text.rfind(last_line, 0, end - 1)
    return None
