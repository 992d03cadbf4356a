"""Puts the parts together for the function folders."""

from __future__ import annotations

import functools
import os
import secrets
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote, urlsplit

from acijobs import health_checks as health
from acijobs.domain.group import Scope
from acijobs.log_lines import set_level
from acijobs.secret_sources.sources import SecretSources
from acijobs.secret_sources.vault_hosts import VaultHosts
from acijobs.security.capability import PURPOSE, Capabilities
from acijobs.security.keys import derived
from acijobs.security.sealing import Seals
from acijobs.settings.all_concerns import ALL_CONCERNS
from acijobs.settings.arm import ArmSettings
from acijobs.settings.callbacks import CallbackSettings
from acijobs.settings.jobs import DefaultJobSettings, PollSettings
from acijobs.settings.log_level import LogLevelSettings
from acijobs.settings.policy import PolicySettings, PriceSettings
from acijobs.settings.reading import check, read, read_usable
from acijobs.settings.retention import RetentionSettings
from acijobs.settings.scope import ScopeSettings
from acijobs.settings.security import CapabilitySettings, SealSettings, SecretSettings
from acijobs.settings.storage import JobStoreSettings, LogArchiveSettings
from acijobs.settings.web import WebSettings
from acijobs.usecases.patience import PatientGroups, PatientRows
from acijobs.web.live_logs import LiveLogs

if TYPE_CHECKING:
    from collections.abc import Callable

    from azure.core.credentials import TokenCredential

    from acijobs.domain.policy import PollPolicy
    from acijobs.domain.retention import Retention
    from acijobs.domain.spec.policy import JobPolicy
    from acijobs.secret_sources.vaults import KeyVaultSecrets
    from acijobs.usecases.ports import Callbacks, ContainerGroups, LogArchive, Outside, Rows
    from acijobs.web.by_capability import Behind
    from acijobs.web.pace import Pace

_T = TypeVar("_T")

_NONCE_CHARACTERS = "abcdefghijkmnpqrstuvwxyz23456789"
_NONCE_LENGTH = 10


def settings() -> DefaultJobSettings:
    """Return the operator's default job, provided that all settings are right.

    Raises:
        InvalidSettingsError: settings of any concern are missing or wrong; every one of them is named.
    """
    check(ALL_CONCERNS, os.environ)
    return read(DefaultJobSettings, os.environ)


def web_settings() -> WebSettings:
    """Return the addresses of the app, and what of its URLs callers are told."""
    return read_usable(WebSettings, os.environ)


@functools.lru_cache(maxsize=1)
def pace() -> Pace:
    """Return how often this process writes what jobs tell of their progress."""
    from acijobs.web.pace import Pace

    return Pace()


def health_checks() -> dict[str, Callable[[], None]]:
    """Return a check for each part that the app depends on, by the part's name."""
    deployed = _Deployed(waits_for_azure=False)
    return {
        "settings": lambda: health.check_settings(os.environ),
        "rows": lambda: health.check_rows(deployed.rows),
        "logs": lambda: health.check_logs(deployed.logs),
        "containerGroups": lambda: health.check_groups(_groups_of_settings),
        "keyVaults": _check_vaults,
    }


def _groups_of_settings() -> ContainerGroups:
    arm, chosen = read(ArmSettings, os.environ), read(ScopeSettings, os.environ)
    return _groups(chosen.subscription_id, chosen.resource_group, arm)


def _check_vaults() -> None:
    patterns = read_usable(PolicySettings, os.environ).key_vaults
    hosts = VaultHosts.of(patterns)
    health.check_vaults(patterns, lambda host: _vaults(hosts).reach(host))


def outside() -> Outside:
    """Return the outside as the settings describe it; each part is made when it is first needed."""
    _set_log_level()
    return _Deployed()


def patient_outside() -> Outside:
    """Return the outside for activities: nobody waits for them, so they wait for storage a little."""
    _set_log_level()
    return _Deployed(is_patient=True)


def outside_for_readers() -> Outside:
    """Return the outside for showing logs: a reader waits for no Azure that is busy."""
    _set_log_level()
    return _Deployed(waits_for_azure=False)


@functools.lru_cache(maxsize=1)
def live_logs() -> LiveLogs:
    """Return what reads the logs of running containers in this process."""
    return LiveLogs()


def behind_capabilities(client: str) -> Behind:
    """Return what is behind the doors that capabilities open.

    Args:
        client: What the `durableClient` binding gives.
    """
    from acijobs.instances import Instances
    from acijobs.web.by_capability import Behind

    return Behind(
        instances=Instances(client),
        outside=outside(),
        readers=outside_for_readers(),
        live=live_logs(),
        pace=pace(),
        read_settings=settings,
        web=web_settings(),
    )


def _set_log_level() -> None:
    set_level(read_usable(LogLevelSettings, os.environ).level)


class SystemClock:
    """The time of this machine; implements `acijobs.usecases.ports.Clock`."""

    def now(self) -> datetime:
        """Return the time now, aware, in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Let this much time pass."""
        time.sleep(seconds)


