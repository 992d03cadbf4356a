"""Rounds of the Reconciler over many jobs: what they ask for, counted; and what they leave alone."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from acijobs import reconciler
from acijobs.domain.group import GroupRef
from acijobs.domain.reconciling import MAX_TAKE_OVERS_OF_PROBE, PROBES
from acijobs.domain.row import Row, Run
from acijobs.domain.terms import Terms
from acijobs.instances import Instance
from acijobs.reconciler import MAX_JOBS, Reconciler, Round
from acijobs.rows import file as file_rows
from acijobs.rows.file import FileRows
from acijobs.usecases.ports import RECONCILER, StoredRow, Unsettled
from acijobs_world import SCOPE, World
from manual_clock import START, ManualClock
from memory_rows import MemoryRows

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


class CountingRows(MemoryRows):
    """Rows that count every call."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.calls: Counter[str] = Counter()
        self.unsettled_entries: dict[str, Unsettled] = {}

    def unsettled(self, *, after: str = "", limit: int = 1_000) -> tuple[Unsettled, ...]:
        """Return jobs, without reading the rows of ten thousand."""
        self._hook("unsettled")
        ids = sorted(job_id for job_id in self._unsettled if job_id > after)[:limit]
        return tuple(self.unsettled_entries[job_id] for job_id in ids)

    def insert(self, row: Row, spec: dict[str, Any]) -> StoredRow:
        """Add a job."""
        times = {"accepted_at": row.accepted_at, "over_at": row.over_at}
        self.unsettled_entries[row.job_id] = Unsettled(job_id=row.job_id, **times)
        return super().insert(row, spec)

    def bookmark(self, of: str = RECONCILER) -> str:
        """Return the bookmark."""
        self._hook("bookmark")
        return super().bookmark(of)

    def set_bookmark(self, place: str, of: str = RECONCILER) -> None:
        """Set the bookmark."""
        self._hook("set_bookmark")
        super().set_bookmark(place, of)

    def _hook(self, kind: str) -> None:
        self.calls[kind] += 1
        super()._hook(kind)


@dataclass(kw_only=True)
class ScriptedInstances:
    """Instances that all went on at the same time; counts what it is asked."""

    updated_at: datetime
    calls: Counter[str] = field(default_factory=Counter)
    looked_at: list[str] = field(default_factory=list)

    async def find(self, job_id: str) -> Instance:
        """Return a running instance."""
        self.calls["find"] += 1
        self.looked_at.append(job_id)
        return Instance(runtime_status="Running", updated_at=self.updated_at)

    async def find_children(self, job_id: str, offer: int) -> tuple[Instance, ...] | None:
        """Return no watches."""
        self.calls["find_children"] += 1
        return ()

    async def start(self, job_id: str, offer: int, trace_parent: str | None = None) -> bool:
        """Refuse."""
        self.calls["start"] += 1
        return False

    async def terminate(self, job_id: str, why: str) -> bool:
        """Refuse."""
        self.calls["terminate"] += 1
        return False


def driven(job_id: str, accepted_at: datetime) -> Row:
    """Return the row of a job that runs for days."""
    return Row(
        job_id=job_id,
        accepted_at=accepted_at,
        terms=Terms(run_seconds=7 * 86_400),
        claim=Run(job_id=job_id, offer=1, execution="x"),
        group=GroupRef(scope=SCOPE, job_id=job_id, nonce="n"),
        asked_at=accepted_at,
        created_at=accepted_at,
    )


def world_of(young: int, old: int) -> tuple[World, CountingRows]:
    """Return a world of driven jobs, each with its group, some minutes old and some hours."""
    world = World()
    rows = world.memory_rows = CountingRows(world.clock)
    for number in range(young + old):
        age = 5 * MINUTE if number < young else 5 * 60 * MINUTE
        row = driven(f"job-{number:05}", START - age)
        rows.insert(row, {})
        assert row.group is not None
        world.azure.alive[row.job_id] = START - age
        world.azure.tags[row.job_id] = row.group.tags({}, START)
    rows.calls.clear()
    return world, rows


async def one_round(world: World, updated_at: datetime = START) -> tuple[Round, ScriptedInstances]:
    instances = ScriptedInstances(updated_at=updated_at)
    done = await Reconciler(world, instances).round()  # type: ignore[arg-type]
    return done, instances


@pytest.mark.parametrize(
    ("young", "old", "lists", "most_looks"),
    [(0, 0, 1, 0), (10, 90, 1, 30), (200, 9_800, 11, MAX_JOBS)],
)
async def test_what_a_round_asks_for(young: int, old: int, lists: int, most_looks: int) -> None:
    """One list per thousand unsettled jobs; a row and a status for each that is due; Azure's list.

    Most jobs only wait, and a tenth of those is due. Two requests look for jobs to forget.
    """
    world, rows = world_of(young, old)
    done, instances = await one_round(world)
    assert young + old // 20 <= done.looked_at or done.looked_at == MAX_JOBS
    assert done.looked_at <= most_looks
    is_cut = done.looked_at == MAX_JOBS
    assert (
        rows.calls
        == Counter(
            now=1,
            unsettled=lists,
            read=done.looked_at,
            bookmark=int(is_cut) + 1,
            listed=1,
            set_bookmark=int(is_cut),
        )
        - Counter()
    )
    assert instances.calls == Counter(find=done.looked_at) - Counter()
    assert world.azure.calls == {"listed": 1}
    assert not done.acts


