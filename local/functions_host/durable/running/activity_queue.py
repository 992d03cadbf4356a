"""Activities that wait for a thread, and what becomes of their replies."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import replace
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING

from functions_host.durable.clock import call_later
from functions_host.durable.crash import CrashPoint
from functions_host.durable.events import EventType, compact
from functions_host.durable.faults import (
    ActivityRedelivered,
    Redelivery,
    ReplySwallowed,
    StrayReply,
)
from functions_host.durable.running import journal
from functions_host.durable.running.activities import ActivityRunner, Answer
from functions_host.durable.store.records import ActivityTask, Message, RecordResult
from functions_host.threads import WorkerPool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from functions_host.durable.running.committer import Committer
    from functions_host.durable.running.parts import Parts


class Reply(Enum):
    """The way that an activity's reply goes."""

    RECORD = "record"
    """It is made durable and delivered."""
    DROP = "drop"
    """Nobody gets it: the activity was delivered again."""
    HOLD = "hold"
    """It waits until an episode of its instance is committed: a lost one asked for it."""


class ActivityQueue:
    """Runs activities, each once it has a thread.

    Args:
        parts: What the engine's parts share.
        committer: Makes replies durable.
        note_idle: Called when an activity has ended.
    """

    def __init__(self, parts: Parts, committer: Committer, note_idle: Callable[[], None]) -> None:
        self._parts = parts
        self._committer = committer
        self._note_idle = note_idle
        self._runner = ActivityRunner(parts.functions, parts.crash)
        self._limit = parts.options.max_concurrent_activity_functions
        self._pool = WorkerPool("activity", self._limit)
        self._tasks: deque[tuple[ActivityTask, Reply]] = deque()
        self._is_stopping = False
        self._held: dict[str, list[RecordResult]] = {}
        self._again_at_end: dict[str, list[tuple[ActivityTask, float]]] = {}
        self.running = 0

    @property
    def is_idle(self) -> bool:
        """Whether no activity runs or waits for a thread."""
        return not self.running and not self._tasks

    def add(self, tasks: Iterable[ActivityTask], reply: Reply = Reply.RECORD) -> None:
        """Run these activities soon."""
        for task in tasks:
            self._tasks.append((task, reply))
            if reply is Reply.HOLD:
                self._held.setdefault(task.instance_id, [])
        self._feed()

    def stop(self) -> None:
        """Begin no activity any more."""
        self._is_stopping = True

    def close(self) -> None:
        """End the threads, and wait for none."""
        self._pool.close()

    def on_episode(self, instance_id: str, *, is_over: bool) -> None:
        """Send what waited for an episode's commit; run again what comes after the end."""
        for change in self._held.pop(instance_id, ()):
            self._committer.add(change)
        for task, after_s in self._again_at_end.pop(instance_id, ()) if is_over else ():
            self._deliver_again(task, after_s)

    def _feed(self) -> None:
        while self._tasks and not self._is_stopping and self.running < self._limit:
            task, reply = self._tasks.popleft()
            self.running += 1
            self._pool.submit(partial(self._run, task), partial(self._on_ran, reply))

    def _run(self, task: ActivityTask) -> tuple[Answer, float]:
        began = time.perf_counter()
        return self._runner.run(task), time.perf_counter() - began

    def _on_ran(self, reply: Reply, timed: tuple[Answer, float]) -> None:
        answer, duration_s = timed
        self._parts.crash.reach(CrashPoint.ACTIVITY_RAN)
        journal.activity(answer, duration_s)
        self.running -= 1
        if reply is Reply.RECORD:
            self._record(answer)
        elif reply is Reply.HOLD:
            self._hold(answer)
        self._feed()
        self._note_idle()

    def _record(self, answer: Answer) -> None:
        faults, task = self._parts.faults, answer.task
        stray = faults.strike(StrayReply, task.name, task.instance_id)
        if stray is not None:
            answer = replace(answer, result=compact(stray.result), failure=None)
        swallowed = faults.strike(ReplySwallowed, task.name, task.instance_id)
        if swallowed is None:
            self._committer.add(self._result(answer))
        elif swallowed.arrives_after_s is not None:
            late = partial(self._record_late, answer)
            call_later(self._parts.options.clock, swallowed.arrives_after_s, late)
        again = faults.strike(ActivityRedelivered, task.name, task.instance_id)
        if again is not None and again.when == Redelivery.AT_ONCE:
            self._deliver_again(task, again.after_s)
        elif again is not None:
            self._again_at_end.setdefault(task.instance_id, []).append((task, again.after_s))

    def _deliver_again(self, task: ActivityTask, after_s: float) -> None:
        if after_s:
            again = partial(self.add, [task], Reply.DROP)
            call_later(self._parts.options.clock, after_s, again)
        else:
            self.add([task], Reply.DROP)

    def _record_late(self, answer: Answer) -> None:
        self._committer.add(self._result(answer))

    def on_result_refused(self, refused: RecordResult, error: Exception) -> None:
        """Let an activity whose result cannot be stored fail; its orchestrator hears of it."""
        message = refused.message
        if message.event.kind == EventType.TASK_FAILED or not refused.name:
            return  # not even the failure: only this instance waits on
        task = ActivityTask(
            row_id=refused.row_id,
            instance_id=message.target_id,
            execution_id=message.execution_id or "",
            task_id=message.event.fields["TaskScheduledId"],
            name=refused.name,
            payload=None,
        )
        text = f"Its result cannot be recorded: {type(error).__name__}"
        self._committer.add(self._result(Answer(task=task, failure=text)))

    def _hold(self, answer: Answer) -> None:
        change = self._result(answer)
        if answer.task.instance_id in self._held:
            self._held[answer.task.instance_id].append(change)
        else:
            self._committer.add(change)

    def _result(self, answer: Answer) -> RecordResult:
        task = answer.task
        message = Message(
            message_id=next(self._parts.row_ids),
            target_id=task.instance_id,
            execution_id=task.execution_id,
            event=answer.to_event(self._parts.now()),
        )
        return RecordResult(row_id=task.row_id, message=message, name=task.name)
