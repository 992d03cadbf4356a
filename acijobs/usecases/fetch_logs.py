"""Brings a job's archived log up to date."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from acijobs.domain.errors import (
    ArchiveConflictError,
    BusyError,
    InvalidSettingsError,
    RefusedError,
)
from acijobs.domain.group import MAIN_CONTAINER
from acijobs.domain.messages import Fetched, FetchRequest, Superseded
from acijobs.domain.metrics import LOG_GAPS
from acijobs.log_lines import words_of
from acijobs.logs.window import COMPARED_BYTES, addition, has_lost_lines, may_be_of_stopped
from acijobs.usecases.ports import log_key
from acijobs.usecases.telemetry import NO_TELEMETRY

if TYPE_CHECKING:
    from collections.abc import Callable

    from acijobs.domain.group import GroupRef
    from acijobs.domain.messages import Reply
    from acijobs.usecases.ports import ContainerGroups, LogArchive, Outside
    from acijobs.usecases.telemetry import Telemetry

_TRIES = 3

LOG_TROUBLES = (RefusedError, BusyError, ArchiveConflictError, InvalidSettingsError)
"""What keeps a log from being fetched now, and is no defect."""


@dataclass(frozen=True, kw_only=True)
class LogSource:
    """One container's log: where it is read, and where it is kept.

    Attributes:
        groups: Where it is read.
        archive: Where it is kept.
        group: The container group.
        container: The container.
        telemetry: Where gaps are counted.
    """

    groups: ContainerGroups
    archive: LogArchive
    group: GroupRef
    container: str = MAIN_CONTAINER
    telemetry: Telemetry = NO_TELEMETRY

    @classmethod
    def of(cls, outside: Outside, group: GroupRef, container: str = MAIN_CONTAINER) -> LogSource:
        """Return the log of a group's container."""
        return cls(
            groups=outside.groups(group.scope),
            archive=outside.logs(),
            group=group,
            container=container,
            telemetry=outside.telemetry,
        )

    @property
    def key(self) -> str:
        """The log's key in the archive."""
        return log_key(self.group, self.container)

    def has_stopped(self) -> bool:
        """Tell whether the container has ended: it may have between a poll and a fetch."""
        found = self.groups.get(self.group.name)
        if found is None:
            return True
        states = found.seen.all_containers
        return any(c.name == self.container and c.state == "Terminated" for c in states)


def fetch_logs(outside: Outside, request: FetchRequest) -> Reply:
    """Fetch the log of the job's attempt, for the run that drives it.

    Returns:
        Fetched, or Superseded.
    """
    stored = outside.rows().read(request.run.job_id)
    if stored is None or not stored.row.is_driven_by(request.run) or stored.row.group is None:
        return Superseded()
    if stored.row.attempt != request.attempt:
        return Superseded()
    return fetch_log(LogSource.of(outside, stored.row.group), has_ended=request.has_ended)


def fetch_log(
    source: LogSource,
    *,
    has_ended: bool,
    known_bytes: int = 0,
    most_appends: int | None = None,
) -> Fetched:
    """Archive every line that Azure still has, each once.

    The archive itself is the cursor, so a repeated run adds nothing; two runs at once (a late
    redelivery) are told apart by the archive's size, and the later one starts over.

    Args:
        source: Which log.
        has_ended: Whether the container has ended, so that its last line is whole.
        known_bytes: Size that the archived log is known to have at least.
        most_appends: Where the archive was appended to so often, it is left to others; None: never.

    Raises:
        ServiceError: Azure or the archive refused, or was busy.
        ArchiveConflictError: others appended at every try.
    """
    fetch = partial(
        _fetch_once, source, known_bytes, has_ended=has_ended, most_appends=most_appends
    )
    for _ in range(_TRIES - 1):
        try:
            return fetch()
        except ArchiveConflictError:
            continue
    return fetch()


def try_to_fetch_log(
    source: Callable[[], LogSource], *, has_ended: bool = False, known_bytes: int = 0
) -> Fetched:
    """Archive what Azure still has of a log; what goes wrong is only told.

    The next fetch makes up for it.
    """
    try:
        return fetch_log(source(), has_ended=has_ended, known_bytes=known_bytes)
    except LOG_TROUBLES as error:
        return Fetched(archived_bytes=known_bytes, trouble=words_of(error))


def _fetch_once(
    source: LogSource, known_bytes: int, *, has_ended: bool, most_appends: int | None
) -> Fetched:
    # The archive is read before the log, so that the log is never older than what it is laid over.
    kept = source.archive.read_end(source.key, COMPARED_BYTES, known_bytes=known_bytes)
    if most_appends is not None and kept.appends >= most_appends:
        return Fetched(archived_bytes=kept.size_bytes, truncated=has_lost_lines(kept.data))
    window = source.groups.read_log(source.group.name, source.container)
    if not has_ended and may_be_of_stopped(kept, window or ""):
        has_ended = source.has_stopped()
    added = addition(kept, window or "", ended=has_ended)
    if added.data:
        source.archive.append(source.key, kept.size_bytes, added.data)
        if has_lost_lines(added.data):
            source.telemetry.record(lambda: [LOG_GAPS.of()])
    return Fetched(
        archived_bytes=kept.size_bytes + len(added.data),
        added_bytes=len(added.data),
        truncated=added.lost or has_lost_lines(kept.data),
        found=window is not None,
    )
