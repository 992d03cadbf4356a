"""How a key vault refuses.

Source: learn.microsoft.com/azure/key-vault/general/rest-error-codes and
common-error-codes; authentication-requests-and-responses for the challenge.
"""

from __future__ import annotations

from typing import Any

from aci_emulator.errors import ArmError, Refusal

secret_not_found = Refusal(
    "SecretNotFound",
    "A secret with (name/id) {name} was not found in this key vault. If you recently deleted this "
    "secret you may be able to recover it using the correct recovery command.",
    404,
)
bad_parameter = Refusal("BadParameter", "{problem}")
path_not_found = Refusal("NotFound", "The vault has no such path.", 404)


def challenge(tenant: str, resource: str, message: str) -> ArmError:
    """Refuse a caller the vault does not know; the header says where tokens for it come from."""
    header = (
        f'Bearer authorization="https://login.microsoftonline.com/{tenant}", resource="{resource}"'
    )
    return ArmError(
        status=401, code="Unauthorized", message=message, headers={"WWW-Authenticate": header}
    )


def forbidden(name: str) -> ArmError:
    """Refuse a caller that has no right to a secret."""
    message = (
        "Caller is not authorized to perform action on resource.\r\n"
        "Action: 'Microsoft.KeyVault/vaults/secrets/getSecret/action'\r\n"
        f"Resource: 'secrets/{name}'\r\nDecisionReason: 'DeniedWithNoValidRBAC'"
    )
    return _forbidden(message, "ForbiddenByRbac")


def disabled() -> ArmError:
    """Refuse to read a secret that was disabled."""
    return _forbidden("Operation get is not allowed on a disabled secret.", "SecretDisabled")


def _forbidden(message: str, inner: str) -> ArmError:
    error: dict[str, Any] = {"code": "Forbidden", "message": message, "innererror": {"code": inner}}
    return ArmError(status=403, code="Forbidden", message=message, body={"error": error})
