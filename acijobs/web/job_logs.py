"""A job's archived log, as the API shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from acijobs.domain.group import MAIN_CONTAINER
from acijobs.logs.window import has_lost_lines, without_stamps
from acijobs.usecases.ports import log_key

if TYPE_CHECKING:
    from acijobs.domain.row import Row
    from acijobs.usecases.ports import LogArchive, Outside

MAX_TEXT_BYTES = 4 * 1024 * 1024
"""Most of a log that one answer carries: its end, without the times."""

MAX_READ_BYTES = 32 * 1024 * 1024
"""Most of the archive that is read for it: in very short lines most of it is times."""


@dataclass(frozen=True, kw_only=True)
class ShownLog:
    """The end of a log.

    Attributes:
        text: As the container wrote it, from the start of a line where that is not too long.
        is_part: Whether there is more before it in the archive.
        archived_bytes: Size of the whole archived log.
        truncated: Whether lines in what is shown are, or may be, missing.
    """

    text: str = ""
    is_part: bool = False
    archived_bytes: int = 0
    truncated: bool = False

    def last_lines(self, count: int) -> ShownLog:
        """Return the last lines only."""
        start = len(self.text) - self.text.endswith("\n")
        for _ in range(count):
            start = self.text.rfind("\n", 0, start)
            if start < 0:
                return self
        return self._from(start + 1)

    def bounded(self) -> ShownLog:
        """Return no more of it than one answer carries."""
        text = self.text.encode("utf-8", "replace")
        if len(text) <= MAX_TEXT_BYTES:
            return self
        end = text[-MAX_TEXT_BYTES:].decode("utf-8", "ignore")
        return self._from(len(self.text) - len(_from_line_start(end)))

    def _from(self, start: int) -> ShownLog:
        return ShownLog(
            text=self.text[start:],
            is_part=self.is_part or min(start, len(self.text)) > 0,
            archived_bytes=self.archived_bytes,
            truncated=self.truncated,
        )


def read_log(outside: Outside, row: Row) -> ShownLog:
    """Return the end of the job's log; empty before there is one."""
    if row.group is None:
        return ShownLog()
    archive, key = outside.logs(), log_key(row.group, MAIN_CONTAINER)
    shown = _read(archive, key, MAX_TEXT_BYTES)
    text_bytes = len(shown.text.encode("utf-8", "replace"))
    if shown.is_part and text_bytes < MAX_TEXT_BYTES:
        needed = MAX_TEXT_BYTES * MAX_TEXT_BYTES // max(text_bytes, 1)
        shown = _read(archive, key, min(needed, MAX_READ_BYTES))
    return shown.bounded()


def _read(archive: LogArchive, key: str, max_bytes: int) -> ShownLog:
    end = archive.read_end(key, max_bytes)
    data, is_part = end.data, len(end.data) < end.size_bytes
    text = data.decode("utf-8", "ignore")
    if is_part:
        text = _from_line_start(text)
    return ShownLog(
        text=without_stamps(text),
        is_part=is_part,
        archived_bytes=end.size_bytes,
        truncated=has_lost_lines(data),
    )


def _from_line_start(text: str) -> str:
    """Return the text from its first whole line on; all of it, where it has none."""
    return text[text.find("\n") + 1 :] or text
