"""What a host may set about its durable engine."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from functions_host.durable.clock import Clock, SystemClock

_CORES = os.cpu_count() or 1


@dataclass(frozen=True, kw_only=True)
class DurableOptions:
    """Settings of a durable engine; names follow host.json's `durableTask` section.

    Attributes:
        hub_name: The task hub, shown in URLs and bindings.
        connection_name: The `connection` shown in URLs; kept for likeness, nothing connects.
        max_concurrent_activity_functions: The most activities running at one time.
        max_concurrent_orchestrator_functions: The most orchestrator episodes running at one time.
        drain_s: How long `stop` waits for running functions, in seconds.
        history_cache_events: How many history events of idle instances stay in memory.
        remember_pure_results: Whether to spare the SDK from computing the same again.
        clock: The clock of timers, timestamps and waits.
    """

    hub_name: str = "TestHubName"
    connection_name: str = "Storage"
    max_concurrent_activity_functions: int = 10 * _CORES
    max_concurrent_orchestrator_functions: int = 10 * _CORES
    drain_s: float = 30.0
    history_cache_events: int = 20_000
    remember_pure_results: bool = True
    clock: Clock = field(default_factory=SystemClock)
