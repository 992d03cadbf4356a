from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from acijobs.archive.folder import FolderArchive
from acijobs.domain.errors import (
    ArchiveConflictError,
    BusyError,
    InvalidSettingsError,
    RefusedError,
    ServiceError,
)
from acijobs.domain.observation import ContainerState, Observation
from acijobs.usecases.fetch_logs import fetch_logs
from acijobs.usecases.ports import Group
from acijobs_log_model import ServiceLog

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from acijobs.domain.log_window import ArchivedEnd
    from acijobs.domain.spec import JobSpec


@dataclass(kw_only=True)
class _OneContainer:
    """A group of one container, whose log is a model of Azure's."""

    log: ServiceLog | None = field(
        default_factory=lambda: ServiceLog(
            running_bytes=4_000_000, stopped_bytes=16_384, stopped_lines=1_000
        )
    )
    problem: Exception | None = None
    writes_at_each_read: bool = False
    reads: int = 0

    def get(self, name: str) -> Group | None:
        assert self.log is not None
        state = "Terminated" if self.log.is_stopped else "Running"
        seen = Observation(containers=(ContainerState(name="job", state=state),))
        return Group(name=name, seen=seen)

    def create(self, name: str, spec: JobSpec, tags: dict[str, str]) -> None:
        raise NotImplementedError

    def delete(self, name: str) -> None:
        raise NotImplementedError

    def read_log(self, name: str, container: str) -> str | None:
        self.reads += 1
        if self.problem is not None:
            raise self.problem
        if self.log is not None and self.writes_at_each_read:
            self.log.write(f"read {self.reads}")
        return self.log.read().text if self.log is not None else None


class _Interrupted(FolderArchive):
    """An archive in which something happens before each append."""

    def __init__(self, folder: Path, before: Callable[[], None]) -> None:
        super().__init__(folder)
        self.before = before

    def append(self, job_id: str, at_byte: int, data: bytes) -> None:
        self.before()
        super().append(job_id, at_byte, data)


def fetch(groups: _OneContainer, archive: FolderArchive, *, ended: bool = False) -> dict[str, Any]:
    return fetch_logs(groups, archive, "j", group="job-j", container="job", ended=ended)


def whole(archive: FolderArchive) -> bytes:
    end: ArchivedEnd = archive.read_end("j", 10**8)
    return end.data


def test_two_fetches_at_once_keep_each_line_once(tmp_path: Path) -> None:
    """The slower one finds the archive longer than it was, reads again, and adds what is new."""
    groups, plain = _OneContainer(), FolderArchive(tmp_path)
    assert groups.log is not None
    log = groups.log
    log.write("one")
    turns = iter([True, False, False])

    def another_fetch() -> None:
        if next(turns):
            log.write("two")
            fetch(groups, plain)
            log.write("three")

    reply = fetch(groups, _Interrupted(tmp_path, another_fetch))
    assert whole(plain) == log.whole
    assert (reply["archivedBytes"], reply["truncated"]) == (len(log.whole), False)
    assert groups.reads == 3


def test_a_fetch_that_is_always_overtaken_gives_up_as_a_hiccup(tmp_path: Path) -> None:
    """The orchestration asks again later; nothing is lost by that."""
    groups, plain = _OneContainer(), FolderArchive(tmp_path)
    assert groups.log is not None
    groups.writes_at_each_read = True

    def another_fetch() -> None:
        fetch(groups, plain)

    with pytest.raises(ArchiveConflictError):
        fetch(groups, _Interrupted(tmp_path, another_fetch))
    assert whole(plain) == groups.log.whole


def test_a_fetch_that_was_cut_short_goes_on_where_it_was(tmp_path: Path) -> None:
    """A crash may leave any part of an append; the next fetch adds the rest of it."""
    groups, archive = _OneContainer(), FolderArchive(tmp_path)
    assert groups.log is not None
    for number in range(50):
        groups.log.write(f"line {number} é")
    fetch(groups, archive)
    path = tmp_path / "j.log"
    for size in (len(groups.log.whole) - 1, len(groups.log.whole) - 2, 17, 1, 0):
        with path.open("r+b") as file:
            file.truncate(size)
        assert fetch(groups, archive)["truncated"] is False
        assert whole(archive) == groups.log.whole


def test_lines_beyond_what_azure_keeps_are_flagged_once_and_ever_after(tmp_path: Path) -> None:
    """In the reply of the fetch that found it, and of those after it."""
    groups, archive = _OneContainer(), FolderArchive(tmp_path)
    assert groups.log is not None
    groups.log.write("first")
    assert fetch(groups, archive)["truncated"] is False
    for number in range(3000):
        groups.log.write(f"{number}")
    groups.log.stop()
    assert [fetch(groups, archive, ended=True)["truncated"] for _ in range(2)] == [True, True]
    assert whole(archive).count(b"missing here") == 1


def test_a_container_that_never_had_a_log_is_told_apart_from_a_silent_one(tmp_path: Path) -> None:
    """Only the second one's log is complete."""
    assert fetch(_OneContainer(log=None), FolderArchive(tmp_path), ended=True)["found"] is False
    assert fetch(_OneContainer(), FolderArchive(tmp_path), ended=True)["found"] is True
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("problem", "reply"),
    [
        (RefusedError("A", "b" * 2000), {"kind": "refused", "code": "A", "message": "b" * 1000}),
        (BusyError("A", "b"), {"kind": "busy", "code": "A", "message": "b"}),
        (
            BusyError("A", "b", retry_after_s=5),
            {"kind": "busy", "code": "A", "message": "b", "retryAfterSeconds": 5},
        ),
    ],
)
def test_azures_refusals_and_hiccups_are_replies(
    tmp_path: Path, problem: ServiceError, reply: dict[str, Any]
) -> None:
    """Exception types do not cross to an orchestration."""
    assert fetch(_OneContainer(problem=problem), FolderArchive(tmp_path)) == reply


def test_wrong_settings_are_a_refusal_that_names_them(tmp_path: Path) -> None:
    """They stop the job instead of being tried again for half an hour."""
    reply = fetch(
        _OneContainer(problem=InvalidSettingsError(("Location is missing",))),
        FolderArchive(tmp_path),
    )
    assert (reply["kind"], reply["code"]) == ("refused", "InvalidSettings")
    assert "Location is missing" in reply["message"]


def test_a_defect_is_not_a_reply(tmp_path: Path) -> None:
    """It is raised, and shows as a failure of the activity."""
    with pytest.raises(ZeroDivisionError):
        fetch(_OneContainer(problem=ZeroDivisionError()), FolderArchive(tmp_path))
