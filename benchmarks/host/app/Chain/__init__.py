"""Passes a number through five activities."""

from collections.abc import Generator
from typing import Any

import azure.durable_functions as df


def chain(context: df.DurableOrchestrationContext) -> Generator[Any, Any, int]:
    """Return five."""
    number = 0
    for _ in range(5):
        number = yield context.call_activity("Add", number)
    return number


main = df.Orchestrator.create(chain)
