"""Reads who an orchestration is: which job it was started for, with which offer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from acijobs.domain.codec import decode
from acijobs.domain.messages import JobInput
from acijobs.domain.row import Run
from acijobs.domain.tracing import is_trace_parent

if TYPE_CHECKING:
    import azure.durable_functions as df

_EXECUTION_STARTED = 0


def run_of(context: df.DurableOrchestrationContext) -> Run:
    """Return who this execution is; its offer is 0 where it was not started by the job API."""
    given = decode(JobInput, _input(context))
    is_job = given.id == context.instance_id and given.offer > 0
    return Run(
        job_id=context.instance_id,
        offer=given.offer if is_job else 0,
        execution=_execution(context),
    )


def trace_of(context: df.DurableOrchestrationContext) -> str | None:
    """Return the `traceparent` of the job's submission, which is in the input of each orchestration.

    Only what is asked of activities has it: an orchestrator shows nothing itself, as it runs again and
    again.
    """
    given = _input(context)
    told = given.get("traceParent") if isinstance(given, dict) else None
    return told if is_trace_parent(told) else None


def _input(context: df.DurableOrchestrationContext) -> Any:
    # Anybody with a key may start an orchestration with anything, text that is no JSON included.
    try:
        return context.get_input()
    except (TypeError, ValueError, json.JSONDecodeError):
        return None


def _execution(context: df.DurableOrchestrationContext) -> str:
    """Return the ExecutionId, which is the same in every episode of an execution, and of no other.

    Source: `OrchestrationInstance` of the history's ExecutionStarted event, seen with the extension
    3.19.0: a rewind keeps it, a restart makes a new one.
    """
    for event in context.histories:
        if event.event_type == _EXECUTION_STARTED:
            instance = event.OrchestrationInstance
            known = instance.get("ExecutionId") if isinstance(instance, dict) else None
            return str(known or "")
    return ""
