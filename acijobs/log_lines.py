"""The app's own log: one line of JSON for each transition and for each refused or busy answer."""

from __future__ import annotations

import json
import logging
from typing import Any

from acijobs.domain.public_text import public_text

_LOGGER = logging.getLogger("acijobs")
_MAX_TEXT_CHARS = 500


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
        # JSON escapes every control character but this one.
        line = json.dumps({"event": event} | known, default=str).replace("\x7f", "\\u007f")
        _LOGGER.log(level, "%s", line)


def set_level(name: str) -> None:
    """Let the lines of this level and above through, like `INFO`; of the Azure SDK only warnings.

    The SDK would else tell every request and every answer, with all headers.
    """
    _LOGGER.setLevel(name)
    logging.getLogger("azure").setLevel(logging.WARNING)
