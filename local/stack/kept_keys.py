"""Keys of the local stack that it makes once, and keeps in the state folder."""

from __future__ import annotations

import base64
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def seal_key(state: Path) -> str:
    """Return the key that seals secret values: jobs go on when the stack is started again."""
    return _kept(state / "seal-key", lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)))


def storage_key(state: Path) -> str:
    """Return the key of the account in Azurite: what names it stays true."""
    return _kept(state / "storage-key", lambda: base64.b64encode(secrets.token_bytes(64)))


def _kept(path: Path, make: Callable[[], bytes]) -> str:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(make())
    return path.read_text("ascii")
