"""Jobs on the local durable engine with a Reconciler beside them, both with time that skips.

Engine, orchestrators, use cases and Reconciler are the real ones; the outside is scripted
(`acijobs_world`), and Durable's client is the engine's own.
"""

from __future__ import annotations

import asyncio
import inspect
import json
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from acijobs.domain.codec import encode
from acijobs.domain.messages import Function, JobInput
from acijobs.domain.row import cancelled, offered
from acijobs.instances import Instance
from acijobs.reconciler import Reconciler, Round
from acijobs.usecases.changing import change
from acijobs_world import World
from functions_host.durable import DurableEngine, DurableOptions
from functions_host.durable.api.errors import ClientError
from functions_host.durable.store.records import InstanceQuery
from manual_clock import START, ManualClock
from orchestration_runs import ScriptedFunctions, SkippingClock, accept

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from acijobs.domain.row import Row
    from functions_host.durable.faults import Fault
    from functions_host.durable.store import records

JOB = "job-under-test"
SPEC = {"image": "alpine:3.20"}
SHORT = {"timeouts": {"queueSeconds": 60, "provisionSeconds": 60, "runSeconds": 60}}
WATCH = Function.WATCH.value
ACTIVITIES = [Function.CREATE.value, Function.CHECK.value, Function.DELETE.value]
LOG_LINES = 22
"""What the scripted container prints if it runs from second 3 to second 25."""


@dataclass(kw_only=True)
class EngineInstances:
    """What `acijobs.instances.Instances` is, on the engine itself.

    Attributes:
        engine: The engine.
        calls: Calls so far, by method.
        answers: Whether the engine answers.
        refuses: How many starts it refuses from now on.
        waits: Whether a change is waited for, as far as the engine gets with it by itself.
        is_deaf: Whether the engine takes terminations and does not act on them.
        before: By method: awaited once, right before a call, for what others do meanwhile.
        after_find: Awaited once, after the engine has answered and before that is known.
    """

    engine: DurableEngine
    calls: Counter[str] = field(default_factory=Counter)
    answers: bool = True
    refuses: int = 0
    waits: bool = True
    is_deaf: bool = False
    before: dict[str, Callable[[], Any]] = field(default_factory=dict)
    after_find: list[Callable[[], Any]] = field(default_factory=list)

    async def start(self, job_id: str, offer: int, trace_parent: str | None = None) -> bool:
        """Start an execution."""
        await self._call("start")
        if self.refuses > 0:
            self.refuses -= 1
            return False
        given = json.dumps(encode(JobInput(id=job_id, offer=offer, trace_parent=trace_parent)))
        return await self._change(
            lambda: self.engine.client.start_new(Function.JOB.value, given, job_id)
        )

    async def find(self, job_id: str) -> Instance:
        """Return the job's orchestration."""
        await self._call("find")
        if not self.answers:
            return Instance(answered=False)
        found = self.engine.client.find(job_id)
        if self.after_find:
            await self.after_find.pop()()
        return Instance() if found is None else _instance(found)

    async def find_children(self, job_id: str, offer: int) -> tuple[Instance, ...] | None:
        """Return the watches of this offer."""
        await self._call("find_children")
        if not self.answers:
            return None
        query = InstanceQuery(id_prefix=f"{job_id}:{offer}.", limit=1_000)
        found = self.engine.client.list_instances(query).instances
        return tuple(_instance(child) for child in found)

    async def find_all_children(self, job_id: str) -> dict[str, Instance] | None:
        """Return all watches of this job."""
        await self._call("find_all_children")
        if not self.answers:
            return None
        query = InstanceQuery(id_prefix=f"{job_id}:", limit=1_000)
        found = self.engine.client.list_instances(query).instances
        return {child.instance_id: _instance(child) for child in found}

    async def purge(self, instance_id: str) -> bool:
        """Forget one instance."""
        await self._call("purge")
        return await self._change(lambda: self.engine.client.purge([instance_id]))

    async def terminate(self, job_id: str, why: str) -> bool:
        """End an orchestration."""
        await self._call("terminate")
        if self.is_deaf:
            return True
        return await self._change(lambda: self.engine.client.terminate(job_id, why))

    async def _call(self, method: str) -> None:
        self.calls[method] += 1
        hook = self.before.pop(method, None)
        if hook is not None:
            await hook()

    async def _change(self, change: Callable[[], Any]) -> bool:
        try:
            await change()
        except ClientError:
            return False
        if self.waits:
            await self.engine.wait_until_quiet()
        return True


def _instance(found: records.Instance) -> Instance:
    shown = json.loads(found.custom_status or "null")
    return Instance(
        runtime_status=str(found.status.value),
        custom_status=shown if isinstance(shown, dict) else {},
        updated_at=datetime.fromtimestamp(found.updated_us / 1e6, UTC),
        output=str(_text(found.output)),
    )


def _text(output: str | None) -> Any:
    try:
        return json.loads(output or '""')
    except json.JSONDecodeError:
        return output  # a reason or a failure is plain text


