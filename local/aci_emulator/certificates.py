"""The emulator's own certificate authority, kept in the state folder."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import trustme

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_NAMES = ("127.0.0.1", "localhost", "::1")


def certificate_path(state_dir: Path) -> Path:
    """Return where the CA's certificate is: what a client must trust."""
    return state_dir / "ca.pem"


def server_context(state_dir: Path, names: Sequence[str] = ()) -> ssl.SSLContext:
    """Return a server's TLS context, signed by the state folder's CA (made if missing).

    Args:
        state_dir: The state folder.
        names: Names that it is good for besides those of loopback.
    """
    authority = _authority(state_dir)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*_NAMES, *names).configure_cert(context)
    return context


def _authority(state_dir: Path) -> trustme.CA:
    state_dir.mkdir(parents=True, exist_ok=True)
    key_path, cert_path = state_dir / "ca.key", certificate_path(state_dir)
    if key_path.exists() and cert_path.exists():
        return trustme.CA.from_pem(cert_path.read_bytes(), key_path.read_bytes())
    authority = trustme.CA()
    key_path.touch(mode=0o600)
    authority.private_key_pem.write_to_path(str(key_path))
    cert_path.write_bytes(authority.cert_pem.bytes())
    return authority
