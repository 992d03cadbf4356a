"""Brings a job's archived log up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acijobs.domain.errors import ArchiveConflictError
from acijobs.domain.log_window import (
    COMPARED_BYTES,
    addition,
    has_lost_lines,
    may_be_of_stopped,
)
from acijobs.usecases.replies import Reply, replies

if TYPE_CHECKING:
    from acijobs.usecases.ports import ContainerGroups, LogArchive

_ATTEMPTS = 3


@replies
def fetch_logs(  # noqa: PLR0913 - one port each, and what to fetch
    groups: ContainerGroups,
    archive: LogArchive,
    job_id: str,
    *,
    group: str,
    container: str,
    ended: bool,
) -> Reply:
    """The archive holds every line that Azure still had, each once.

    The archive itself is the cursor, so a repeated run adds nothing; two runs at once (a late
    redelivery) are told apart by the archive's size, and the later one starts over. The archive is
    read before the log, so that the log is never older than what it is laid over.

    Args:
        groups: Where the log is read.
        archive: Where it is kept.
        job_id: Whose log it is.
        group: The container group's name.
        container: The container's name.
        ended: Whether the container has ended, so that its last line is whole.

    Returns:
        `{"kind": "fetched", "archivedBytes": int, "addedBytes": int, "truncated": bool,
        "found": bool}`, where `truncated` is whether this or a recent read found lines missing, and
        `found` whether Azure had a log at all; `refused` or `busy`.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        kept = archive.read_end(job_id, COMPARED_BYTES)
        window = groups.read_log(group, container)
        if not ended and may_be_of_stopped(kept, window or ""):
            ended = _has_stopped(groups, group, container)
        added = addition(kept, window or "", ended=ended)
        try:
            if added.data:
                archive.append(job_id, kept.size_bytes, added.data)
        except ArchiveConflictError:
            if attempt == _ATTEMPTS:
                raise
            continue
        break
    return {
        "kind": "fetched",
        "archivedBytes": kept.size_bytes + len(added.data),
        "addedBytes": len(added.data),
        "truncated": added.lost or has_lost_lines(kept.data),
        "found": window is not None,
    }


def _has_stopped(groups: ContainerGroups, group: str, container: str) -> bool:
    # It may have ended between the look that saw it run and this fetch.
    found = groups.get(group)
    if found is None:
        return True
    return any(c.name == container and c.state == "Terminated" for c in found.seen.containers)
