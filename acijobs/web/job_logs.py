"""A job's archived log, as the API shows it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from acijobs.domain.group import MAIN_CONTAINER
from acijobs.logs.text import ArchivedPart, start_of_first_line, text_from
from acijobs.logs.window import has_lost_lines
from acijobs.usecases.ports import log_key

if TYPE_CHECKING:
    from acijobs.domain.row import Row
    from acijobs.usecases.ports import LogArchive, Outside

MAX_TEXT_BYTES = 64 * 1024
"""Most of a log that a job's JSON carries: its end, without the times. The API of logs has the rest."""

_FIRST_READ_BYTES = 2 * MAX_TEXT_BYTES
"""How much of the archive is read for it: enough, unless its lines are shorter than their times."""

MAX_READ_BYTES = 40 * MAX_TEXT_BYTES
"""Most of the archive that is read for it: a line of one character is 32 to 38 bytes there."""


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
        text = self.text.encode()
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
    """Return the end of the log of the newest attempt that has a group; empty before there is one."""
    logs = ((row.group, row.log), *((ended.group, ended.log) for ended in reversed(row.attempts)))
    group, log = next((each for each in logs if each[0] is not None), (None, row.log))
    if group is None:
        return ShownLog()
    read = partial(
        _read,
        outside.logs(),
        log_key(group, MAIN_CONTAINER),
        known_bytes=log.archived_bytes,
        is_final=row.is_closed or group != row.group,
    )
    shown = read(_FIRST_READ_BYTES)
    text_bytes = len(shown.text.encode())
    if shown.is_part and text_bytes < MAX_TEXT_BYTES:
        needed = 2 * _FIRST_READ_BYTES * MAX_TEXT_BYTES // max(text_bytes, 1)
        shown = read(min(needed, MAX_READ_BYTES))
    return shown.bounded()


def _read(
    archive: LogArchive, key: str, max_bytes: int, *, known_bytes: int, is_final: bool
) -> ShownLog:
    part = ArchivedPart.last(archive.read_end(key, max_bytes, known_bytes=known_bytes))
    start = start_of_first_line(part)
    return ShownLog(
        text=text_from(part, start, is_final=is_final).data.decode(),
        is_part=part.offset > 0,
        archived_bytes=part.size_bytes,
        truncated=has_lost_lines(part.data),
    )


def _from_line_start(text: str) -> str:
    """Return the text from its first whole line on; all of it, where it has none."""
    return text[text.find("\n") + 1 :] or text
