"""Secrets of key vaults, by Microsoft's SDK against the emulated vault."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from azure.identity import ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient

from acijobs.domain.errors import BusyError, RefusedError
from acijobs.domain.reasons import Reason, reason_of_azure
from acijobs.secret_sources.vault_hosts import VaultHosts
from acijobs.secret_sources.vaults import KeyVaultSecrets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aci_emulator.in_process import InProcessEmulator


class Vault:
    """The emulated vault, and the app's way to it."""

    def __init__(self, emulator: InProcessEmulator, stack: ExitStack) -> None:
        self.emulator = emulator
        self.url = emulator.env["KEY_VAULT_URL"]
        self.host = urlsplit(self.url).netloc
        self._stack = stack
        self.operator = stack.enter_context(SecretClient(self.url, self.credential()))
        self.app = KeyVaultSecrets(self.credential, VaultHosts(more=frozenset({self.host})))

    def credential(self) -> ManagedIdentityCredential:
        """Return the app's credential, from the emulator's identity endpoint."""
        return self._stack.enter_context(ManagedIdentityCredential())

    def read(self, path: str) -> str:
        """Read a secret as the app does."""
        return self.app.read(f"{self.url}/secrets/{path}")


@pytest.fixture
def vault(aci_emulator: InProcessEmulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vault]:
    for name, value in aci_emulator.env.items():
        monkeypatch.setenv(name, value)
    with ExitStack() as stack:
        yield Vault(aci_emulator, stack)


def test_a_secret_is_read_in_its_newest_version_or_in_the_one_named(vault: Vault) -> None:
    """As the URL says, whose secret's name compares without case."""
    first = vault.operator.set_secret("db-password", "s3cret-1")
    vault.operator.set_secret("db-password", "s3cret-2")
    assert vault.read("db-password") == "s3cret-2"
    assert vault.read("DB-Password/") == "s3cret-2"
    assert vault.read(f"db-password/{first.properties.version}") == "s3cret-1"


def test_a_secret_that_is_not_there_is_refused_for_good(vault: Vault) -> None:
    """The message says which, and what it says is a reason of the operator's."""
    with pytest.raises(RefusedError, match=f"there is no secret {vault.host}/secrets/none") as told:
        vault.read("none")
    assert reason_of_azure(told.value.code) is Reason.INVALID_SETTINGS


def test_a_secret_that_the_app_may_not_read_is_denied(vault: Vault) -> None:
    """With the role that is needed."""
    vault.operator.set_secret("payroll", "s3cret", tags={"emulator-denied": "true"})
    with pytest.raises(RefusedError, match="'Key Vault Secrets User'") as told:
        vault.read("payroll")
    assert reason_of_azure(told.value.code) is Reason.ACCESS_DENIED
    vault.operator.set_secret("old", "s3cret", enabled=False)
    with pytest.raises(RefusedError):
        vault.read("old")


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_vault_that_cannot_answer_now_is_busy(vault: Vault, status: int) -> None:
    """Nothing was asked of Azure: the create is asked for again."""
    vault.operator.set_secret("k", "s3cret")
    vault.emulator.admin.add_fault("respond", operation="Secrets_*", status=status, times=1)
    with pytest.raises(BusyError) as told:
        vault.read("k")
    assert told.value.is_refused
    assert vault.read("k") == "s3cret"


def test_a_vault_that_is_not_reached_is_busy(vault: Vault) -> None:
    """Without what the network said of it."""
    vault.operator.set_secret("k", "s3cret")
    vault.emulator.admin.add_fault("disconnect", operation="Secrets_*", times=5)
    with pytest.raises(BusyError, match="cannot be reached"):
        vault.read("k")


def test_a_token_that_expired_early_costs_one_attempt_at_most(vault: Vault) -> None:
    """The next has a new credential."""
    vault.operator.set_secret("k", "s3cret")
    assert vault.read("k") == "s3cret"
    vault.emulator.admin.expire_tokens()
    try:
        assert vault.read("k") == "s3cret"
    except BusyError:
        assert vault.read("k") == "s3cret"


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "vault.azure.net", "a.b.vault.azure.net", ".vault.azure.net"),
        *("v.vault.azure.net.evil.example", "evil.example/.vault.azure.net", "u@v.vault.azure.net"),
        *("v.vault.azure.net:8443", "v_.vault.azure.net", "-v.vault.azure.net", "127.0.0.1", ""),
        *("169.254.169.254", "v.vault.azure.net@evil.example", "ev\u0131l.vault.azure.net"),
    ],
    ids=ascii,
)
def test_the_apps_token_goes_to_no_other_host(host: str) -> None:
    """No request is sent, so the credential is not even made."""

    def no_credential() -> ManagedIdentityCredential:
        pytest.fail("nobody may ask for a token here")

    with pytest.raises(RefusedError, match="is not a key vault's host"):
        KeyVaultSecrets(no_credential, VaultHosts()).read(f"https://{host}/secrets/k")


def test_a_host_that_asks_for_a_token_for_somebody_else_gets_none(vault: Vault) -> None:
    """Though the operator vouches for it: the SDK compares what it asks for with its name."""
    vault.operator.set_secret("k", "s3cret")
    elsewhere = vault.url.replace("127.0.0.1", "localhost")
    app = KeyVaultSecrets(
        vault.credential, VaultHosts(more=frozenset({urlsplit(elsewhere).netloc}))
    )
    with pytest.raises(RefusedError, match="asks for a token that is not for it"):
        app.read(f"{elsewhere}/secrets/k")


def test_the_vault_knows_no_one_without_a_token_for_it(vault: Vault) -> None:
    """Nor with one for Resource Manager."""
    import json
    import ssl
    import urllib.error
    import urllib.request

    trusted = ssl.create_default_context(cafile=vault.emulator.env["REQUESTS_CA_BUNDLE"])
    for_arm = vault.credential().get_token("https://management.azure.com/.default").token
    for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": f"Bearer {for_arm}"}):
        asked = urllib.request.Request(f"{vault.url}/secrets/k?api-version=7.6", headers=headers)
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(asked, context=trusted)
        with refused.value as answer:
            assert answer.code == 401
            assert "resource=" in answer.headers["WWW-Authenticate"]
            assert json.loads(answer.read())["error"]["code"] == "Unauthorized"


def test_a_vault_is_reached_by_a_secret_that_nobody_has(vault: Vault) -> None:
    """It answers that there is none, which it tells only who may read."""
    vault.app.reach(vault.host)


def test_a_vault_that_the_app_may_not_read_is_told_as_such(vault: Vault) -> None:
    """With the role that is needed; one that does not answer is another matter."""
    vault.emulator.admin.add_fault("respond", operation="Secrets_*", status=403, times=1)
    with pytest.raises(RefusedError, match="'Key Vault Secrets User'"):
        vault.app.reach(vault.host)
    vault.emulator.admin.add_fault("respond", operation="Secrets_*", status=503, times=1)
    with pytest.raises(BusyError):
        vault.app.reach(vault.host)
