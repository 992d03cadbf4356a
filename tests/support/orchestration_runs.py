"""Runs the app's orchestrators and activities on the local durable engine, with time that skips.

The engine, the orchestrators and the use cases are the real ones; only the outside is scripted
(`acijobs_world`).
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import json
from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

import JobOrchestrator
import WatchOrchestrator
from acijobs.domain.codec import encode
from acijobs.domain.messages import (
    CallbackRequest,
    CheckRequest,
    CreateRequest,
    DeleteRequest,
    FetchRequest,
    Function,
    JobInput,
)
from acijobs.domain.row import Row
from acijobs.domain.spec.job import parse
from acijobs.domain.terms import Terms
from acijobs.usecases.answering import answer
from acijobs.usecases.check_status import check_status
from acijobs.usecases.create_group import create_group
from acijobs.usecases.fetch_logs import fetch_logs
from acijobs.usecases.finish_job import finish_job
from acijobs.usecases.send_callback import send_callback
from acijobs.usecases.telemetry import Invocation
from acijobs_world import World
from functions_host.contract import UserCodeError
from functions_host.durable import DurableEngine, DurableOptions
from manual_clock import START, ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from datetime import datetime
    from pathlib import Path

TWIN_REPLIES = pytest.mark.filterwarnings("ignore:Potential duplicate Task completion")
"""For tests in which a step is answered twice: the SDK warns, and takes one answer."""

_HANDLES = {"JobOrchestrator": JobOrchestrator.main, "WatchOrchestrator": WatchOrchestrator.main}
_STEPS: dict[str, tuple[Any, Any]] = {
    Function.CREATE: (CreateRequest, create_group),
    Function.CHECK: (CheckRequest, check_status),
    Function.FETCH: (FetchRequest, fetch_logs),
    Function.DELETE: (DeleteRequest, finish_job),
    Function.CALL_BACK: (CallbackRequest, send_callback),
}


class SkippingClock:
    """A clock that jumps to the next alarm once the engine can do nothing more without it."""

    def __init__(self) -> None:
        self._now = START
        self._alarms: list[tuple[datetime, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._cancelled: set[int] = set()
        self._errands: set[asyncio.Task[None]] = set()

    def now(self) -> datetime:
        """Return the time now."""
        return self._now

    def steady_us(self) -> int:
        """Return the microseconds since the start: nobody sets this clock back."""
        return (self._now - START) // timedelta(microseconds=1)

    def call_at(self, due: datetime, callback: Callable[[], None]) -> Any:
        """Arrange that the callback runs at this time."""
        number = next(self._numbers)
        heapq.heappush(self._alarms, (due, number, callback))
        return _Alarm(self._cancelled, number)

    def send_at(self, due: datetime, errand: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Arrange that the errand is done at this time, which lasts until it is."""

        def begin() -> None:
            task = asyncio.get_running_loop().create_task(errand())
            self._errands.add(task)
            task.add_done_callback(self._errands.discard)

        self.call_at(due, begin)

    async def run(self, engine: DurableEngine) -> None:
        """Ring the alarms in order, each when the engine has nothing else to do."""
        while self._alarms:
            due, number, callback = heapq.heappop(self._alarms)
            if number in self._cancelled:
                continue
            self._now = max(self._now, due)
            callback()
            await asyncio.gather(*self._errands)
            await engine.wait_until_quiet()


@dataclass(frozen=True)
class _Alarm:
    cancelled: set[int]
    number: int

    def cancel(self) -> None:
        self.cancelled.add(self.number)


@dataclass(kw_only=True)
class Episode:
    """One run of an orchestrator: its context and its answer, in wire form."""

    orchestrator: str
    instance_id: str
    context: dict[str, Any]
    state: dict[str, Any]


class ScriptedFunctions:
    """The app's real orchestrators, and its real use cases on a scripted outside.

    Attributes:
        world: The outside.
        troubles: By activity: exceptions to raise, or replies to give, instead of doing it; each once.
        meanwhile: Is called while an activity runs, with its name and how often that was called.
        calls: How often each activity was called.
        requests: What each activity was asked, in order.
        replies: What they answered.
        longest_history: Events of the longest history that an orchestrator was given.
        last_episodes: The last episode of each instance.
    """

    orchestrators = frozenset(_HANDLES)
    activities = frozenset(str(function) for function in _STEPS)
    entities: frozenset[str] = frozenset()

    def __init__(self, world: World, troubles: dict[str, list[Any]]) -> None:
        self.world = world
        self.troubles = troubles
        self.meanwhile: Callable[[str, int], None] = lambda *_: None
        self.calls: Counter[str] = Counter()
        self.requests: list[tuple[str, Any]] = []
        self.replies: list[Any] = []
        self.longest_history = 0
        self.last_episodes: dict[str, Episode] = {}

    def run_orchestrator(self, name: str, context: str) -> str:
        """Run one episode and remember it."""
        data = json.loads(context)
        self.longest_history = max(self.longest_history, len(data["history"]))
        try:
            state = _HANDLES[name](context)
            shown = state
        except Exception as error:
            shown = str(error).split("$OutOfProcData$:")[-1]
            raise UserCodeError(str(error)) from error
        finally:
            self.last_episodes[data["instanceId"]] = Episode(
                orchestrator=name,
                instance_id=data["instanceId"],
                context=data,
                state=json.loads(shown),
            )
        return state

    def run_activity(
        self, name: str, payload: str | None, *, instance_id: str, trace_parent: str | None
    ) -> str | None:
        """Run one activity on the scripted outside."""
        del instance_id, trace_parent
        self.calls[name] += 1
        request = json.loads(payload or "null")
        self.requests.append((name, request))
        try:
            self.meanwhile(name, self.calls[name])
            reply = self._answer(name, request)
            self.replies.append(reply)
            return json.dumps(reply)
        except Exception as error:
            raise UserCodeError(f"{type(error).__name__}: {error}") from error

    def _answer(self, name: str, request: Any) -> Any:
        waiting = self.troubles.get(name)
        trouble = waiting.pop(0) if waiting else None
        if isinstance(trouble, Exception):
            raise trouble
        if trouble is not None:
            return trouble
        kind, step = _STEPS[name]
        invocation = Invocation(telemetry=self.world.telemetry)
        return answer(kind, request, lambda asked: step(self.world, asked), invocation)

    def run_entity(self, name: str, batch: str) -> str:
        """Refuse: the app has no entities."""
        raise AssertionError((name, batch))


