"""Jobs whose end is long ago are forgotten, and no others; whatever cuts it short is made up for."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from acijobs import retention
from acijobs.domain.errors import InvalidSettingsError, StorageError
from acijobs.domain.outcome import Outcome
from acijobs.domain.progress import CleanUp
from acijobs.domain.retention import SETTLE_TIME, Retention, is_expired, may_be_purged
from acijobs.domain.row import Row, Run, claimed, cleaned, closed
from acijobs.instances import Instance
from acijobs.retention import forget
from acijobs_world import HERE, World
from manual_clock import START

DAY = timedelta(days=1)
ENDED = Instance(runtime_status="Completed", updated_at=START - DAY)


@dataclass(kw_only=True)
class Histories:
    """The engine's instances, as far as forgetting uses them.

    Attributes:
        all: By id.
        answers: Whether the engine answers.
        refuses: Ids that it does not purge.
        done: What was asked for, in order.
    """

    all: dict[str, Instance] = field(default_factory=dict)
    answers: bool = True
    refuses: set[str] = field(default_factory=set)
    done: list[str] = field(default_factory=list)

    async def find(self, job_id: str) -> Instance:
        """Return the job's orchestration."""
        return self.all.get(job_id, Instance()) if self.answers else Instance(answered=False)

    async def find_all_children(self, job_id: str) -> dict[str, Instance] | None:
        """Return its watches."""
        found = {name: self.all[name] for name in self.all if name.startswith(f"{job_id}:")}
        return found if self.answers else None

    async def terminate(self, instance_id: str, why: str) -> bool:
        """End one."""
        del why
        self.done.append(f"terminate {instance_id}")
        return True

    async def purge(self, instance_id: str) -> bool:
        """Forget one."""
        self.done.append(f"purge {instance_id}")
        if instance_id in self.refuses:
            return False
        self.all.pop(instance_id, None)
        return True


class Old:
    """Jobs of a long time ago, and a round now."""

    def __init__(self) -> None:
        self.world = World()
        self.histories = Histories()

    def job(self, job_id: str = "j", *, ended_days_ago: float = 31, is_settled: bool = True) -> Row:
        """Add a job that ran for an hour, its log and its history."""
        ended_at = START - ended_days_ago * DAY
        run = Run(job_id=job_id, offer=1, execution="x")
        row = Row(job_id=job_id, digest="d", accepted_at=ended_at - timedelta(hours=1))
        stored = self.world.memory_rows.insert(row, {"image": "alpine"})
        changed = claimed(row, run, candidates=HERE, nonce="n", now=ended_at)
        assert changed is not None
        changed = closed(changed, Outcome.succeeded(), now=ended_at)
        assert changed is not None
        if is_settled:
            changed = cleaned(changed, CleanUp.DELETED, now=ended_at)
            assert changed is not None
        self.world.memory_rows.swap(stored, changed)
        assert changed.group is not None
        self.world.memory_logs.logs[f"{changed.group.log_key}/job"] = b"one\n"
        self.world.memory_logs.logs[f"{job_id}/0-earlier/job"] = b"zero\n"
        self.histories.all |= {job_id: ENDED, f"{job_id}:1.1": ENDED}
        return changed

    async def round(self, *, seconds: float = 60) -> int:
        """Forget what is to be forgotten now; return how many jobs that were."""
        give_up_at = time.monotonic() + seconds
        now = self.world.clock.current
        return await forget(
            self.world,
            self.histories,  # type: ignore[arg-type]
            now=now,
            give_up_at=give_up_at,
        )

    @property
    def left(self) -> set[str]:
        """Everything that is left of any job."""
        rows = self.world.memory_rows
        listed = {f"listed {entry.job_id}" for entry in rows.entries.values()}
        logs = {f"log {key}" for key in self.world.memory_logs.logs}
        return {*rows.rows, *listed, *logs, *(f"history {name}" for name in self.histories.all)}


