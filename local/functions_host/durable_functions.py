"""The app's orchestrators, activities and entities, as the durable engine calls them."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from functions_host.invoking.context import Invocation
from functions_host.invoking.invoker import Call, Invoker
from functions_host.loader.converters import Datum

if TYPE_CHECKING:
    from functions_host.invoking.invoker import Outcome
    from functions_host.loader.app import LoadedApp, LoadedFunction


class AppDurableFunctions:
    """Implements `contract.DurableFunctions` on a loaded app.

    Args:
        app: The app.
        invoker: Calls its functions.
    """

    def __init__(self, app: LoadedApp, invoker: Invoker) -> None:
        self._invoker = invoker
        self._orchestrators = _by_name(app, "orchestrationTrigger")
        self._activities = _by_name(app, "activityTrigger")
        self._entities = _by_name(app, "entityTrigger")
        self.orchestrators = frozenset(self._orchestrators)
        self.activities = frozenset(self._activities)
        self.entities = frozenset(self._entities)

    def run_orchestrator(self, name: str, context: str) -> str:
        """Return the orchestrator's state JSON after one episode.

        Raises:
            UserCodeError: the orchestrator raised.
        """
        invocation = _invocation(name, "orchestrator")
        outcome = self._run(self._orchestrators[name], invocation, context)
        return str(_value(outcome))

    def run_activity(
        self, name: str, payload: str | None, *, instance_id: str, trace_parent: str | None
    ) -> str | None:
        """Return the activity's result as JSON text.

        Raises:
            UserCodeError: the activity raised.
        """
        invocation = _invocation(name, "activity", instance_id)
        text = "null" if payload is None else payload
        outcome = self._run(self._activities[name], invocation, text, trace_parent)
        return _value(outcome)

    def run_entity(self, name: str, batch: str) -> str:
        """Return the batch result JSON.

        Raises:
            UserCodeError: the entity function itself raised.
        """
        outcome = self._run(self._entities[name], _invocation(name, "entity"), batch)
        return str(_value(outcome))

    def _run(
        self,
        function: LoadedFunction,
        invocation: Invocation,
        text: str,
        trace_parent: str | None = None,
    ) -> Outcome:
        data = Datum(type="string", value=text)
        headers = {} if trace_parent is None else {"traceparent": trace_parent}
        call = Call(invocation=invocation, data=data, headers=headers)
        return self._invoker.invoke_here(function, call)


def _by_name(app: LoadedApp, kind: str) -> dict[str, LoadedFunction]:
    return {function.name: function for function in app.with_trigger(kind)}


def _invocation(name: str, kind: str, instance_id: str | None = None) -> Invocation:
    return Invocation(
        function=name, kind=kind, invocation_id=str(uuid.uuid4()), instance_id=instance_id
    )


def _value(outcome: Outcome) -> str | None:
    if outcome.returned is None or outcome.returned.value is None:
        return None
    return str(outcome.returned.value)
