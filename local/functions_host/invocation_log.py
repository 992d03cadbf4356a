"""One log record for each invocation that has ended."""

from __future__ import annotations

import logging


def log_invocation(  # noqa: PLR0913 - these are the record's fields
    logger: logging.Logger,
    kind: str,
    name: str,
    *,
    duration_s: float,
    failure: str | None,
    stack: str = "",
    outcome: str = "",
    **ids: str,
) -> None:
    """Write the record; console and JSON lines show its fields.

    Args:
        logger: Where to.
        kind: http, queue, timer, orchestrator, activity or entity.
        name: The function's name.
        duration_s: How long it took, in seconds.
        failure: Why it failed, or None.
        stack: The Python stack of the failure.
        outcome: What it came to; by default whether it failed.
        ids: `invocation_id` or `instance_id`.
    """
    level = logging.INFO if failure is None else logging.ERROR
    if not logger.isEnabledFor(level):
        return
    outcome = outcome or ("Succeeded" if failure is None else "Failed")
    fields = {"function_name": name, "function_kind": kind, "duration_s": duration_s, **ids}
    fields |= {"outcome": outcome, "failure": failure, "stack": stack}
    text = f"%s %s (%s): %s in %.1f ms{'' if failure is None else ': %s'}"
    shown = [kind, name, *ids.values(), outcome, duration_s * 1000]
    logger.log(level, text, *shown, *([] if failure is None else [failure]), extra=fields)
