"""Moves messages to orchestrators and entities, and activities to threads.

Everything here runs on the event loop; only the app's code runs on threads. An instance has at most
one episode at a time, an entity at most one batch; what arrives meanwhile waits in its inbox.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from functions_host.durable.clock import call_later, from_us, to_us
from functions_host.durable.crash import CrashPoint
from functions_host.durable.events import EventType, event
from functions_host.durable.faults import (
    CustomStatusLost,
    FirstEpisodeLost,
    OrchestratorKilled,
    TimerEarly,
)
from functions_host.durable.replay.episode import EpisodeInput, Runner
from functions_host.durable.running import journal
from functions_host.durable.running.activity_queue import ActivityQueue, Reply
from functions_host.durable.running.cache import HistoryCache
from functions_host.durable.running.committer import Committer
from functions_host.durable.running.entities import EntityRunner
from functions_host.durable.running.inbox import Inboxes, Letter, in_order
from functions_host.durable.running.timers import TimerQueue
from functions_host.durable.running.watchers import Watchers
from functions_host.durable.store.records import (
    AddMessage,
    CommitEntity,
    CommitEpisode,
    CreateInstance,
    DiscardMessages,
    Purge,
    RecordResult,
    Rewind,
)
from functions_host.threads import WorkerPool

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from functions_host.durable.replay.episode import Outcome
    from functions_host.durable.running.cache import Loaded
    from functions_host.durable.running.parts import Parts
    from functions_host.durable.store.errors import StoreError
    from functions_host.durable.store.records import Change, Instance, Message, Timer
    from functions_host.durable.store.sqlite import SqliteStore

_LOG = logging.getLogger("functions_host.durable")
_ORCHESTRATOR_THREADS = 2  # replay is bound by the interpreter lock: more would only take turns
_SECOND_US = 1_000_000


class Dispatcher:
    """The moving part of the engine.

    Args:
        store: Where everything is kept; open once this is started.
        parts: What the engine's parts share.
        on_broken: Called if the store cannot be written any more.
    """

    def __init__(
        self, store: SqliteStore, parts: Parts, on_broken: Callable[[StoreError], None]
    ) -> None:
        self._store = store
        self._parts = parts
        self.committer = Committer(
            store, parts.crash, self._take_effect, self._on_refused, on_broken
        )
        self.cache = HistoryCache(store, parts.options.history_cache_events)
        self.creating: set[str] = set()  # ids of instances that wait to be committed
        self._inboxes = Inboxes()
        self._timers = TimerQueue(parts.options.clock, self._on_timer_due)
        self._watchers = Watchers()
        version = parts.options.default_version
        self._episodes = Runner(parts.functions, parts.row_ids, version)
        self._batches = EntityRunner(parts.functions, parts.row_ids)
        self._activities = ActivityQueue(parts, self.committer, self._note_idle)
        self._limit = parts.options.max_concurrent_orchestrator_functions
        self._pool = WorkerPool("orchestrator", min(self._limit, _ORCHESTRATOR_THREADS))
        self._running = 0
        self._refused: set[str] = set()  # ids of those whose failure is being recorded
        self._is_stopping = False
        self._idle = asyncio.Event()

    # Lifecycle

    def start(self) -> None:
        """Take up what the store has under way."""
        backlog = self._store.backlog()
        used = [message.message_id for message in backlog.messages]
        used += [task.row_id for task in backlog.tasks]
        self._parts.row_ids.start_after(max(used, default=0))
        self._timers.add(backlog.timers, self._due_again_us)
        for message in backlog.messages:
            self._deliver(message)
        self._activities.add(backlog.tasks)

    async def stop(self) -> None:
        """Let running functions end within the drain time; what ran to its end is durable."""
        self._is_stopping = True
        self._timers.stop()
        self._activities.stop()
        self._note_idle()
        try:
            await asyncio.wait_for(self._until_none_runs(), self._parts.options.drain_s)
        except TimeoutError:
            _LOG.warning(
                "Stopped with %d functions still running; they run again at the next start.",
                self._activities.running + self._running,
            )
        self.committer.flush()
        self.committer.close()
        self._pool.close()
        self._activities.close()
        self._watchers.give_up()

    async def wait_until_quiet(self) -> None:
        """Wait until only timers, events and clients can change anything."""
        self.committer.flush()
        while self._running or self._inboxes.has_ready or not self._activities.is_idle:
            self._idle.clear()
            await self._idle.wait()
            self.committer.flush()

    async def _until_none_runs(self) -> None:
        while self._running or self._activities.running:
            self._idle.clear()
            await self._idle.wait()

    def _note_idle(self) -> None:
        if not self._running and not self._activities.running:
            self._idle.set()

    # Changes

    def _take_effect(self, change: Change) -> None:
        """Set going what a change that is durable now is about."""
        match change:
            case CommitEpisode():
                self._on_episode_committed(change)
            case RecordResult() | AddMessage():
                self._deliver(change.message)
            case CreateInstance():
                self._start_instance(change)
            case CommitEntity():
                self._on_batch_committed(change)
            case Rewind():
                self.cache.drop(change.instance.instance_id)
                self._deliver(change.message)
            case Purge():
                for instance_id in change.instance_ids:
                    self.cache.drop(instance_id)
            case DiscardMessages():
                pass

    def _on_refused(self, change: Change, error: Exception) -> None:
        """Let what cannot be stored fail, so that nobody waits for it and no slot is lost."""
        match change:
            case CommitEpisode():
                self._on_episode_refused(change, error)
            case RecordResult():
                self._activities.on_result_refused(change, error)
            case CreateInstance():
                self.creating.discard(change.instance.instance_id)
            case CommitEntity():
                self._on_batch_refused(change, error)

    def _on_episode_refused(self, commit: CommitEpisode, error: Exception) -> None:
        instance_id = commit.instance.instance_id
        self.creating.difference_update(one.instance.instance_id for one in commit.children)
        loaded = self.cache.get(instance_id)
        if loaded is None or instance_id in self._refused:
            self._refused.discard(instance_id)
            self._go_on(instance_id)
            return
        self._refused.add(instance_id)
        given = EpisodeInput(
            instance=loaded.instance,
            past=loaded.past,
            past_text=loaded.past_text,
            arrived=(),
            consumed=commit.consumed,
            fired=commit.fired,
            now=self._parts.now(),
        )
        outcome = self._episodes.refused(given, error)
        journal.episode(outcome, 0.0)
        self.committer.add(outcome.commit)

    def _on_batch_refused(self, commit: CommitEntity, error: Exception) -> None:
        entity_id = commit.entity.entity_id
        if entity_id in self._refused:
            self._refused.discard(entity_id)
            self._go_on(entity_id)
            return
        self._refused.add(entity_id)
        failed = self._batches.refused(
            self._store.find_entity(entity_id), commit, error, self._parts.now()
        )
        journal.batch(failed, f"It cannot be recorded: {error}", 0.0)
        self.committer.add(failed)

    def _start_instance(self, created: CreateInstance) -> None:
        self.creating.discard(created.instance.instance_id)
        self.cache.put_new(created.instance)
        self._deliver(created.message)

    def _deliver(self, message: Message) -> None:
        self._put(message.target_id, Letter(message.execution_id, message.event, message=message))

    def _put(self, target_id: str, letter: Letter) -> None:
        self._inboxes.put(target_id, letter)
        self._feed_episodes()

    def _on_timer_due(self, timer: Timer) -> None:
        self._parts.crash.reach(CrashPoint.TIMER_DUE)
        fired = event(
            EventType.TIMER_FIRED,
            self._parts.now(),
            TimerId=timer.timer_id,
            FireAt=journal.fire_at(timer),
        )
        self._put(timer.instance_id, Letter(timer.execution_id, fired, timer=timer))

    # Episodes

    def _feed_episodes(self) -> None:
        while self._inboxes.has_ready and not self._is_stopping and self._running < self._limit:
            target_id, letters = self._inboxes.take()
            begin = self._begin_batch if target_id.startswith("@") else self._begin_episode
            try:
                begin(target_id, letters)
            except Exception:  # noqa: BLE001 - the others must run
                _LOG.exception("%s cannot be read, and stands still.", target_id)

    def _begin_episode(self, instance_id: str, letters: list[Letter]) -> None:
        loaded = self.cache.get(instance_id)
        is_open = loaded is not None and not loaded.instance.status.is_terminal
        current = (None, loaded.instance.execution_id) if loaded and is_open else ()
        wanted = [one for one in letters if one.execution_id in current]
        if len(wanted) < len(letters):
            self._discard([one for one in letters if one.execution_id not in current])
        if loaded is None or not wanted:
            self._inboxes.release(instance_id)
            return
        name = loaded.instance.name
        given = EpisodeInput(
            instance=loaded.instance,
            past=loaded.past,
            past_text=loaded.past_text,
            arrived=[one.event for one in in_order(wanted)],
            consumed=[one.message.message_id for one in wanted if one.message],
            fired=[one.timer.timer_id for one in wanted if one.timer],
            now=self._time_of(loaded, wanted),
            is_killed=bool(self._parts.faults.strike(OrchestratorKilled, name, instance_id)),
        )
        self._running += 1
        self._pool.submit(
            partial(_timed, self._episodes.run, given), partial(self._on_episode_ran, wanted)
        )

    def _time_of(self, loaded: Loaded, letters: list[Letter]) -> datetime:
        """Return the time of an episode: within one execution it never goes back, as in the SDK.

        After the clock was set back, an execution's time goes on from timer to timer.
        """
        now, before = self._parts.now(), from_us(loaded.instance.updated_us)
        if not loaded.past or before <= now:
            return now
        return max([before, *(from_us(one.timer.fire_us) for one in letters if one.timer)])

    def _discard(self, letters: Sequence[Letter]) -> None:
        ids = [one.message.message_id for one in letters if one.message]
        if ids:
            self.committer.add(DiscardMessages(message_ids=ids))

    def _on_episode_ran(self, letters: list[Letter], timed: tuple[Outcome, float]) -> None:
        outcome, duration_s = timed
        self._parts.crash.reach(CrashPoint.EPISODE_RAN)
        commit, instance = outcome.commit, outcome.commit.instance
        faults, name, instance_id = self._parts.faults, instance.name, instance.instance_id
        if any(one.event.kind == EventType.EXECUTION_STARTED for one in letters):
            lost = faults.strike(FirstEpisodeLost, name, instance_id)
            if lost is not None:
                self._lose_episode(commit, letters, lost)
                return
        place = "end" if instance.status.is_terminal else ""
        if faults.strike(CustomStatusLost, name, instance_id, place):
            commit = replace(commit, instance=replace(instance, custom_status=None))
        journal.episode(outcome, duration_s)
        try:
            commit = self._without_clashing_children(commit)
        except Exception as error:  # noqa: BLE001 - whatever a child's id is, it is this instance's alone
            self._on_episode_refused(commit, error)
        else:
            self.committer.add(commit)

    def _lose_episode(
        self, commit: CommitEpisode, letters: list[Letter], lost: FirstEpisodeLost
    ) -> None:
        """Run the activities of an episode, and the episode itself again later."""
        self._activities.add(commit.tasks, Reply.HOLD if lost.replies_arrive else Reply.DROP)
        again = partial(self._start_over, commit.instance.instance_id, letters)
        call_later(self._parts.options.clock, lost.later_s, again)
        self._running -= 1
        self._feed_episodes()
        self._note_idle()

    def _start_over(self, instance_id: str, letters: list[Letter]) -> None:
        for letter in [*letters, *self._inboxes.empty(instance_id)]:
            self._inboxes.put(instance_id, letter)
        self._inboxes.release(instance_id)
        self._feed_episodes()

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
                messages.append(journal.child_refused(child, self._parts.now()))
        if len(children) == len(commit.children):
            return commit
        return replace(commit, children=children, messages=messages)

    def _on_episode_committed(self, commit: CommitEpisode) -> None:
        instance = commit.instance
        self._refused.discard(instance.instance_id)
        self.cache.advance(commit)
        if commit.timers:
            self._timers.add(commit.timers, partial(self._due_us, instance))
        for child in commit.children:
            self._start_instance(child)
        for message in commit.messages:
            self._deliver(message)
        self._activities.add(commit.tasks)
        self._activities.on_episode(instance.instance_id, is_over=instance.status.is_terminal)
        if instance.status.is_terminal:
            self._watchers.tell(instance)
        self._go_on(instance.instance_id)

    def _due_again_us(self, timer: Timer) -> int:
        """Return when a timer of an earlier run of the host is due."""
        instance = self._store.find_instance(timer.instance_id)
        return timer.fire_us if instance is None else self._due_by_clock_us(instance, timer)

    def _due_us(self, instance: Instance, timer: Timer) -> int:
        due_us = self._due_by_clock_us(instance, timer)
        is_early = self._parts.faults.strike(TimerEarly, instance.name, timer.instance_id)
        return due_us // _SECOND_US * _SECOND_US if is_early else due_us

    def _due_by_clock_us(self, instance: Instance, timer: Timer) -> int:
        """Return when the timer is due by a clock that may have been set back: then sooner."""
        ahead_us = instance.updated_us - to_us(self._parts.now())
        return timer.fire_us - max(0, ahead_us)

    # Batches

    def _begin_batch(self, target_id: str, letters: list[Letter]) -> None:
        batch = [one.message for one in letters if one.message]
        before, now = self._store.find_entity(target_id), self._parts.now()
        self._running += 1
        self._pool.submit(
            partial(_timed, self._batches.run, before, target_id, batch, now), self._on_batch_ran
        )

    def _on_batch_ran(self, timed: tuple[tuple[CommitEntity, str | None], float]) -> None:
        (commit, failure), duration_s = timed
        self._parts.crash.reach(CrashPoint.ENTITY_RAN)
        journal.batch(commit, failure, duration_s)
        self.committer.add(commit)

    def _on_batch_committed(self, commit: CommitEntity) -> None:
        self._refused.discard(commit.entity.entity_id)
        for message in commit.messages:
            self._deliver(message)
        self._go_on(commit.entity.entity_id)

    def _go_on(self, target_id: str) -> None:
        self._running -= 1
        self._inboxes.release(target_id)
        self._feed_episodes()
        self._note_idle()

    async def wait_for_end(self, instance_id: str, timeout_s: float) -> Instance | None:
        """Return the instance once it is over, or None if that takes longer."""
        instance = self._store.find_instance(instance_id)
        if instance is not None and instance.status.is_terminal:
            return instance
        return await self._watchers.wait(instance_id, timeout_s)


def _timed(function: Callable[..., Any], *arguments: Any) -> tuple[Any, float]:
    began = time.perf_counter()
    return function(*arguments), time.perf_counter() - began
