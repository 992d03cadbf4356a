"""Signs a message as the Standard Webhooks specification has it.

Source: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md, 1.0.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re

KEY_RULE = "'whsec_' and 24 to 64 random bytes in base64"
"""What a key is, for messages."""

_PREFIX = "whsec_"
_LEAST_BYTES = 24
_MOST_BYTES = 64
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")


def read_key(text: str) -> bytes:
    """Return the key that this text is.

    Raises:
        ValueError: it is none; the error does not show it.
    """
    encoded = text.strip().removeprefix(_PREFIX)
    try:
        key = base64.b64decode(encoded, validate=True) if _BASE64.fullmatch(encoded) else b""
    except binascii.Error:
        key = b""
    if not text.strip().startswith(_PREFIX) or not _LEAST_BYTES <= len(key) <= _MOST_BYTES:
        raise ValueError(f"must be {KEY_RULE}")  # not `from`: its context would show the text
    return key


def signed(key: bytes, message_id: str, sent_s: int, body: bytes) -> dict[str, str]:
    """Return the headers that prove who sent this body, and when.

    Args:
        key: The key that the receiver has, too.
        message_id: The same for every repetition of the message, and no other.
        sent_s: When it is sent, in seconds since 1970.
        body: What is sent, byte for byte.
    """
    content = f"{message_id}.{sent_s}.".encode() + body
    digest = hmac.new(key, content, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(sent_s),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