class _Deployed:
    """Everything that the settings name; implements `acijobs.usecases.ports.Outside`."""

    clock = SystemClock()

    def __init__(self, *, is_patient: bool = False, waits_for_azure: bool = True) -> None:
        self._is_patient = is_patient
        self._waits_for_azure = waits_for_azure

    def rows(self) -> Rows:
        rows = _rows(read(JobStoreSettings, os.environ).where)
        return PatientRows(rows, self.clock) if self._is_patient else rows

    def logs(self) -> LogArchive:
        return _logs(read(LogArchiveSettings, os.environ).where)

    def groups(self, scope: Scope) -> ContainerGroups:
        arm = read(ArmSettings, os.environ)
        chosen = _patient_groups if self._waits_for_azure else _groups
        return chosen(scope.subscription_id, scope.resource_group, arm)

    def scope(self) -> Scope:
        chosen = read(ScopeSettings, os.environ)
        return Scope(
            subscription_id=chosen.subscription_id,
            resource_group=chosen.resource_group,
            app=chosen.app_name,
            store=self.rows().store().id,
        )

    def callbacks(self) -> Callbacks:
        return _callbacks(read(CallbackSettings, os.environ).trusted)

    def callback_secret(self) -> str:
        return read(CallbackSettings, os.environ).secret

    def app_url(self) -> str:
        return read_usable(WebSettings, os.environ).app_url

    def poll_policy(self) -> PollPolicy:
        return read_usable(PollSettings, os.environ).policy

    def location(self) -> str:
        return read(ScopeSettings, os.environ).location

    def retention(self) -> Retention:
        return read(RetentionSettings, os.environ).retention

    def job_policy(self) -> JobPolicy:
        prices = read(PriceSettings, os.environ).prices
        rules = read(PolicySettings, os.environ)
        return rules.policy(prices, own_location=self.location())

    def nonce(self) -> str:
        return "".join(secrets.choice(_NONCE_CHARACTERS) for _ in range(_NONCE_LENGTH))

    def seals(self) -> Seals:
        return _seals(read(SealSettings, os.environ).keys)

    def secrets(self) -> SecretSources:
        chosen = read(SecretSettings, os.environ)
        hosts = VaultHosts.of(read_usable(PolicySettings, os.environ).key_vaults)
        return SecretSources(
            self.seals(),
            setting=os.environ.get,
            setting_prefix=chosen.setting_prefix,
            hosts=hosts,
            vaults=lambda: _vaults(hosts),
        )

    def capabilities(self) -> Capabilities:
        store = self.rows().store()
        sources = self.seals().secrets or (store.digest_key,)
        return Capabilities(
            tuple(derived(secret, purpose=PURPOSE, salt=store.id.encode()) for secret in sources),
            days=read(CapabilitySettings, os.environ).days,
        )

    def event_url(self) -> str:
        return read_usable(WebSettings, os.environ).event_url


@functools.lru_cache(maxsize=4)
def _seals(keys: tuple[str, ...]) -> Seals:
    return Seals(keys)


# One client per process keeps its connections and its token; clients are safe to share by threads.
@functools.lru_cache(maxsize=4)
def _groups(subscription_id: str, resource_group: str, arm: ArmSettings) -> ContainerGroups:
    from acijobs.aci.client import AciContainerGroups

    return AciContainerGroups(
        _new_credential,
        subscription_id=subscription_id,
        resource_group=resource_group,
        location=arm.location,
        arm_endpoint=arm.endpoint,
        arm_scope=arm.scope,
    )


@functools.lru_cache(maxsize=4)
def _patient_groups(subscription_id: str, resource_group: str, arm: ArmSettings) -> ContainerGroups:
    return PatientGroups(_groups(subscription_id, resource_group, arm), SystemClock())


def _callbacks(trusted: frozenset[str]) -> Callbacks:
    from acijobs.callbacks.sender import HttpCallbacks

    return HttpCallbacks(trusted)


@functools.lru_cache(maxsize=4)
def _vaults(hosts: VaultHosts) -> KeyVaultSecrets:
    from acijobs.secret_sources.vaults import KeyVaultSecrets

    return KeyVaultSecrets(_new_credential, hosts)


@functools.lru_cache(maxsize=4)
def _logs(where: str) -> LogArchive:
    if where.startswith("file://"):
        from acijobs.logs.folder import FolderArchive

        return FolderArchive(_folder(where))
    from acijobs.logs.blob import BlobArchive

    return _made(where, BlobArchive.from_url, BlobArchive.from_connection_string)


@functools.lru_cache(maxsize=4)
def _rows(where: str) -> Rows:
    if where.startswith("file://"):
        from acijobs.rows.file import FileRows

        return FileRows(_folder(where))
    from acijobs.rows.table import TableRows

    return _made(where, TableRows.from_url, TableRows.from_connection_string)


def _made(
    where: str,
    from_url: Callable[[str, TokenCredential], _T],
    from_connection_string: Callable[[str], _T],
) -> _T:
    is_url = where.startswith("https://")
    return from_url(where, _new_credential()) if is_url else from_connection_string(where)


def _folder(url: str) -> Path:
    return Path(unquote(urlsplit(url).path))


def _new_credential() -> TokenCredential:
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential(exclude_interactive_browser_credential=True)
