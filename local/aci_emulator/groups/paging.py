"""The skip token of lists: where in the order of ids the next page begins."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from aci_emulator.errors import bad_request

if TYPE_CHECKING:
    from aci_emulator.arm_ids import Key


def skip_token(key: Key) -> str:
    """Return the token of the page after a group."""
    return base64.urlsafe_b64encode("/".join(key).encode()).decode().rstrip("=")


def key_of(token: str) -> Key:
    """Return the key a token was made from.

    Raises:
        ArmError: it is none of ours.
    """
    try:
        decoded = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    except (binascii.Error, ValueError):
        decoded = ""
    resource_group, slash, name = decoded.partition("/")
    if not slash:
        raise bad_request("The '$skipToken' is invalid.")
    return resource_group, name
