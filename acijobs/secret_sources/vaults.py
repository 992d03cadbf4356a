"""Secrets of key vaults, through azure-keyvault-secrets and the app's identity."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.keyvault.secrets import SecretClient

from acijobs.domain.errors import BusyError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from azure.core.credentials import TokenCredential

    from acijobs.secret_sources.vault_hosts import VaultHosts

_NOBODYS = "acijobs-health"
_BUSY_STATUSES = frozenset(
    {HTTPStatus.UNAUTHORIZED, HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
)
"""401 too: the token was withdrawn early, and the next attempt has a new one."""


class KeyVaultSecrets:
    """The secrets of the vaults that jobs may name.

    No other host is ever sent a request: the app's token goes nowhere else.

    Args:
        new_credential: Makes the app's credential.
        hosts: Which hosts are vaults.
    """

    def __init__(self, new_credential: Callable[[], TokenCredential], hosts: VaultHosts) -> None:
        self._new_credential = new_credential
        self._hosts = hosts
        self._clients: dict[str, SecretClient] = {}
        self._lock = threading.Lock()

    def read(self, url: str) -> str:
        """Return the value of the secret at this URL.

        Raises:
            RefusedError: the vault has no such secret for us, or is none that may be asked.
            BusyError: it could not answer now.
        """
        parts = urlsplit(url)
        host = parts.netloc.lower()
        if not self._hosts.has(host):
            raise RefusedError("InvalidSettings", f"'{host[:100]}' is not a key vault's host")
        name, _, version = parts.path.strip("/").removeprefix("secrets/").partition("/")
        with self._vault_errors(host, f"{host}/secrets/{name}"):
            return self._client(host).get_secret(name, version or None).value or ""

    def reach(self, host: str) -> None:
        """Ask a vault for a secret that nobody has; return where that was answered as for any other.

        Raises:
            RefusedError: the app may not read the secrets of this vault.
            BusyError: it could not answer now.
        """
        with self._vault_errors(host, host), suppress(ResourceNotFoundError):
            self._client(host).get_secret(_NOBODYS)

    @contextmanager
    def _vault_errors(self, host: str, where: str) -> Iterator[None]:
        try:
            yield
        except AzureError as error:
            self._forget_if_unknown(host, error)
            raise _as_ours(error, where) from None
        except ValueError:  # the SDK's, of a challenge that asks for a token for somebody else
            detail = f"'{host}' asks for a token that is not for it, and was not given one"
            raise RefusedError("InvalidSettings", detail) from None

    def _client(self, host: str) -> SecretClient:
        with self._lock:
            if host not in self._clients:
                self._clients[host] = SecretClient(
                    f"https://{host}",
                    self._new_credential(),
                    retry_total=2,
                    retry_read=0,
                    retry_status=0,
                    connection_timeout=10,
                    read_timeout=20,
                )
            return self._clients[host]

    def _forget_if_unknown(self, host: str, error: AzureError) -> None:
        """Take a new credential the next time: a refused token is kept until it expires by its word."""
        if getattr(error, "status_code", None) == HTTPStatus.UNAUTHORIZED:
            with self._lock:
                self._clients.pop(host, None)


def _as_ours(error: AzureError, where: str) -> RefusedError | BusyError:
    """Return the error in our words: the vault's own may say more than a job's owner is to know."""
    if not isinstance(error, HttpResponseError) or error.status_code is None:
        return BusyError(type(error).__name__, f"{where} cannot be reached", is_refused=True)
    status = error.status_code
    if status == HTTPStatus.FORBIDDEN:
        detail = f"the app may not read {where}: its identity needs 'Key Vault Secrets User' there"
        return RefusedError("AuthorizationFailed", detail)
    if status in _BUSY_STATUSES or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return BusyError(f"HTTP {status}", f"{where} cannot be read now", is_refused=True)
    if status == HTTPStatus.NOT_FOUND:
        return RefusedError("InvalidSettings", f"there is no secret {where}")
    return RefusedError("InvalidSettings", f"{where} cannot be read: HTTP {status}")
