"""All the places that a job's secrets may come from."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from acijobs.domain.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from acijobs.domain.spec.secret import Secret
    from acijobs.secret_sources.vault_hosts import VaultHosts
    from acijobs.secret_sources.vaults import KeyVaultSecrets
    from acijobs.security.sealing import Seals

_UNRESOLVED = "@Microsoft.KeyVault("
"""What a setting holds whose Key Vault reference the platform could not follow.

Source: learn.microsoft.com/azure/app-service/app-service-key-vault-references.
"""


class SecretSources:
    """Seals, app settings and key vaults; implements `acijobs.usecases.ports.SecretSources`.

    Args:
        seals: Opens sealed values.
        setting: Returns an app setting, None where it is not set.
        setting_prefix: How the names of those begin that jobs may have.
        hosts: Which hosts are vaults.
        vaults: Returns the way to them, when one is first asked.
    """

    def __init__(
        self,
        seals: Seals,
        *,
        setting: Callable[[str], str | None],
        setting_prefix: str,
        hosts: VaultHosts,
        vaults: Callable[[], KeyVaultSecrets],
    ) -> None:
        self._seals = seals
        self._setting = setting
        self._setting_prefix = setting_prefix
        self._hosts = hosts
        self._vaults = vaults

    def complaint(self, secret: Secret) -> str | None:
        """Return why this secret can never be read, as far as that shows without reading it."""
        match secret.kind:
            case "value" if not self._seals.can_seal:
                return (
                    "cannot be kept, because the operator has set no SealKeys: "
                    "use 'keyVault' or 'appSetting', or have SealKeys set"
                )
            case "appSetting" if not secret.content.startswith(self._setting_prefix):
                return (
                    f"must begin with '{self._setting_prefix}': "
                    "the other app settings are not for jobs"
                )
            case "keyVault" if not self._hosts.has(host := urlsplit(secret.content).netloc):
                return (
                    f"'{host[:100]}' is not a key vault's host, like 'my.vault.azure.net', "
                    "and not one of AllowedKeyVaults"
                )
        return None

    def read(self, secret: Secret, job_id: str) -> str:
        """Return the secret's value, for this job.

        Raises:
            RefusedError: there is none for this job; the text says what to do.
            BusyError: its source could not answer now.
        """
        wrong = None if secret.kind == "value" else self.complaint(secret)
        if wrong is not None:
            raise RefusedError("InvalidSettings", wrong)
        match secret.kind:
            case "keyVault":
                return self._vaults().read(secret.content)
            case "appSetting":
                return self._of_setting(secret.content)
            case "sealed":
                return self._unsealed(secret.content, job_id)
        return secret.content

    def _of_setting(self, name: str) -> str:
        value = self._setting(name)
        if not value:
            raise RefusedError("InvalidSettings", f"the app setting {name} is not set")
        if value.startswith(_UNRESOLVED):
            detail = f"the Key Vault reference in the app setting {name} was not resolved"
            raise RefusedError("InvalidSettings", detail)
        return value

    def _unsealed(self, sealed: str, job_id: str) -> str:
        value = self._seals.open(sealed, job_id)
        if value is None:
            detail = (
                "no key of SealKeys opens it: put the key back that sealed it, "
                "or submit the job again with its value"
            )
            raise RefusedError("InvalidSettings", detail)
        return value