class Stage:
    """One job, its engine, its outside, and a round of the Reconciler every minute.

    Args:
        folder: Where the engine keeps its state.
        faults: What befalls the engine.
        spec: The job, besides its image.
        step_troubles: As `ScriptedFunctions.troubles`.
        script: As `ScriptedAzure` takes it.

    Attributes:
        world: The outside.
        functions: The functions, with what they remember.
        instances: What the Reconciler uses of the engine.
        rounds: What each round did.
        settled_after: Rounds until the job was settled; None while it is not.
    """

    def __init__(
        self,
        folder: Path,
        *faults: Fault,
        spec: dict[str, Any] | None = None,
        step_troubles: dict[str, list[Any]] | None = None,
        **script: Any,
    ) -> None:
        self.clock = SkippingClock()
        self.world = World(clock=ManualClock(self.clock.now), script=script)
        self.functions = ScriptedFunctions(self.world, step_troubles or {})
        options = replace(DurableOptions(faults=faults), clock=self.clock)
        self.engine = DurableEngine(self.functions, folder, options)
        self.instances = EngineInstances(engine=self.engine)
        self.rounds: list[Round] = []
        self.settled_after: int | None = None
        self._spec = SPEC | (spec or {})
        self._limit = 0

    async def __aenter__(self) -> Self:
        await self.engine.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.engine.stop()

    @property
    def row(self) -> Row:
        """The job's row as it is."""
        return self.world.memory_rows.now_of(JOB)

    @property
    def log(self) -> list[str]:
        """The archived lines of all attempts."""
        texts = (log.decode() for log in self.world.memory_logs.logs.values())
        return [line.split(" ", 1)[-1] for text in texts for line in text.splitlines()]

    @property
    def settled_s(self) -> float:
        """Skipped seconds until the group was known to be gone."""
        row = self.row
        settled_at = row.times.get("deleted", row.closed_at)
        return (settled_at - START).total_seconds() if settled_at and row.settled else -1

    def at(self, seconds: float, do: Callable[[], object]) -> None:
        """Arrange that this is done at a skipped time; what can be awaited is."""

        async def errand() -> None:
            done = do()
            if inspect.isawaitable(done):
                await done
            if self.instances.waits:
                await self.engine.wait_until_quiet()

        self.clock.send_at(START + timedelta(seconds=seconds), errand)

    async def play(self, *, rounds: int = 30, is_started: bool = True) -> Self:
        """Accept the job, and skip through its life until it is settled, or for so many rounds."""
        accept(self.world, JOB, self._spec)
        self._limit = rounds
        self._round_later(1)
        if is_started:
            await self.instances.start(JOB, 1, self.row.trace_parent)
        await self.clock.run(self.engine)
        return self

    async def round(self) -> Round:
        """Let a Reconciler of its own make a round now."""
        done = await Reconciler(self.world, self.instances).round()  # type: ignore[arg-type]
        self.rounds.append(done)
        return done

    def _round_later(self, number: int) -> None:
        async def errand() -> None:
            if self.row.settled:
                self.settled_after = number - 1
            else:
                await self.round()
                self.settled_after = number if self.row.settled else None
            if self.settled_after is None and number < self._limit:
                self._round_later(number + 1)

        self.clock.send_at(START + timedelta(minutes=number), errand)


def assert_right(stage: Stage, phase: str, *, lines: int | None = None, created: int = 1) -> None:
    """Check a settled job: its outcome, one container run, no group left, its log.

    Args:
        stage: Where it ran.
        phase: How it has to have ended.
        lines: How many lines its log has to have; None for as many as there are, each once.
        created: How many container groups were ever created.
    """
    row, azure = stage.row, stage.world.azure
    assert row.settled, (row, stage.rounds)
    assert row.outcome is not None
    assert row.outcome.phase.value == phase, row.outcome
    assert len(azure.created) == created
    assert not azure.alive
    count = len(stage.log) if lines is None else lines
    assert stage.log == [f"line {number}" for number in range(count)]


def ask_to_cancel(stage: Stage) -> None:
    """Store the request to end the job, as DELETE does; the event never arrives."""
    rows = stage.world.memory_rows
    stored = rows.read(JOB)
    assert stored is not None
    now = stage.clock.now()
    assert change(rows, stored, lambda row: cancelled(row, why="enough", now=now))


def make_offer(stage: Stage) -> None:
    """Take the job over in its row, as a round does before it starts anything."""
    rows = stage.world.memory_rows
    stored = rows.read(JOB)
    assert stored is not None
    changed = offered(stored.row, instead_of=1, now=stage.clock.now())
    assert changed is not None
    rows.swap(stored, changed)


async def terminate(stage: Stage) -> None:
    """Terminate the orchestration, as people do."""
    await stage.engine.client.terminate(JOB, "people")


async def purge(stage: Stage) -> None:
    """Terminate the orchestration and purge it."""
    await terminate(stage)
    await stage.engine.wait_until_quiet()
    assert await stage.engine.client.purge([JOB]) == 1


def on_loop(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any]) -> None:
    """Do this on the loop, from one of its threads, and wait until it is done."""
    asyncio.run_coroutine_threadsafe(work, loop).result(60)
