"""Seals secret values, so that whoever reads a job's row cannot read them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

_BETWEEN = b"\0"
"""Between the job's id, which has no such character, and the value."""


class Seals:
    """Seals with the newest of the operator's keys, and opens with any of them.

    A seal is a Fernet token (AES-128-CBC and HMAC-SHA256) of the job's id and the value: copied into
    another job's row it opens nothing there.

    Args:
        keys: Fernet keys, the newest first; none where the operator set none.
    """

    def __init__(self, keys: tuple[str, ...] = ()) -> None:
        self._fernet = _fernet(keys) if keys else None
        self.secrets = tuple(base64.urlsafe_b64decode(key) for key in keys)

    @property
    def can_seal(self) -> bool:
        """Whether there is a key to seal with."""
        return self._fernet is not None

    def seal(self, value: str, job_id: str) -> str:
        """Return the sealed value; only this job can open it."""
        assert self._fernet is not None, "there is a key"
        told = job_id.encode() + _BETWEEN + value.encode("utf-8", "surrogatepass")
        return self._fernet.encrypt(told).decode("ascii")

    def open(self, sealed: str, job_id: str) -> str | None:
        """Return the value; None where no key opens it, or it is another job's."""
        from cryptography.fernet import InvalidToken

        if self._fernet is None:
            return None
        try:
            told = self._fernet.decrypt(sealed.encode("utf-8", "replace"))
        except InvalidToken:
            return None
        owner, _, value = told.partition(_BETWEEN)
        return value.decode("utf-8", "surrogatepass") if owner == job_id.encode() else None


def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    from cryptography.fernet import Fernet, MultiFernet

    return MultiFernet([Fernet(key) for key in keys])
