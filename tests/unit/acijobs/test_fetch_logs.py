"""The archived log has every line that Azure has, each once, whoever fetches it and when."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from acijobs.domain.codec import encode
from acijobs.domain.errors import (
    ArchiveConflictError,
    BusyError,
    RefusedError,
    ServiceError,
    StorageError,
)
from acijobs.domain.messages import (
    Busy,
    CreateRequest,
    Fetched,
    FetchRequest,
    Refused,
    Reply,
    Superseded,
)
from acijobs.domain.row import Run
from acijobs.logs.window import LOST_MARK
from acijobs.usecases.answering import answer
from acijobs.usecases.create_group import create_group
from acijobs.usecases.fetch_logs import LogSource, fetch_log, fetch_logs
from acijobs_interleaving import RUN, TWIN, accept, let_pass
from acijobs_log_model import ServiceLog
from acijobs_world import World
from memory_logs import MemoryLogs
from scripted_azure import ScriptedAzure

if TYPE_CHECKING:
    from collections.abc import Callable

    from acijobs.logs.window import ArchivedEnd


class _Archive(MemoryLogs):
    """An archive in which something happens before each append, and with a count of them."""

    def __init__(self) -> None:
        super().__init__()
        self.before: Callable[[], None] = lambda: None
        self.appends = 0

    def read_end(self, key: str, max_bytes: int, *, known_bytes: int = 0) -> ArchivedEnd:
        end = super().read_end(key, max_bytes, known_bytes=known_bytes)
        return replace(end, appends=self.appends)

    def append(self, key: str, at_byte: int, data: bytes) -> None:
        self.before()
        super().append(key, at_byte, data)


@dataclass(kw_only=True)
class _Azure(ScriptedAzure):
    """A group whose log is a model of Azure's."""

    log: ServiceLog | None = field(
        default_factory=lambda: ServiceLog(
            running_bytes=4_000_000, stopped_bytes=16_384, stopped_lines=1_000
        )
    )
    before_read: Callable[[], None] = lambda: None

    def read_log(self, name: str, container: str) -> str | None:
        self.calls["read_log"] += 1
        self.before_read()
        return self.log.read().text if self.log is not None else None


class _World(World):
    """A world with a job whose container runs, and writes what a test says."""

    def __init__(self) -> None:
        super().__init__(script={"end_after_s": 1000})
        self.archive = self.memory_logs = _Archive()
        self.service = self.azure = _Azure(clock=self.clock, end_after_s=1000)
        accept(self)
        create_group(self, CreateRequest(run=RUN))
        let_pass(self, 10)

    @property
    def log(self) -> ServiceLog:
        assert self.service.log is not None
        return self.service.log

    def stop(self) -> None:
        self.log.stop()
        self.azure.end_after_s = 10

    @property
    def kept(self) -> bytes:
        return b"".join(self.archive.logs.values())


@pytest.fixture
def world() -> _World:
    return _World()


def fetch(world: _World, run: Run = RUN, *, ended: bool = False) -> Reply:
    return fetch_logs(world, FetchRequest(run=run, has_ended=ended))


def fetched(world: _World, *, ended: bool = False) -> Fetched:
    reply = fetch(world, ended=ended)
    assert isinstance(reply, Fetched)
    return reply


def test_a_log_is_kept_for_each_attempt_and_container(world: _World) -> None:
    """Names are never used again, so nothing is ever emptied or overwritten."""
    world.log.write("one")
    reply = fetched(world)
    assert (reply.added_bytes, reply.archived_bytes) == (len(world.kept), len(world.kept))
    assert list(world.archive.logs) == ["j/1-nonce00001/job"]
    assert fetched(world).added_bytes == 0


def test_an_archive_that_was_appended_to_often_is_left_to_the_polls(world: _World) -> None:
    """Those who follow a log must not use up what a blob takes: the end would not be kept."""
    world.log.write("one")
    row = world.memory_rows.now_of(RUN.job_id)
    assert row.group is not None
    source = LogSource.of(world, row.group)
    followed = partial(fetch_log, source, has_ended=False, most_appends=10)
    world.archive.appends = 9
    assert followed().added_bytes > 0
    before = world.kept
    world.archive.appends = 10
    world.log.write("two")
    world.azure.calls.clear()
    assert followed() == Fetched(archived_bytes=len(before))
    assert not world.azure.calls
    assert fetched(world).added_bytes > 0
    assert world.kept == world.log.whole