@pytest.fixture
def old() -> Old:
    return Old()


async def test_a_job_is_forgotten_whole(old: Old) -> None:
    """Its histories one by one, those of its watches first; then logs, row and entry."""
    old.job()
    assert await old.round() == 1
    assert old.left == set()
    assert old.histories.done == ["purge j:1.1", "purge j"]


@pytest.mark.parametrize("days", [1, 30, 365])
async def test_the_time_counts_from_the_end(old: Old, days: int) -> None:
    """Not from the submission, which may have been weeks before; to the day."""
    old.world.retained_for = Retention(days=days)
    old.job("young", ended_days_ago=days - 0.01)
    old.job("aged", ended_days_ago=days + 0.01)
    assert await old.round() == 1
    assert set(old.world.memory_rows.rows) == {"young"}


async def test_zero_days_keep_all_for_ever(old: Old) -> None:
    """Nothing is even looked at."""
    old.world.retained_for = Retention(days=0)
    old.job(ended_days_ago=4_000)

    def fail() -> None:
        raise StorageError("asked")

    old.world.memory_rows.before["listed"] = fail
    assert await old.round() == 0
    assert "j" in old.left


async def test_what_is_not_settled_stays(old: Old) -> None:
    """One whose group may still be there, and one that is open."""
    old.job("unsettled", is_settled=False)
    row = Row(job_id="open", accepted_at=START - 40 * DAY)
    old.world.memory_rows.insert(row, {})
    before = old.left
    assert await old.round() == 0
    assert old.left == before


async def test_an_engine_that_does_not_answer_keeps_the_job(old: Old) -> None:
    """Its history would be left for ever."""
    old.job()
    before = old.left
    old.histories.answers = False
    assert await old.round() == 0
    assert old.left == before


async def test_what_is_alive_is_ended_and_purged_later(old: Old) -> None:
    """Never soon after a terminate: the engine would try the message again and again."""
    old.job()
    old.histories.all["j:1.1"] = Instance(runtime_status="Suspended", updated_at=START)
    assert await old.round() == 0
    assert old.histories.done == ["terminate j:1.1", "purge j"]
    ended_at = old.world.clock.current
    old.histories.all["j:1.1"] = Instance(runtime_status="Terminated", updated_at=ended_at)
    assert await old.round() == 0
    old.world.clock.current += SETTLE_TIME
    assert await old.round() == 1
    assert old.left == set()


async def test_a_purge_that_is_refused_is_tried_again(old: Old) -> None:
    """Row and logs stay until nothing else is left."""
    old.job()
    old.histories.refuses = {"j"}
    assert await old.round() == 0
    assert {"j", "listed j", "log j/1-n/job"} <= old.left
    old.histories.refuses = set()
    assert await old.round() == 1
    assert old.left == set()


@pytest.mark.parametrize("point", ["read", "remove", "unlist", "listed"])
async def test_whatever_cuts_it_short_is_made_up_for(old: Old, point: str) -> None:
    """Storage that does not answer ends the round."""
    old.job()

    def fail() -> None:
        raise StorageError("down")

    old.world.memory_rows.before[point] = fail
    assert await old.round() == 0
    old.world.memory_rows.before = {}
    await old.round()
    await old.round()
    assert old.left == set()


async def test_logs_that_cannot_be_deleted_keep_the_row(old: Old) -> None:
    """They would be left for ever."""
    old.job()
    old.world.memory_logs.troubles = [StorageError("down")]
    assert await old.round() == 0
    assert "j" in old.left
    await old.round()
    assert old.left == set()


