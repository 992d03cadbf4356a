"""A small app for the durable engine: plain functions, run through the real SDK."""

from __future__ import annotations

import json
import traceback
from typing import TYPE_CHECKING, Any

import azure.durable_functions as df
import pytest

from functions_host.contract import UserCodeError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    Context = df.DurableOrchestrationContext
    Steps = Generator[Any, Any, Any]
    Orchestrator = Callable[[Context], Steps]

EARLY_EVENTS = pytest.mark.filterwarnings("ignore:Potential duplicate Task completion")
"""For tests in which an event comes before its wait: the SDK warns, and handles it all the same."""


class Body:
    """What the worker hands to an SDK handle: an object with the wire text in `body`."""

    def __init__(self, body: str) -> None:
        self.body = body


class SdkApp:
    """Implements the seam `DurableFunctions` over plain Python functions.

    Attributes:
        contexts: Every context string an orchestrator was given, as (name, text).
    """

    def __init__(self) -> None:
        self._orchestrators: dict[str, Any] = {}
        self._activities: dict[str, Callable[[Any], Any]] = {}
        self._entities: dict[str, Any] = {}
        self.contexts: list[tuple[str, str]] = []

    def orchestrator(self, function: Orchestrator) -> Orchestrator:
        """Register an orchestrator under its function's name."""
        self._orchestrators[function.__name__] = df.Orchestrator.create(function)
        return function

    def activity(self, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Register an activity under its function's name."""
        self._activities[function.__name__] = function
        return function

    def entity(self, function: Callable[[df.DurableEntityContext], None]) -> None:
        """Register an entity under its function's name."""
        self._entities[function.__name__] = df.Entity.create(function)

    @property
    def orchestrators(self) -> frozenset[str]:
        """Names of the registered orchestrators."""
        return frozenset(self._orchestrators)

    @property
    def activities(self) -> frozenset[str]:
        """Names of the registered activities."""
        return frozenset(self._activities)

    @property
    def entities(self) -> frozenset[str]:
        """Names of the registered entities."""
        return frozenset(self._entities)

    def run_orchestrator(self, name: str, context: str) -> str:
        """Run one episode through the SDK."""
        self.contexts.append((name, context))
        return str(_worker_call(self._orchestrators[name], Body(context)))

    def run_activity(
        self, name: str, payload: str | None, *, instance_id: str, trace_parent: str | None
    ) -> str | None:
        """Run an activity with its decoded input."""
        argument = None if payload is None else json.loads(payload)
        return json.dumps(_worker_call(self._activities[name], argument))

    def run_entity(self, name: str, batch: str) -> str:
        """Run one batch through the SDK."""
        return str(_worker_call(self._entities[name], Body(batch)))


def _worker_call(function: Callable[[Any], Any], argument: Any) -> Any:
    """Call as the real worker does: any exception becomes text."""
    try:
        return function(argument)
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        raise UserCodeError(text, stack=traceback.format_exc()) from error
