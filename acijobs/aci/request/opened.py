"""Secrets on their way to Azure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acijobs.domain.errors import RefusedError

if TYPE_CHECKING:
    from acijobs.domain.spec.secret import Secret


def opened(secret: Secret) -> str:
    """Return the secret's value.

    Raises:
        RefusedError: it has not been opened: what Azure would get is not the secret.
    """
    if secret.kind != "value":
        raise RefusedError(
            "SecretNotOpened", f"a secret of the kind '{secret.kind}' was not opened"
        )
    return secret.content
