"""Settings of a durable engine."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from functions_host.durable.clock import Clock, SystemClock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from functions_host.durable.faults import Fault

_CORES = os.cpu_count() or 1


@dataclass(frozen=True, kw_only=True)
class DurableOptions:
    """Settings of a durable engine; names follow host.json's `durableTask` section.

    Attributes:
        hub_name: The task hub, shown in URLs and bindings.
        connection_name: The `connection` shown in URLs; kept for likeness, nothing connects.
        default_version: What instances are begun with that are given no version; empty for none.
        max_concurrent_activity_functions: The most activities running at one time.
        max_concurrent_orchestrator_functions: The most orchestrator episodes running at one time.
        drain_s: How long `stop` waits for running functions, in seconds.
        history_cache_events: How many history events of idle instances stay in memory.
        clock: The clock of timers, timestamps and waits.
        faults: Faults of the real engine that tests want; none by default.
    """

    hub_name: str = "TestHubName"
    connection_name: str = "Storage"
    default_version: str = ""
    max_concurrent_activity_functions: int = 10 * _CORES
    max_concurrent_orchestrator_functions: int = 10 * _CORES
    drain_s: float = 30.0
    history_cache_events: int = 20_000
    clock: Clock = field(default_factory=SystemClock)
    faults: Sequence[Fault] = ()
