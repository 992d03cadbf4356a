"""A running engine, and short ways to use it in tests."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from functions_host.durable import DurableEngine, DurableOptions
from functions_host.durable.events import EventType
from functions_host.durable.store.records import Status

if TYPE_CHECKING:
    from pathlib import Path

    from durable_app import SdkApp
    from durable_clock import VirtualClock
    from functions_host.durable.api.client import DurableClient
    from functions_host.durable.store.records import Instance
    from functions_host.durable.store.sqlite import SqliteStore


class Harness:
    """An engine that tests start, drive, kill and start again."""

    def __init__(
        self, app: SdkApp, clock: VirtualClock, folder: Path, store: SqliteStore | None = None
    ) -> None:
        self.app = app
        self.clock = clock
        self._folder = folder
        self._store = store
        self.engine: DurableEngine

    async def start(self, **options: Any) -> None:
        """Start an engine."""
        settings = DurableOptions(clock=self.clock, **{"drain_s": 5.0, **options})
        self.engine = DurableEngine(self.app, self._folder, settings, store=self._store)
        await self.engine.start()

    async def stop(self) -> None:
        """Stop the engine."""
        await self.engine.stop()

    async def restart(self, **options: Any) -> None:
        """Another engine runs on the same store."""
        await self.stop()
        await self.start(**options)

    @property
    def client(self) -> DurableClient:
        """The engine's client."""
        return self.engine.client

    async def begin(self, name: str, argument: Any = None, instance_id: str = "") -> str:
        """Start an orchestration as the SDK does and let it run as far as it gets."""
        payload = None if argument is None else json.dumps(json.dumps(argument))
        started = await self.client.start_new(name, payload, instance_id)
        await self.engine.wait_until_quiet()
        return started

    async def event(self, instance_id: str, name: str, value: Any = None) -> None:
        """Raise an event and let its receiver run as far as it gets."""
        await self.client.raise_event(instance_id, name, json.dumps(value))
        await self.engine.wait_until_quiet()

    async def skip(self, **step: float) -> None:
        """Let time pass, alarm by alarm, with everything running as far as it gets."""
        end = self.clock.now() + timedelta(**step)
        while True:
            due = self.clock.next_due()
            target = end if due is None else min(max(due, self.clock.now()), end)
            self.clock.advance(target - self.clock.now())
            await self.engine.wait_until_quiet()
            due = self.clock.next_due()
            if self.clock.now() >= end and (due is None or due > end):
                return

    def status(self, instance_id: str) -> Instance:
        """Return an instance that must exist."""
        instance = self.client.find(instance_id)
        assert instance is not None
        return instance

    def output(self, instance_id: str) -> Any:
        """Return the output of an instance that must have completed."""
        instance = self.status(instance_id)
        assert instance.status is Status.COMPLETED, (instance.status, instance.output)
        return json.loads(instance.output or "null")

    def failure(self, instance_id: str) -> str:
        """Return the failure text of an instance that must have failed."""
        instance = self.status(instance_id)
        assert instance.status is Status.FAILED, (instance.status, instance.output)
        return str(instance.output)

    def kinds(self, instance_id: str) -> list[str]:
        """Return the kinds of an instance's history events."""
        return [EventType(item.kind).name for item in self.client.history(instance_id)]