async def test_one_job_that_fails_always_does_not_keep_others(
    old: Old, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log under legal hold, say: the next round goes on behind it."""
    monkeypatch.setattr(retention, "_AT_ONCE", 1)
    old.job("held", ended_days_ago=31)
    old.job("free", ended_days_ago=32)
    remove = old.world.memory_logs.remove

    def held(key: str) -> None:
        if key.startswith("held/"):
            raise StorageError("the blob is under legal hold")
        remove(key)

    monkeypatch.setattr(old.world.memory_logs, "remove", held)
    assert [await old.round() for _ in range(3)] == [0, 1, 0]
    assert set(old.world.memory_rows.rows) == {"held"}


async def test_a_job_of_the_same_id_begun_meanwhile_is_left_alone(old: Old) -> None:
    """Its logs, too: what was found before the row was seen unchanged is the old job's."""
    old.job()
    fresh = Row(job_id="j", digest="new", accepted_at=START)
    keys = old.world.memory_logs.keys

    def taken_anew(job_id: str) -> tuple[str, ...]:
        found = keys(job_id)
        old.world.memory_rows.rows.clear()
        old.world.memory_rows.insert(fresh, {})
        return found

    old.world.memory_logs.keys = taken_anew  # type: ignore[method-assign]
    assert await old.round() == 0
    assert old.world.memory_rows.now_of("j") == fresh
    assert "log j/1-n/job" in old.left
    assert "history j" in old.left


async def test_an_entry_of_nothing_or_of_a_later_job_is_taken_out(old: Old) -> None:
    """An insert that was cut short; an id that was used again."""
    gone = Row(job_id="gone", accepted_at=START - 40 * DAY)
    old.world.memory_rows.insert(gone, {})
    old.world.memory_rows.rows.clear()
    old.world.memory_rows.insert(replace(gone, accepted_at=START), {})
    assert await old.round() == 0
    assert [entry.accepted_at for entry in old.world.memory_rows.entries.values()] == [START]


async def test_a_round_is_bounded_and_the_next_goes_on(
    old: Old, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In jobs forgotten, in entries looked at, and in time; old jobs that stay are passed by."""
    monkeypatch.setattr(retention, "MAX_FORGOTTEN", 8)
    monkeypatch.setattr(retention, "MAX_LOOKED_AT", 10)
    for number in range(12):
        old.job(f"stays-{number}", ended_days_ago=31 + number / 100, is_settled=False)
    for number in range(12):
        old.job(f"goes-{number}", ended_days_ago=40 + number / 100)
    assert [await old.round() for _ in range(5)] == [0, 8, 4, 0, 0]
    assert len(old.world.memory_rows.rows) == 12
    old.job("late", ended_days_ago=50)
    assert await old.round(seconds=-1) == 0
    assert "late" in old.left


async def test_wrong_settings_forget_nothing(old: Old, monkeypatch: pytest.MonkeyPatch) -> None:
    """A typing error in `RetentionDays` must not be the default, nor end the round."""
    old.job()

    def wrong() -> Retention:
        raise InvalidSettingsError(("RetentionDays is 'x'",))

    monkeypatch.setattr(old.world, "retention", wrong)
    assert await old.round() == 0
    assert "j" in old.left


def test_the_end_is_the_last_that_is_known_of_it() -> None:
    """A group that was deleted days after the outcome was decided counts from then."""
    row = Row(job_id="j", settled=True, closed_at=START, times={"deleted": START + 3 * DAY})
    assert is_expired(row, START + 3 * DAY + timedelta(seconds=1))
    assert not is_expired(row, START + 2 * DAY)
    assert not is_expired(replace(row, settled=False), START + 9 * DAY)
    assert not is_expired(Row(job_id="j", settled=True), START)


@pytest.mark.parametrize(
    ("is_alive", "ago", "may"),
    [(True, DAY, False), (False, timedelta(minutes=59), False), (False, SETTLE_TIME, True)],
)
def test_only_what_has_ended_a_while_ago_may_be_purged(
    *, is_alive: bool, ago: timedelta, may: bool
) -> None:
    """What the engine does not date is old."""
    assert may_be_purged(is_alive=is_alive, updated_at=START - ago, now=START) is may
    assert may_be_purged(is_alive=False, updated_at=None, now=START)
