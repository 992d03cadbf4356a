"""The durable engine of the local Functions host: orchestrations, activities, entities, timers.

`DurableEngine` is the way in. It speaks the JSON protocol of the Durable Functions extension to the
app's functions, keeps its state in a store, and answers the extension's two HTTP APIs.
"""

from __future__ import annotations

from functions_host.durable.engine import DurableEngine
from functions_host.durable.options import DurableOptions
from functions_host.durable.store.errors import StoreInUseError, StoreVersionError

__all__ = ["DurableEngine", "DurableOptions", "StoreInUseError", "StoreVersionError"]
