"""The Reconciler: compares rows, orchestrations and groups, whatever the events were.

It takes over a job whose orchestration died under it, ends what is over, and deletes groups that have
no reason to live. Row and ETag first, the world second, the swap third: so two rounds at once are safe.
Any error of storage ends the round without a further write; an engine that does not answer proves
nothing, and what Azure refuses for one job is that job's trouble alone.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from acijobs.domain.calling_back import only_waits
from acijobs.domain.errors import StorageError
from acijobs.domain.messages import Busy, Superseded
from acijobs.domain.metrics import ACTS, ROUND, Attribute
from acijobs.domain.outcome import Outcome
from acijobs.domain.progress import LogState
from acijobs.domain.reconciling import (
    PURGED,
    TAKEN_OVER,
    Act,
    Decision,
    Driver,
    decide,
    is_due,
    temper,
)
from acijobs.domain.row import cancelled, offered
from acijobs.domain.tracing import Parents
from acijobs.gauging import Seen, gauged, oldest_pending_s
from acijobs.log_lines import tell
from acijobs.retention import forget
from acijobs.sweeping import sweep
from acijobs.usecases.finish_job import End, end_job
from acijobs.usecases.one_job import trouble_of
from acijobs.usecases.owed_callbacks import make_owed
from acijobs.usecases.telemetry import JOB_ID

if TYPE_CHECKING:
    from datetime import datetime

    from acijobs.domain.group import Scope
    from acijobs.domain.row import Row
    from acijobs.instances import Instances
    from acijobs.usecases.ports import Outside, Rows, StoredRow, Unsettled

MAX_JOBS = 500
"""Most jobs that one round looks at: half of them in turn, from where the last round stopped."""

_PAGE = 1_000
_AT_ONCE = 8
_BUDGET_S = 240.0
"""Wall-clock time of a round's looks and acts, below the function's time limit of ten minutes …"""
_CALLBACKS_S = 60.0
"""… and of its callbacks; its sweep has a time of its own."""

_TERMINATE_TRIES = 10
_NOT_COLLECTED = "the end of the log could not be read before the job was ended"


@dataclass(kw_only=True)
class Round:
    """What one round did.

    Attributes:
        looked_at: Jobs whose row was read.
        acts: How often each act was done.
        swept: Groups without a reason to live that were deleted.
        forgotten: Jobs whose end is long ago, of which nothing is left.
        was_slow: Whether silence was taken for a slow engine.
        is_whole: Whether every job that was due was looked at, and done with.
        ended: Jobs that were ended, and whose callbacks may be owed.
        clean: Jobs that have nothing left in Azure, and whose callbacks are owed.
        rows: The rows of the jobs that were looked at.
    """

    looked_at: int = 0
    acts: Counter[str] = field(default_factory=Counter)
    swept: int = 0
    forgotten: int = 0
    was_slow: bool = False
    is_whole: bool = True
    ended: list[str] = field(default_factory=list)
    clean: set[str] = field(default_factory=set)
    rows: dict[str, Row] = field(default_factory=dict)

    @property
    def nonces(self) -> dict[str, str]:
        """The nonce of the current attempt's group, of each job that was looked at."""
        return {
            job_id: row.group.nonce if row.group is not None else ""
            for job_id, row in self.rows.items()
        }

    @property
    def scopes(self) -> frozenset[Scope]:
        """Where the groups of these jobs may be."""
        return frozenset(scope for row in self.rows.values() for scope in row.scopes)


@dataclass(frozen=True, kw_only=True)
class _Case:
    stored: StoredRow
    driver: Driver
    decision: Decision


