"""Histories of recently active instances, kept parsed and serialised."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from functions_host.durable.events import wire_text

if TYPE_CHECKING:
    from functions_host.durable.events import Event
    from functions_host.durable.store.records import CommitEpisode, Instance
    from functions_host.durable.store.sqlite import SqliteStore


@dataclass(slots=True)
class Loaded:
    """An instance with its history.

    Attributes:
        instance: The instance as it was committed last.
        past: Its history.
        past_text: The same as the inside of a JSON array, all marked as played.
    """

    instance: Instance
    past: list[Event]
    past_text: str

    def advance(self, commit: CommitEpisode) -> None:
        """Become what the store has after `commit`."""
        self.instance = commit.instance
        if commit.first_sequence == 0:
            self.past, self.past_text = [], ""
        added = wire_text(commit.events, is_played=True)
        self.past.extend(commit.events)
        self.past_text = (
            f"{self.past_text},{added}" if self.past_text and added else (self.past_text or added)
        )


class HistoryCache:
    """Loads instances from a store and keeps the recently used ones.

    Args:
        store: Where instances come from.
        max_events: About how many events to keep.
    """

    def __init__(self, store: SqliteStore, max_events: int) -> None:
        self._store = store
        self._max_events = max_events
        self._loaded: OrderedDict[str, Loaded] = OrderedDict()
        self._event_count = 0

    def get(self, instance_id: str) -> Loaded | None:
        """Return an instance as the store has it, or None if it has none."""
        loaded = self._loaded.get(instance_id)
        if loaded is not None:
            self._loaded.move_to_end(instance_id)
            return loaded
        instance = self._store.find_instance(instance_id)
        if instance is None:
            return None
        past = self._store.read_history(instance_id)
        loaded = Loaded(instance, past, wire_text(past, is_played=True))
        self._loaded[instance_id] = loaded
        self._grow(len(past) + 1)
        return loaded

    def put_new(self, instance: Instance) -> None:
        """Keep a new instance, which has no history yet."""
        self.drop(instance.instance_id)
        self._loaded[instance.instance_id] = Loaded(instance, [], "")
        self._grow(1)

    def advance(self, commit: CommitEpisode) -> None:
        """Follow an episode that was committed."""
        loaded = self._loaded.get(commit.instance.instance_id)
        if loaded is None:
            return
        if commit.instance.status.is_terminal:
            self.drop(commit.instance.instance_id)
            return
        before = len(loaded.past)
        loaded.advance(commit)
        self._grow(len(loaded.past) - before)

    def drop(self, instance_id: str) -> None:
        """Forget an instance, so that the store is asked the next time."""
        loaded = self._loaded.pop(instance_id, None)
        if loaded is not None:
            self._event_count -= len(loaded.past) + 1

    def _grow(self, count: int) -> None:
        self._event_count += count
        while self._event_count > self._max_events and len(self._loaded) > 1:
            oldest = next(iter(self._loaded))
            self.drop(oldest)
