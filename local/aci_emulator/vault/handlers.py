"""Handlers of secrets. Source: REST specification of Key Vault, secrets, api-version 7.6."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aci_emulator.routing import Answer, Call, Route
from aci_emulator.vault import errors

if TYPE_CHECKING:
    from aci_emulator.clock import Clock
    from aci_emulator.vault.state import SecretVersion, Vault

_DENIED_TAG = "emulator-denied"
"""A tag of ours: a secret that has it is there, and the app has no right to read it."""


class SecretHandlers:
    """Sets and gets secrets."""

    def __init__(self, vault: Vault, clock: Clock) -> None:
        self._vault = vault
        self._clock = clock

    def routes(self) -> list[Route]:
        """Return the routes of secrets."""
        return [
            Route("PUT", "/secrets/{secret}", "Secrets_Set", self.set),
            Route("GET", "/secrets/{secret}", "Secrets_Get", self.get),
            Route("GET", "/secrets/{secret}/{version}", "Secrets_Get", self.get),
        ]

    async def set(self, call: Call) -> Answer:
        """PUT a secret: a new version of it."""
        sent = call.payload if isinstance(call.payload, dict) else {}
        if "value" not in sent:
            raise errors.bad_parameter("The property 'value' is required.")
        made = self._vault.set(
            call.params["secret"],
            sent["value"],
            now_s=int(self._clock.now().timestamp()),
            is_enabled=_of(sent, "attributes").get("enabled") is not False,
            is_readable=_DENIED_TAG not in _of(sent, "tags"),
        )
        return Answer(status=200, body=_view(made, call.base_url))

    async def get(self, call: Call) -> Answer:
        """GET a secret, in the version that was named or in the newest."""
        found = self._vault.get(call.params["secret"], call.params.get("version", ""))
        return Answer(status=200, body=_view(found, call.base_url))


def _of(sent: dict[str, Any], name: str) -> dict[str, Any]:
    found = sent.get(name)
    return found if isinstance(found, dict) else {}


def _view(secret: SecretVersion, base_url: str) -> dict[str, Any]:
    return {
        "value": secret.value,
        "id": f"{base_url}/secrets/{secret.name}/{secret.version}",
        "attributes": {
            "enabled": secret.is_enabled,
            "created": secret.created_s,
            "updated": secret.created_s,
            "recoveryLevel": "Recoverable+Purgeable",
            "recoverableDays": 90,
        },
    }