@dataclass(kw_only=True)
class Run:
    """How one job went.

    Attributes:
        status: The instance's runtime status.
        output: Its output.
        custom_status: Its last custom status.
        took_s: Skipped seconds from start to end.
        functions: The functions, with what they remember.
        row: The job's row, None where there is none.
        messages: Completions and starts in the histories of all of the job's instances.
    """

    status: str
    output: Any
    custom_status: dict[str, Any]
    took_s: float
    functions: ScriptedFunctions
    row: Row | None
    messages: int

    @property
    def world(self) -> World:
        """The outside."""
        return self.functions.world


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happens at a skipped time: an external event, or whatever `do` does."""

    after_s: float
    name: str = "Cancel"
    payload: Any = None
    do: Callable[[World], object] | None = None


async def run_job(
    folder: Path,
    spec: dict[str, Any],
    *events: Event,
    job_id: str = "job-under-test",
    given: Any = None,
    step_troubles: dict[str, list[Any]] | None = None,
    prepare: Callable[[World], object] = lambda _: None,
    options: DurableOptions | None = None,
    usd_per_second: float = 0.0,
    cancel_during: tuple[str, int] = ("", 0),
    **script: Any,
) -> Run:
    """Accept one job, run it to its end on a scripted outside, and return how it went.

    Args:
        folder: Where the engine keeps its state.
        spec: The job.
        events: What happens meanwhile.
        job_id: Its id.
        given: The orchestration's input; by default that of the accepted job.
        step_troubles: As `ScriptedFunctions.troubles`.
        prepare: Changes the outside after the job was accepted.
        options: The engine's options, without its clock.
        usd_per_second: Price of the group.
        cancel_during: The activity, and which call of it, that runs while the event Cancel comes.
        script: As `ScriptedAzure` takes it.
    """
    clock = SkippingClock()
    world = World(clock=ManualClock(clock.now), script=script)
    functions = ScriptedFunctions(world, step_troubles or {})
    engine = DurableEngine(functions, folder, replace(options or DurableOptions(), clock=clock))
    accept(world, job_id, spec, usd_per_second)
    prepare(world)
    loop = asyncio.get_running_loop()

    def cancel(*running: Any) -> None:
        if running == cancel_during:
            event = engine.client.raise_event(job_id, "Cancel", "null")
            asyncio.run_coroutine_threadsafe(event, loop).result()

    functions.meanwhile = cancel
    await engine.start()
    try:
        for event in events:
            _happen_later(engine, clock, world, job_id, event)
        start = encode(JobInput(id=job_id, offer=1)) if given is None else given
        await engine.client.start_new(Function.JOB.value, json.dumps(start), job_id)
        await engine.wait_until_quiet()
        await clock.run(engine)
        ended = await engine.client.wait_for_end(job_id, 0)
        assert ended is not None, engine.client.find(job_id)
    finally:
        await engine.stop()
    return Run(
        status=str(ended.status.value),
        output=_parsed(ended.output or "null"),
        custom_status=json.loads(ended.custom_status or "null"),
        took_s=ended.updated_us / 1e6 - START.timestamp(),
        functions=functions,
        row=world.memory_rows.now_of(job_id) if job_id in world.memory_rows.rows else None,
        messages=sum(_messages(e) for e in functions.last_episodes.values()),
    )


def accept(world: World, job_id: str, spec: dict[str, Any], usd_per_second: float = 0.0) -> None:
    """Store a job as the API does."""
    parsed = parse(spec)
    now = world.clock.now()
    terms = Terms.of(parsed, usd_per_second=usd_per_second)
    trace = world.telemetry.trace_parent()
    row = Row(job_id=job_id, digest="d", accepted_at=now, terms=terms, trace_parent=trace)
    world.memory_rows.insert(row, parsed.to_json())


_MESSAGES = {0, 5, 6, 8, 9, 11, 15}
"""ExecutionStarted; completions of activities, children and timers; events raised."""


def _messages(episode: Episode) -> int:
    return sum(event["EventType"] in _MESSAGES for event in episode.context["history"])


def _happen_later(
    engine: DurableEngine, clock: SkippingClock, world: World, job_id: str, event: Event
) -> None:
    async def errand() -> None:
        if event.do is not None:
            event.do(world)
        else:
            await engine.client.raise_event(job_id, event.name, json.dumps(event.payload))

    clock.send_at(START + timedelta(seconds=event.after_s), errand)


def _parsed(output: str) -> Any:
    try:
        return json.loads(output)
    except json.JSONDecodeError:
        return output  # a failed instance's output is plain text
