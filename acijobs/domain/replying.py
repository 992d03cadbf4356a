"""Turns the end of a durable task into a reply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator


def reply_of(task: Any) -> Generator[Any, Any, dict[str, Any]]:
    """Wait for an activity or sub-orchestration and return its reply.

    What it raised is a hiccup of the worker or the platform (refusals are replies), so it becomes a
    `busy` reply: the steps of a job are asked again until a deadline, and no hiccup loses a job.
    """
    try:
        reply: dict[str, Any] = yield task
    except Exception as error:  # noqa: BLE001 - durable raises nothing narrower
        lines = str(error).strip().splitlines()
        return {
            "kind": "busy",
            "code": "ActivityFailed",
            "message": lines[0][:300] if lines else repr(error),
        }
    return reply
