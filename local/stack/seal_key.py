"""The key that seals secret values on the local stack, kept in the state folder."""

from __future__ import annotations

import base64
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def seal_key(state: Path) -> str:
    """Return the state folder's key, made if missing: jobs go on when the stack is started again."""
    path = state / "seal-key"
    if not path.exists():
        state.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(base64.urlsafe_b64encode(secrets.token_bytes(32)))
    return path.read_text("ascii")
