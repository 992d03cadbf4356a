"""Moves messages to orchestrators and entities, and activities to threads.

Everything here runs on the event loop; only the app's code runs on threads. An instance has at most
one episode at a time, an entity at most one batch; what arrives meanwhile waits in its inbox.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

from functions_host.durable import journal
from functions_host.durable.activities import ActivityRunner
from functions_host.durable.cache import HistoryCache
from functions_host.durable.clock import to_us
from functions_host.durable.committer import Committer
from functions_host.durable.crash import CrashPoint
from functions_host.durable.entities import EntityRunner
from functions_host.durable.episode import EpisodeInput, Runner
from functions_host.durable.events import EventType, event
from functions_host.durable.inbox import Inbox, Letter, in_order
from functions_host.durable.store.records import (
    CommitEntity,
    CommitEpisode,
    DiscardMessages,
    Message,
    RecordResult,
)
from functions_host.durable.timers import TimerQueue
from functions_host.durable.workers import Mailbox, WorkerPool

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from functions_host.contract import DurableFunctions
    from functions_host.durable.crash import CrashSwitch
    from functions_host.durable.episode import Outcome
    from functions_host.durable.options import DurableOptions
    from functions_host.durable.store.contract import Store, StoreError
    from functions_host.durable.store.records import ActivityTask, CreateInstance, Instance, Timer

_LOG = logging.getLogger("functions_host.durable")
_ORCHESTRATOR_THREADS = 2  # replay is bound by the interpreter lock: more would only take turns


class Dispatcher:
    """The moving part of the engine.

    Args:
        functions: The app's functions.
        store: An open store.
        options: The engine's settings.
        crash: Where tests make the process die.
        on_broken: Called if the store cannot be written any more.
    """

    def __init__(
        self,
        functions: DurableFunctions,
        store: Store,
        options: DurableOptions,
        crash: CrashSwitch,
        on_broken: Callable[[StoreError], None],
    ) -> None:
        self._store = store
        self._options = options
        self._clock = options.clock
        self._crash = crash
        self.row_ids = count(1)
        self.committer = Committer(store, crash, on_broken)
        self.cache = HistoryCache(store, options.history_cache_events)
        self._functions = functions
        self._timers = TimerQueue(self._clock, self._on_timer_due)
        self.creating: set[str] = set()  # ids of instances that wait to be committed
        self._inboxes: dict[str, Inbox] = {}
        self._ready: deque[str] = deque()
        self._running_episodes = 0
        self._tasks: deque[ActivityTask] = deque()
        self._running_activities = 0
        self._is_stopping = False
        self._turn_time: datetime | None = None
        self._idle = asyncio.Event()
        self._quiet: list[asyncio.Future[None]] = []
        self._watchers: dict[str, set[asyncio.Future[Instance]]] = {}

    # Lifecycle

    def start(self) -> None:
        """What the store has under way goes on."""
        backlog = self._store.backlog()
        used = [message.message_id for message in backlog.messages]
        used += [task.row_id for task in backlog.tasks]
        self.row_ids = count(max(used, default=0) + 1)
        self._episodes = Runner(self._functions, self.row_ids)
        self._batches = EntityRunner(self._functions, self.row_ids)
        self._activities = ActivityRunner(self._functions, self._crash)
        mailbox = Mailbox(asyncio.get_running_loop())
        threads = min(self._options.max_concurrent_orchestrator_functions, _ORCHESTRATOR_THREADS)
        self._episode_limit = self._options.max_concurrent_orchestrator_functions
        self._orchestrator_pool = WorkerPool("orchestrator", threads, mailbox)
        self._activity_pool = WorkerPool(
            "activity", self._options.max_concurrent_activity_functions, mailbox
        )
        self._timers.add(backlog.timers)
        self._tasks.extend(backlog.tasks)
        for message in backlog.messages:
            self.deliver(message)
        self._feed_activities()

    async def stop(self) -> None:
        """No function runs, or the drain time is over; what ran to its end is durable."""
        self._is_stopping = True
        self._timers.stop()
        self._note_idle()
        try:
            await asyncio.wait_for(self._idle.wait(), self._options.drain_s)
        except TimeoutError:
            _LOG.warning(
                "Stopped with %d functions still running; they run again at the next start.",
                self._running_activities + self._running_episodes,
            )
        self.committer.flush()
        self.committer.close()
        self._orchestrator_pool.close()
        self._activity_pool.close()
        for watchers in self._watchers.values():
            for watcher in watchers:
                if not watcher.done():
                    watcher.set_exception(TimeoutError())

    async def wait_until_quiet(self) -> None:
        """Everything that can go on now has: only timers, events and clients can change anything."""
        self.committer.flush()
        while self._running_activities or self._running_episodes or self._ready or self._tasks:
            quiet = asyncio.get_running_loop().create_future()
            self._quiet.append(quiet)
            await quiet

    def _note_idle(self) -> None:
        if self._running_activities or self._running_episodes:
            return
        if self._is_stopping:
            self._idle.set()
        for quiet in self._quiet:
            if not quiet.done():
                quiet.set_result(None)
        self._quiet.clear()

    # Arrivals

    def deliver(self, message: Message) -> None:
        """A durable message is in its receiver's inbox."""
        self._put(message.target_id, Letter(message.execution_id, message.event, message=message))

    def start_instance(self, created: CreateInstance) -> None:
        """A durable new instance runs soon."""
        self.creating.discard(created.instance.instance_id)
        self.cache.put_new(created.instance)
        self.deliver(created.message)

    def _put(self, target_id: str, letter: Letter) -> None:
        inbox = self._inboxes.get(target_id)
        if inbox is None:
            inbox = self._inboxes[target_id] = Inbox()
        inbox.letters.append(letter)
        if not inbox.is_busy and len(inbox.letters) == 1:
            self._ready.append(target_id)
            self._feed_episodes()

    def _now(self) -> datetime:
        """Return the time of this turn of the event loop.

        Everything in one turn shares it: a burst then has few distinct timestamps, and parsing them
        is most of what replaying a short history costs.
        """
        if self._turn_time is None:
            self._turn_time = self._clock.now()
            asyncio.get_running_loop().call_soon(self._end_turn)
        return self._turn_time

    def _end_turn(self) -> None:
        self._turn_time = None

    def _on_timer_due(self, timer: Timer) -> None:
        self._crash.reach(CrashPoint.TIMER_DUE)
        if to_us(self._now()) < timer.fire_us:
            self._turn_time = self._clock.now()
        fired = event(
            EventType.TIMER_FIRED,
            self._now(),
            TimerId=timer.timer_id,
            FireAt=journal.fire_at(timer),
        )
        self._put(timer.instance_id, Letter(timer.execution_id, fired, timer=timer))

    # Episodes and batches

    def _feed_episodes(self) -> None:
        while (
            self._ready and not self._is_stopping and self._running_episodes < self._episode_limit
        ):
            target_id = self._ready.popleft()
            inbox = self._inboxes[target_id]
            if target_id.startswith("@"):
                self._begin_batch(target_id, inbox)
            else:
                self._begin_episode(target_id, inbox)

    def _begin_episode(self, instance_id: str, inbox: Inbox) -> None:
        loaded = self.cache.get(instance_id)
        letters, inbox.letters = inbox.letters, []
        if loaded is None or loaded.instance.status.is_terminal:
            self._discard(letters)
            self._close_if_empty(instance_id, inbox)
            return
        current = loaded.instance.execution_id
        wanted = [one for one in letters if one.execution_id in (None, current)]
        if len(wanted) < len(letters):
            self._discard([one for one in letters if one.execution_id not in (None, current)])
        if not wanted:
            self._close_if_empty(instance_id, inbox)
            return
        inbox.is_busy = True
        given = EpisodeInput(
            instance=loaded.instance,
            past=loaded.past,
            past_text=loaded.past_text,
            arrived=[one.event for one in in_order(wanted)],
            consumed=[one.message.message_id for one in wanted if one.message],
            fired=[one.timer.timer_id for one in wanted if one.timer],
            now=self._now(),
        )
        self._running_episodes += 1
        self._orchestrator_pool.submit(
            lambda: _timed(self._episodes.run, given), self._on_episode_ran
        )

    def _on_episode_ran(self, timed: tuple[Outcome, float]) -> None:
        outcome, duration_s = timed
        self._crash.reach(CrashPoint.EPISODE_RAN)
        commit = self._without_clashing_children(outcome.commit)
        journal.episode(outcome, duration_s)
        self.committer.add(commit, lambda: self._on_episode_committed(commit))

    def is_free(self, instance_id: str) -> bool:
        """Return whether a new instance may have this id: none has it, or one that is over."""
        if instance_id in self.creating:
            return False
        existing = self._store.find_instance(instance_id)
        return existing is None or existing.status.is_terminal

    def _without_clashing_children(self, commit: CommitEpisode) -> CommitEpisode:
        """Return the commit with each child whose id is in use turned into a failure."""
        children, messages = [], list(commit.messages)
        for child in commit.children:
            child_id = child.instance.instance_id
            if self.is_free(child_id):
                self.creating.add(child_id)
                children.append(child)
            else:
                messages.append(journal.child_refused(child, self._now()))
        if len(children) == len(commit.children):
            return commit
        return replace(commit, children=children, messages=messages)

    def _on_episode_committed(self, commit: CommitEpisode) -> None:
        instance = commit.instance
        instance_id = instance.instance_id
        self._running_episodes -= 1
        self.cache.advance(commit)
        inbox = self._inboxes[instance_id]
        if commit.timers:
            self._timers.add(commit.timers)
        for child in commit.children:
            self.start_instance(child)
        for message in commit.messages:
            self.deliver(message)
        self._tasks.extend(commit.tasks)
        self._feed_activities()
        if instance.status.is_terminal:
            self._tell_watchers(instance)
        self._go_on(instance_id, inbox)

    def _begin_batch(self, target_id: str, inbox: Inbox) -> None:
        letters, inbox.letters = inbox.letters, []
        batch = [one.message for one in letters if one.message]
        before = self._store.find_entity(target_id)
        now = self._now()
        inbox.is_busy = True
        self._running_episodes += 1
        self._orchestrator_pool.submit(
            lambda: _timed(self._batches.run, before, target_id, batch, now), self._on_batch_ran
        )

    def _on_batch_ran(self, timed: tuple[tuple[CommitEntity, str | None], float]) -> None:
        (commit, failure), duration_s = timed
        self._crash.reach(CrashPoint.ENTITY_RAN)
        journal.batch(commit, failure, duration_s)
        self.committer.add(commit, lambda: self._on_batch_committed(commit))

    def _on_batch_committed(self, commit: CommitEntity) -> None:
        self._running_episodes -= 1
        target_id = commit.entity.entity_id
        inbox = self._inboxes[target_id]
        for message in commit.messages:
            self.deliver(message)
        self._go_on(target_id, inbox)

    def _go_on(self, target_id: str, inbox: Inbox) -> None:
        inbox.is_busy = False  # only now: what was delivered above must not have begun a new run
        if inbox.letters:
            self._ready.append(target_id)
        self._close_if_empty(target_id, inbox)
        self._feed_episodes()
        self._note_idle()

    def _close_if_empty(self, target_id: str, inbox: Inbox) -> None:
        if not inbox.letters and not inbox.is_busy:
            self._inboxes.pop(target_id, None)

    def _discard(self, letters: Sequence[Letter]) -> None:
        ids = [one.message.message_id for one in letters if one.message]
        if ids:
            self.committer.add(DiscardMessages(message_ids=ids), lambda: None)

    # Activities

    def _feed_activities(self) -> None:
        limit = self._options.max_concurrent_activity_functions
        while self._tasks and not self._is_stopping and self._running_activities < limit:
            task = self._tasks.popleft()
            self._running_activities += 1
            self._activity_pool.submit(
                lambda task=task: _timed(self._activities.run, task),  # type: ignore[misc]
                self._on_activity_ran,
            )

    def _on_activity_ran(self, timed: tuple[Any, float]) -> None:
        answer, duration_s = timed
        self._crash.reach(CrashPoint.ACTIVITY_RAN)
        journal.activity(answer, duration_s)
        task = answer.task
        message = Message(
            message_id=next(self.row_ids),
            target_id=task.instance_id,
            execution_id=task.execution_id,
            event=answer.to_event(self._now()),
        )
        change = RecordResult(row_id=task.row_id, message=message)
        self.committer.add(change, lambda: self._on_result_recorded(message))

    def _on_result_recorded(self, message: Message) -> None:
        self._running_activities -= 1
        self.deliver(message)
        self._feed_activities()
        self._note_idle()

    # Waiting

    async def wait_for_end(self, instance_id: str, timeout_s: float) -> Instance | None:
        """Return the instance once it is over, or None if that takes longer."""
        watcher: asyncio.Future[Instance] = asyncio.get_running_loop().create_future()
        self._watchers.setdefault(instance_id, set()).add(watcher)
        try:
            instance = self._store.find_instance(instance_id)
            if instance is not None and instance.status.is_terminal:
                return instance
            return await asyncio.wait_for(watcher, timeout_s)
        except TimeoutError:
            return None
        finally:
            watchers = self._watchers.get(instance_id, set())
            watchers.discard(watcher)
            if not watchers:
                self._watchers.pop(instance_id, None)

    def _tell_watchers(self, instance: Instance) -> None:
        for watcher in self._watchers.get(instance.instance_id, ()):
            if not watcher.done():
                watcher.set_result(instance)


def _timed(function: Callable[..., Any], *arguments: Any) -> tuple[Any, float]:
    began = time.perf_counter()
    return function(*arguments), time.perf_counter() - began
