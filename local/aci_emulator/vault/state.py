"""The secrets of the vault, each with all its versions; kept in memory, so on no disk."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

from aci_emulator.vault import errors

_NAME = re.compile(r"[0-9A-Za-z-]{1,127}")
_MOST_CHARS = 25_000
"""Source: about-secrets, learn.microsoft.com/azure/key-vault: at most 25 KB each."""


@dataclass(frozen=True, kw_only=True)
class SecretVersion:
    """One version of a secret.

    Attributes:
        name: As it was first written.
        version: Its id.
        value: The secret.
        created_s: When it was set, in seconds since 1970.
        is_enabled: Whether it may be read.
        is_readable: Whether the caller has the right to read it.
    """

    name: str
    version: str
    value: str
    created_s: int
    is_enabled: bool = True
    is_readable: bool = True


class Vault:
    """The secrets of one vault; names compare without case."""

    def __init__(self) -> None:
        self._versions: dict[str, list[SecretVersion]] = {}

    def set(
        self, name: str, value: object, *, now_s: int, is_enabled: bool, is_readable: bool
    ) -> SecretVersion:
        """Add a version, which is the newest.

        Raises:
            ArmError: the name or the value is not possible.
        """
        if not _NAME.fullmatch(name):
            raise errors.bad_parameter("The secret's name must match ^[0-9a-zA-Z-]{1,127}$.")
        if not isinstance(value, str) or len(value) > _MOST_CHARS:
            raise errors.bad_parameter(
                f"The value must be a string of at most {_MOST_CHARS} characters."
            )
        made = SecretVersion(
            name=name,
            version=secrets.token_hex(16),
            value=value,
            created_s=now_s,
            is_enabled=is_enabled,
            is_readable=is_readable,
        )
        self._versions.setdefault(name.lower(), []).append(made)
        return made

    def get(self, name: str, version: str = "") -> SecretVersion:
        """Return a version, the newest where none is named.

        Raises:
            ArmError: there is none, or it may not be read.
        """
        found = [
            known
            for known in self._versions.get(name.lower(), [])
            if not version or known.version == version.lower()
        ]
        if not found:
            raise errors.secret_not_found(f"{name}/{version}" if version else name)
        if not found[-1].is_readable:
            raise errors.forbidden(name)
        if not found[-1].is_enabled:
            raise errors.disabled()
        return found[-1]
