"""The state that the app's orchestrator returns: its actions so far, and its end."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from functions_host.durable.events import mended_json

FAILURE_LABEL = "\n\n$OutOfProcData$:"


class ActionType(IntEnum):
    """Kinds of actions. Source: the SDK's `ActionType`."""

    CALL_ACTIVITY = 0
    CALL_ACTIVITY_WITH_RETRY = 1
    CALL_SUB_ORCHESTRATOR = 2
    CALL_SUB_ORCHESTRATOR_WITH_RETRY = 3
    CONTINUE_AS_NEW = 4
    CREATE_TIMER = 5
    WAIT_FOR_EXTERNAL_EVENT = 6
    CALL_ENTITY = 7
    CALL_HTTP = 8
    SIGNAL_ENTITY = 9
    SCHEDULED_SIGNAL_ENTITY = 10
    WHEN_ANY = 11
    WHEN_ALL = 12


@dataclass(frozen=True, kw_only=True)
class OrchestratorState:
    """The orchestrator's answer to one episode.

    Attributes:
        actions: One action per yield, from the beginning of the orchestration.
        is_done: Whether the orchestrator returned or continued as new.
        output: The returned value.
        error: The text of the exception that ended it, or None.
        custom_status: The custom status set, or None when none was (or a falsy one was).
    """

    actions: list[dict[str, Any]]
    is_done: bool
    output: Any = None
    error: str | None = None
    custom_status: Any = None


NO_STATE = OrchestratorState(actions=[], is_done=False, error="")
"""What a failure without a readable state comes to: no action, no custom status."""


def parse_state(text: str) -> OrchestratorState:
    """Return the orchestrator's answer.

    Raises:
        ValueError: `text` is not an answer of a v2 or v3 replay schema; the message says why.
    """
    body = json.loads(mended_json(text))
    if not isinstance(body, dict):
        raise ValueError("Out of proc orchestrators must return a valid JSON schema")  # noqa: TRY004 - callers catch ValueError only
    rounds = body.get("actions")
    if not isinstance(rounds, list) or len(rounds) != 1:
        size = len(rounds) if isinstance(rounds, list) else 0
        raise ValueError(
            f"With OOProc schema {body.get('schemaVersion')}, expected actions array to be of"
            f" length 1 in outer layer but got size: {size}"
        )
    return OrchestratorState(
        actions=rounds[0],
        is_done=bool(body.get("isDone")),
        output=body.get("output"),
        error=body.get("error"),
        custom_status=body.get("customStatus"),
    )


def carried_state(text: str) -> OrchestratorState | None:
    """Return the state in a failed orchestrator's exception text, or None if none can be read."""
    _, _, state = text.partition(FAILURE_LABEL)
    try:
        return parse_state(state)
    except ValueError:
        return None