class Reconciler:
    """Makes one round after another; it remembers nothing but a bookmark in the store."""

    def __init__(self, outside: Outside, instances: Instances) -> None:
        self._outside = outside
        self._telemetry = outside.telemetry
        self._instances = instances
        self._give_up_at = 0.0
        self._longest_poll = timedelta()

    async def round(self) -> Round:
        """Look at the jobs that are due, and do what is to be done; return what was done."""
        done, started = Round(), time.monotonic()
        self._give_up_at = time.monotonic() + _BUDGET_S
        self._longest_poll = timedelta(seconds=self._outside.poll_policy().max_interval_s)
        try:
            await self._round(done)
        except StorageError as error:
            tell("roundEnded", level=logging.WARNING, message=str(error))
            done.is_whole = False
        took_s, outcome = time.monotonic() - started, "whole" if done.is_whole else "partial"
        self._telemetry.record(lambda: [ROUND.of(took_s, {Attribute.OUTCOME: outcome})])
        tell(
            "reconciled",
            lookedAt=done.looked_at,
            swept=done.swept,
            forgotten=done.forgotten,
            slow=done.was_slow,
            whole=done.is_whole,
            **done.acts,
        )
        return done

    async def _round(self, done: Round) -> None:
        rows = await asyncio.to_thread(self._outside.rows)
        now = await asyncio.to_thread(rows.now)
        listed, due = await asyncio.to_thread(self._due, rows, now, done)
        cases = await self._look(due, now, done)
        decided = [(case.stored.row, case.decision) for case in cases]
        decisions, done.was_slow = temper(decided, now)
        for case, decision in zip(cases, decisions, strict=True):
            if self._is_out_of_time(done):
                break
            await self._act(replace(case, decision=decision), now, done)
        in_time = await make_owed(self._outside, done.ended, within_s=_CALLBACKS_S)
        done.is_whole = done.is_whole and in_time
        swept = await asyncio.to_thread(
            sweep,
            self._outside,
            unsettled=listed.keys() - done.clean,
            nonces=done.nonces,
            left_in=done.scopes,
        )
        done.swept = swept.deleted
        if self._telemetry.is_on:
            seen = Seen(
                unsettled=listed,
                looked_at=done.rows,
                groups=swept.left,
                knows_all=swept.knows_all,
                now=now,
            )
            oldest_s = await asyncio.to_thread(oldest_pending_s, self._outside, seen)
            self._telemetry.record(lambda: gauged(seen, oldest_s))
        done.forgotten = await forget(
            self._outside, self._instances, now=now, give_up_at=self._give_up_at
        )

    def _is_out_of_time(self, done: Round) -> bool:
        is_out = time.monotonic() > self._give_up_at
        done.is_whole = done.is_whole and not is_out
        return is_out

    def _due(
        self, rows: Rows, now: datetime, done: Round
    ) -> tuple[dict[str, datetime | None], list[Unsettled]]:
        """Return when each unsettled job was submitted, and those that this round looks at."""
        entries: list[Unsettled] = []
        while page := rows.unsettled(after=entries[-1].job_id if entries else "", limit=_PAGE):
            entries += page
            if len(page) < _PAGE:
                break
        due = [
            entry
            for entry in entries
            if is_due(entry.job_id, accepted_at=entry.accepted_at, over_at=entry.over_at, now=now)
        ]
        if len(due) > MAX_JOBS:
            due = _chosen(entries, due, rows.bookmark())
            rows.set_bookmark(due[MAX_JOBS // 2 - 1].job_id)
            done.is_whole = False
        return {entry.job_id: entry.accepted_at for entry in entries}, due

    async def _look(self, due: list[Unsettled], now: datetime, done: Round) -> list[_Case]:
        gate = asyncio.Semaphore(_AT_ONCE)

        async def look(entry: Unsettled) -> _Case | None:
            async with gate:
                if not self._is_out_of_time(done):
                    with trouble_of(entry.job_id):
                        return await self._case(entry, now, done)
                return None

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(look(entry)) for entry in due]
        except* StorageError as errors:
            # The other looks are cancelled: storage that is down must not be asked 500 times.
            failed = next(e for e in errors.exceptions if isinstance(e, StorageError))
            raise StorageError(failed.message) from None
        return [case for task in tasks if (case := task.result()) is not None]

    async def _case(self, entry: Unsettled, now: datetime, done: Round) -> _Case | None:
        """Look at one job: its row first, and its orchestration second."""
        rows, job_id = self._outside.rows(), entry.job_id
        done.looked_at += 1
        stored = await asyncio.to_thread(rows.read, job_id)
        if stored is None or stored.row.settled:
            await asyncio.to_thread(rows.forget_settled, job_id)
            return None
        done.rows[job_id] = stored.row
        if stored.row.is_clean:
            done.clean.add(job_id)
        if only_waits(stored.row, now):
            return None
        driver = await self._driver(stored, now)
        decision = decide(stored.row, driver, now, longest_poll=self._longest_poll)
        return _Case(stored=stored, driver=driver, decision=decision)

    async def _driver(self, stored: StoredRow, now: datetime) -> Driver:
        row = stored.row
        instance = await self._instances.find(row.job_id)
        driver = Driver(
            answered=instance.answered,
            status=instance.runtime_status,
            progressed_at=instance.updated_at,
            is_waiting=bool(instance.custom_status.get("waitingFor")),
            output=instance.output,
        )
        if not row.is_claimed or not driver.is_stale(row, now, self._longest_poll):
            return driver
        # It may wait for a watch: only who would be taken over is asked about.
        children = await self._instances.find_children(row.job_id, row.offer)
        if children is None:
            return replace(driver, answered=False)
        seen = [at for at in (driver.progressed_at, *(c.updated_at for c in children)) if at]
        return replace(driver, progressed_at=max(seen, default=None))

    async def _act(self, case: _Case, now: datetime, done: Round) -> None:
        row, act = case.stored.row, case.decision.act
        if act is Act.NOTHING:
            return
        # In the job's own trace: what is started here goes on in it.
        of_round = self._telemetry.trace_parent() or ""
        parents = Parents(job=row.trace_parent or "", invocation=of_round)
        known = {JOB_ID: row.job_id}
        with self._telemetry.span(f"acijobs.{act.value}", parents, attributes=known):
            tell(act.value, job=row.job_id, why=case.decision.why, offer=row.offer)
            with trouble_of(row.job_id):
                if await self._do(case, now, done):
                    done.acts[act.value] += 1
                    self._telemetry.record(lambda: [ACTS.of(attributes={Attribute.ACT: act.value})])

    async def _do(self, case: _Case, now: datetime, done: Round) -> bool:
        """Do what was decided; tell whether that was done."""
        job_id, was_done = case.stored.row.job_id, True
        match case.decision.act:
            case Act.START:
                was_done = await self._start(case, case.stored.row.offer)
            case Act.TAKE_OVER:
                was_done = await self._take_over(case, now)
            case Act.END:
                was_done = await self._end(case, now)
                done.ended.append(job_id)
            case Act.CALL_BACK:
                done.ended.append(job_id)
        return was_done

    async def _take_over(self, case: _Case, now: datetime) -> bool:
        row, rows = case.stored.row, self._outside.rows()
        changed = offered(row, instead_of=row.offer, now=now)
        if changed is None:
            return False
        await asyncio.to_thread(rows.swap, case.stored, changed)
        # Where the engine does not take it, the next round starts it.
        await self._start(case, changed.offer)
        return True

    async def _start(self, case: _Case, offer: int) -> bool:
        """Start an execution; one that is in the way, and wakes too late, is superseded anyway."""
        job_id = case.stored.row.job_id
        if case.driver.is_alive:
            await self._instances.terminate(job_id, TAKEN_OVER)
            for _ in range(_TERMINATE_TRIES):
                if not (await self._instances.find(job_id)).is_alive:
                    break
                await asyncio.to_thread(self._outside.clock.sleep, 1)
        return await self._instances.start(job_id, offer, case.stored.row.trace_parent)

    async def _end(self, case: _Case, now: datetime) -> bool:
        row, decision = case.stored.row, case.decision
        end = End(
            outcome=decision.outcome or row.outcome or Outcome(),
            collects_log=decision.collects_log,
            log=LogState() if decision.collects_log else LogState(trouble=_NOT_COLLECTED),
            judged=row,
            asks_container=True,
        )
        reply = await asyncio.to_thread(end_job, self._outside, case.stored, end)
        if isinstance(reply, Superseded):
            tell("overtaken", job=row.job_id)
        elif isinstance(reply, Busy):
            tell("notDone", level=logging.WARNING, job=row.job_id, message=reply.message)
            if decision.why == PURGED:
                await asyncio.to_thread(self._note_time, case, now)
        elif case.driver.is_alive:
            await self._instances.terminate(row.job_id, "the job has ended")
        return not isinstance(reply, Superseded | Busy)

    def _note_time(self, case: _Case, now: datetime) -> None:
        """Store since when the log of a job is tried for that nothing else tells the end of."""
        outcome = case.decision.outcome or Outcome()
        noted = cancelled(case.stored.row, why=outcome.message, now=now)
        if noted is not None:
            self._outside.rows().swap(case.stored, noted)


def _chosen(entries: list[Unsettled], due: list[Unsettled], bookmark: str) -> list[Unsettled]:
    """Return as many jobs as a round may look at: every one in its turn, and the youngest besides.

    The first half goes through all jobs by their ids, due or not, from where the last round stopped:
    if it chose of the due ones only, some might never be due when it is their turn.
    """
    half = MAX_JOBS // 2
    behind = [entry for entry in entries if entry.job_id > bookmark]
    in_turn = (behind + entries)[:half]
    turned = {entry.job_id for entry in in_turn}
    besides = [entry for entry in due if entry.job_id not in turned]
    youngest = sorted(besides, key=lambda entry: str(entry.accepted_at or ""), reverse=True)
    return in_turn + youngest[: MAX_JOBS - half]
