"""Runs the app's orchestrators on the local durable engine, with time that skips and Azure scripted.

The engine is the real one, so what an orchestrator meets here is the extension's protocol; only the
activities are stood in for, by a group that follows a script.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import JobOrchestrator
import WatchOrchestrator
from acijobs.domain.observation import ContainerEvent, ContainerState, Observation
from acijobs.domain.policy import WatchPolicy
from functions_host.contract import UserCodeError
from functions_host.durable import DurableEngine, DurableOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

PLACE = {"subscription_id": "s", "resource_group": "rg", "app": "acijobs"}
START = datetime(2026, 1, 1, tzinfo=UTC)
_HANDLES = {"JobOrchestrator": JobOrchestrator.main, "WatchOrchestrator": WatchOrchestrator.main}


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
class ScriptedGroup:
    """A container group that follows a script, answering as the activities would.

    Attributes:
        clock: The time it follows.
        pull_after_s: From the creation until the image is pulled.
        run_after_s: From the creation until the container runs.
        end_after_s: From the creation until it has ended.
        exit_code: How it ends; None for an end without an exit code.
        delete_takes: How many deletions answer `deleting` before the group is gone.
        troubles: Replies, or exceptions to raise, before an activity works; per activity, in order.
    """

    clock: SkippingClock
    pull_after_s: float = 1
    run_after_s: float = 3
    end_after_s: float = 25
    exit_code: int | None = 0
    delete_takes: int = 0
    troubles: dict[str, list[Any]] = field(default_factory=dict)
    created_at: datetime | None = None
    creations: int = 0
    deleted: bool = False
    calls: Counter[str] = field(default_factory=Counter)

    def answer(self, activity: str, request: dict[str, Any]) -> Any:
        """Answer an activity's call."""
        self.calls[activity] += 1
        assert activity == "CreateContainerActivity" or request["place"] in (PLACE, None)
        if self.troubles.get(activity):
            trouble = self.troubles[activity].pop(0)
            if isinstance(trouble, Exception):
                raise trouble
            return trouble
        match activity:
            case "CreateContainerActivity":
                return self._create()
            case "CheckStatusActivity":
                return self._check()
            case "FetchLogsActivity":
                added = 100 if not request["ended"] else 10
                size = added * self.calls[activity]
                return {
                    "kind": "fetched",
                    "archivedBytes": size,
                    "addedBytes": added,
                    "truncated": False,
                    "found": True,
                }
            case "DeleteContainerActivity":
                return self._delete()
        raise AssertionError(activity)

    def _create(self) -> dict[str, Any]:
        reply = {"kind": "adopted", "watch": WatchPolicy().to_json(), "place": PLACE}
        if self.created_at is None:
            self.created_at = self.clock.now()
            self.creations += 1
            reply["kind"] = "created"
        return reply

    def _delete(self) -> dict[str, Any]:
        if self.created_at is None or self.deleted:
            return {"kind": "absent"}
        self.delete_takes -= 1
        self.deleted = self.delete_takes < 0
        return {"kind": "gone" if self.deleted else "deleting"}

    def _check(self) -> dict[str, Any]:
        if self.created_at is None or self.deleted:
            return {"kind": "gone"}
        return {"kind": "seen", "observation": self._observe(self.created_at).to_json()}

    def _observe(self, created_at: datetime) -> Observation:
        age_s = (self.clock.now() - created_at).total_seconds()
        container = ContainerState(name="job")
        events: list[ContainerEvent] = []
        if age_s >= self.pull_after_s:
            container = ContainerState(name="job", state="Waiting")
            at = _iso(created_at, self.pull_after_s)
            events.append(
                ContainerEvent(name="Pulling", message="pulling", kind="Normal", first_at=at)
            )
        started_at = _iso(created_at, self.run_after_s)
        if age_s >= self.run_after_s:
            container = ContainerState(name="job", state="Running", started_at=started_at)
        if age_s >= self.end_after_s:
            container = ContainerState(
                name="job",
                state="Terminated",
                exit_code=self.exit_code,
                started_at=started_at,
                finished_at=_iso(created_at, self.end_after_s),
            )
        return Observation(
            group_state="Running",
            provisioning_state="Succeeded",
            containers=(container,),
            events=tuple(events),
        )


@dataclass(kw_only=True)
class Episode:
    """One run of an orchestrator: its context and its answer, in wire form."""

    orchestrator: str
    instance_id: str
    context: dict[str, Any]
    state: dict[str, Any]


class ScriptedFunctions:
    """The app's real orchestrators, and activities that a script answers."""

    orchestrators = frozenset(_HANDLES)
    activities = frozenset(
        {
            "CreateContainerActivity",
            "CheckStatusActivity",
            "FetchLogsActivity",
            "DeleteContainerActivity",
        }
    )
    entities: frozenset[str] = frozenset()

    def __init__(self, group: ScriptedGroup) -> None:
        self.group = group
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

    def run_activity(self, name: str, payload: str | None, *, instance_id: str) -> str | None:
        """Answer one activity from the script."""
        del instance_id
        try:
            return json.dumps(self.group.answer(name, json.loads(payload or "null")))
        except Exception as error:
            raise UserCodeError(f"{type(error).__name__}: {error}") from error

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
    """

    status: str
    output: Any
    custom_status: dict[str, Any]
    took_s: float
    functions: ScriptedFunctions


@dataclass(frozen=True, kw_only=True)
class Event:
    """An external event raised at a skipped time."""

    after_s: float
    name: str = "Cancel"
    payload: Any = None


async def run_job(
    folder: Path,
    spec: dict[str, Any],
    *events: Event,
    job_id: str = "job-under-test",
    **script: Any,
) -> Run:
    """Run one job to its end on a scripted group and return how it went."""
    clock = SkippingClock()
    functions = ScriptedFunctions(ScriptedGroup(clock=clock, **script))
    engine = DurableEngine(functions, folder, DurableOptions(clock=clock))
    await engine.start()
    try:
        for event in events:
            _raise_later(engine, clock, job_id, event)
        await engine.client.start_new("JobOrchestrator", json.dumps(spec), job_id)
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
    )


def _raise_later(engine: DurableEngine, clock: SkippingClock, job_id: str, event: Event) -> None:
    async def errand() -> None:
        await engine.client.raise_event(job_id, event.name, json.dumps(event.payload))

    clock.send_at(START + timedelta(seconds=event.after_s), errand)


def _parsed(output: str) -> Any:
    try:
        return json.loads(output)
    except json.JSONDecodeError:
        return output  # a failed instance's output is plain text


def _iso(start: datetime, after_s: float) -> str:
    return (start + timedelta(seconds=after_s)).isoformat().replace("+00:00", "Z")