async def test_no_job_starves_among_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand in forty rounds, a tenth of which each may look at a tenth here."""
    monkeypatch.setattr(reconciler, "MAX_JOBS", 50)
    world, _ = world_of(20, 980)
    seen: list[set[str]] = []
    for _ in range(40):
        done, instances = await one_round(world, updated_at=world.clock.current)
        assert done.looked_at == 50
        seen.append(set(instances.looked_at))
        world.clock.current += MINUTE
    assert len(set.union(*seen)) == 1_000
    young = {f"job-{number:05}" for number in range(20)}
    assert all(young <= looks for looks in seen[:15])


async def test_groups_are_swept_however_many_jobs_are_due() -> None:
    """A round that is cut short by the number of jobs sweeps all the same."""
    world, _ = world_of(600, 0)
    group = GroupRef(scope=SCOPE, job_id="over", nonce="n")
    world.azure.alive["late"], world.azure.tags["late"] = START, group.tags({}, START)
    done, _ = await one_round(world)
    assert not done.is_whole
    assert done.swept == 1


async def test_a_group_of_an_earlier_attempt_is_swept_while_the_job_goes_on() -> None:
    """The row names the current one; only a job that was looked at is judged."""
    world, rows = world_of(1, 0)
    now = rows.now_of("job-00000")
    assert now.group is not None
    group = replace(now.group, nonce="old")
    world.azure.alive["old"], world.azure.tags["old"] = START, group.tags({}, START)
    done, _ = await one_round(world)
    assert done.looked_at == done.swept == 1
    assert list(world.azure.alive) == ["job-00000"]


async def test_a_round_that_is_out_of_time_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends before the function's time limit, whatever is left."""
    monkeypatch.setattr(reconciler, "_BUDGET_S", -1.0)
    world, _ = world_of(20, 0)
    done, instances = await one_round(world, updated_at=START - 30 * MINUTE)
    assert (done.is_whole, done.looked_at, instances.calls.total()) == (False, 0, 0)


async def test_sixty_silent_jobs_on_a_slow_engine_are_no_storm() -> None:
    """Only a few are taken over in a round; what is past its deadline is ended."""
    world, rows = world_of(60, 0)
    long_ago = START - 9 * DAY
    rows.insert(driven("overdue", long_ago), {})
    for _ in range(10):
        done, instances = await one_round(world, updated_at=START - 30 * MINUTE)
        assert done.was_slow
        assert instances.calls["start"] <= PROBES
        world.clock.current += MINUTE
    assert rows.now_of("overdue").settled
    taken_over = [len(row.taken_over) for row in map(rows.now_of, rows.rows)]
    assert max(taken_over) <= MAX_TAKE_OVERS_OF_PROBE
    assert sum(taken_over) <= 10 * PROBES


async def test_a_storage_that_is_down_is_not_asked_five_hundred_times() -> None:
    """The first refusal ends the round."""
    world, rows = world_of(400, 0)

    def fail() -> None:
        raise reconciler.StorageError("500")

    rows.before["read"] = fail
    done, _ = await one_round(world)
    assert not done.is_whole
    assert rows.calls["read"] < 50
    assert not world.azure.calls


def test_a_million_settled_jobs_cost_a_list_of_the_unsettled_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same steps of the database as without them; in a table it is another partition."""
    rows, steps = FileRows(tmp_path), Counter[str]()
    for number in range(100):
        rows.insert(driven(f"open-{number:03}", START), {})
    connect = file_rows._connect

    def counting(file: Path, **options: Any) -> sqlite3.Connection:
        connection = connect(file, **options)
        connection.set_progress_handler(lambda: steps.update(n=1), 10)
        return connection

    monkeypatch.setattr(file_rows, "_connect", counting)
    assert len(rows.unsettled()) == 100
    alone = steps["n"]
    with connect(tmp_path / file_rows.FILE) as connection:
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)"
            " INSERT INTO jobs SELECT printf('job-%07d', i), 1, '{}', x'', '', '', 1, NULL, NULL FROM n"
        )
    connection.close()
    steps.clear()
    assert len(rows.unsettled()) == 100
    assert steps["n"] <= alone + 1
    rows.close()


async def test_two_reconcilers_share_nothing_but_the_store() -> None:
    """Both rounds at once look at the same jobs, and change none that goes on."""
    world, rows = world_of(50, 0)
    both = await asyncio.gather(one_round(world), one_round(world))
    assert [done.looked_at for done, _ in both] == [50, 50]
    assert replace(both[0][0]) == both[1][0]
    assert rows.writes["swap"] == 0
