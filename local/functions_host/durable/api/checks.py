"""Checks of a request that need no look at the engine."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

from functions_host.durable.api.errors import InvalidRequestError
from functions_host.durable.events import compact

MAX_INSTANCE_ID_CHARACTERS = 100


def canonical_json(text: str) -> str:
    """Return JSON text without needless spaces.

    Raises:
        InvalidRequestError: it is not JSON.
    """
    try:
        value: Any = json.loads(text)
        canonical = compact(value)
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError("Invalid JSON content") from error
    return canonical


def require_valid_id(instance_id: str) -> None:
    """Refuse an instance id that is not allowed.

    Raises:
        InvalidRequestError: always with the reason.
    """
    if instance_id.startswith("@"):
        raise InvalidRequestError("Orchestration instance ids must not start with @.")
    if _has_invalid_character(instance_id):
        raise InvalidRequestError(
            "Orchestration instance ids must not contain /, \\, #, ?, or control characters."
        )
    if len(instance_id) > MAX_INSTANCE_ID_CHARACTERS:
        raise InvalidRequestError(
            f"Instance ID lengths must not exceed {MAX_INSTANCE_ID_CHARACTERS} characters."
        )


def require_valid_key(key: str) -> None:
    """Refuse an entity's key that is not allowed.

    Raises:
        InvalidRequestError: it is not.
    """
    if _has_invalid_character(key):
        raise InvalidRequestError(
            "Entity keys must not contain /, \\, #, ?, or control characters."
        )


def _has_invalid_character(text: str) -> bool:
    return any(one in "/\\#?" or unicodedata.category(one) in {"Cc", "Cs"} for one in text)
