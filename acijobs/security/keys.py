"""Keys for one purpose each, derived from the few secrets that there are."""

from __future__ import annotations

KEY_BYTES = 32


def derived(secret: bytes, *, purpose: str, salt: bytes) -> bytes:
    """Return the key for this purpose: none of them tells another, or the secret.

    HKDF with SHA-256 (RFC 5869). The salt is of the store of rows, so that what one app signs says
    nothing to another that was given the same secret.
    """
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    derivation = HKDF(SHA256(), KEY_BYTES, salt=salt, info=purpose.encode())
    return derivation.derive(secret)