@pytest.mark.parametrize("run", [TWIN, replace(RUN, offer=2), replace(RUN, job_id="other"), Run()])
def test_a_run_that_does_not_drive_the_job_fetches_nothing(world: _World, run: Run) -> None:
    """Nothing is read for it, and nothing written."""
    world.log.write("one")
    assert fetch(world, run) == Superseded()
    assert world.azure.calls["read_log"] == 0
    assert world.kept == b""


def test_two_fetches_at_once_keep_each_line_once(world: _World) -> None:
    """The slower one finds the archive longer than it was, reads again, and adds what is new."""
    world.log.write("one")
    turns = iter([True, False, False])

    def another_fetch() -> None:
        if next(turns):
            world.log.write("two")
            fetch(world)
            world.log.write("three")

    world.archive.before = another_fetch
    reply = fetched(world)
    assert world.kept == world.log.whole
    assert (reply.archived_bytes, reply.truncated) == (len(world.log.whole), False)
    assert world.azure.calls["read_log"] == 3


def test_a_fetch_that_is_always_overtaken_gives_up_as_a_hiccup(world: _World) -> None:
    """The orchestration asks again later; nothing is lost by that."""
    reads = iter(range(100))
    world.service.before_read = lambda: world.log.write(f"read {next(reads)}")
    nested = False

    def another_fetch() -> None:
        nonlocal nested
        if not nested:
            nested = True
            fetch(world)
            nested = False

    world.archive.before = another_fetch
    with pytest.raises(ArchiveConflictError):
        fetch(world)
    assert world.kept == world.log.whole


def test_a_fetch_that_was_cut_short_goes_on_where_it_was(world: _World) -> None:
    """A crash may leave any part of an append; the next fetch adds the rest of it."""
    for number in range(50):
        world.log.write(f"line {number} é")
    fetch(world)
    (key,) = world.archive.logs
    for size in (len(world.log.whole) - 1, len(world.log.whole) - 2, 17, 1, 0):
        world.archive.logs[key] = world.log.whole[:size]
        assert fetched(world).truncated is False
        assert world.kept == world.log.whole


def test_lines_beyond_what_azure_keeps_are_flagged_once_and_ever_after(world: _World) -> None:
    """In the reply of the fetch that found it, and of those after it."""
    world.log.write("first")
    assert fetched(world).truncated is False
    for number in range(3000):
        world.log.write(f"{number}")
    world.stop()
    assert [fetched(world, ended=True).truncated for _ in range(2)] == [True, True]
    assert world.kept.count(LOST_MARK.encode()) == 1


def test_a_container_that_stopped_unseen_is_not_thought_whole(world: _World) -> None:
    """Azure has cut its log then, though the poll before saw it run."""
    for number in range(3000):
        world.log.write(f"{number}")
    world.stop()
    let_pass(world, 10)
    assert fetched(world).truncated


def test_a_container_that_never_had_a_log_is_told_apart_from_a_silent_one(world: _World) -> None:
    """Only the second one's log is complete."""
    assert fetched(world, ended=True).found is True
    world.service.log = None
    assert fetched(world, ended=True).found is False
    assert world.kept == b""


def test_a_late_fetch_of_a_group_that_is_gone_adds_nothing(world: _World) -> None:
    """What is archived stays as it is, and is not called lost."""
    world.log.write("one")
    fetch(world)
    kept = world.kept
    world.service.log = None
    reply = fetched(world)
    assert (reply.added_bytes, reply.truncated, reply.found) == (0, False, False)
    assert world.kept == kept


@pytest.mark.parametrize(
    ("problem", "kind"),
    [
        (RefusedError("A", "b key=s3cret c"), Refused),
        (BusyError("A", "b", retry_after_s=5), Busy),
        (StorageError("down"), Busy),
    ],
)
def test_azures_refusals_and_hiccups_are_replies(
    world: _World, problem: ServiceError, kind: type[Refused | Busy]
) -> None:
    """Exception types do not cross to an orchestration."""

    def fail() -> None:
        raise problem

    world.service.before_read = fail
    reply = answer(
        FetchRequest, encode(FetchRequest(run=RUN)), lambda asked: fetch_logs(world, asked)
    )
    assert (reply["kind"], reply["code"]) == (kind.kind, problem.code)
    assert "s3cret" not in str(reply)


def test_a_defect_is_not_a_reply(world: _World) -> None:
    """It is raised, and shows as a failure of the activity."""

    def fail() -> None:
        raise ZeroDivisionError

    world.service.before_read = fail
    request = encode(FetchRequest(run=RUN))
    with pytest.raises(ZeroDivisionError):
        answer(FetchRequest, request, lambda asked: fetch_logs(world, asked))
