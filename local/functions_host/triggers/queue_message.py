"""A message of a storage queue as the trigger's data."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from functions_host.loader.converters import Datum


def decode_text(text: str, *, is_base64: bool) -> Datum:
    """Return a message's text as the trigger's data.

    Raises:
        ValueError: it should be base64 and is not.
    """
    if not is_base64:
        return Datum(type="string", value=text)
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(
            "a message is not base64; set extensions.queues.messageEncoding to none in host.json"
        ) from error
    try:
        return Datum(type="string", value=raw.decode("utf-8"))
    except UnicodeDecodeError:
        return Datum(type="bytes", value=raw)


def metadata_of(message: Any) -> dict[str, Datum]:
    """Return what the trigger tells of a message besides its text."""
    texts = {
        "Id": message.id,
        "PopReceipt": message.pop_receipt,
        "ExpirationTime": _moment(message.expires_on),
        "InsertionTime": _moment(message.inserted_on),
        "NextVisibleTime": _moment(message.next_visible_on),
    }
    found = {name: Datum(type="string", value=text) for name, text in texts.items() if text}
    found["DequeueCount"] = Datum(type="int", value=message.dequeue_count)
    return found


def _moment(value: Any) -> str | None:
    return None if value is None else value.isoformat()
