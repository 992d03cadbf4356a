"""The app's own log: one line of JSON for each transition and for each refused or busy answer."""

from __future__ import annotations

import json
import logging
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from acijobs.domain.public_text import public_text

_LOGGER = logging.getLogger("acijobs")
_MAX_TEXT_CHARS = 500
_MAX_ERROR_CHARS = 300


@dataclass(frozen=True, kw_only=True)
class SpanIds:
    """Which span of which trace is the current one, in hexadecimal digits."""

    trace_id: str
    span_id: str


CURRENT_SPAN: ContextVar[SpanIds | None] = ContextVar("CURRENT_SPAN", default=None)
"""The span that lines are told in; None without telemetry."""


def tell(event: str, *, level: int = logging.INFO, **fields: Any) -> None:
    """Write one line.

    Args:
        event: What happened, in one word, like `created`.
        level: A level of `logging`.
        fields: `job`, `attempt`, `phase`, `code`, … as known; None is left out, and text is shown
            without what looks like a credential.
    """
    if _LOGGER.isEnabledFor(level):
        known = {
            name: public_text(value)[:_MAX_TEXT_CHARS] if isinstance(value, str) else value
            for name, value in fields.items()
            if value is not None
        }
        if (span := CURRENT_SPAN.get()) is not None:
            known |= {"traceId": span.trace_id, "spanId": span.span_id}
        # JSON escapes every control character but this one.
        line = json.dumps({"event": event} | known, default=str).replace("\x7f", "\\u007f")
        _LOGGER.log(level, "%s", line)


def words_of(error: Exception) -> str:
    """Return what a line, or a reader of a log, is told of an error: its kind and its text."""
    return public_text(f"{type(error).__name__}: {error}")[:_MAX_ERROR_CHARS]


def set_level(name: str) -> None:
    """Let the lines of this level and above through, like `INFO`; of the Azure SDK only warnings.

    The SDK would else tell every request and every answer, with all headers.
    """
    _LOGGER.setLevel(name)
    logging.getLogger("azure").setLevel(logging.WARNING)
