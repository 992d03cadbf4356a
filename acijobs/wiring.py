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

from acijobs.domain.group import Scope
from acijobs.log_lines import set_level
from acijobs.settings.all_concerns import ALL_CONCERNS
from acijobs.settings.arm import ArmSettings
from acijobs.settings.jobs import DefaultJobSettings, PollSettings
from acijobs.settings.log_level import LogLevelSettings
from acijobs.settings.reading import check, read, read_usable
from acijobs.settings.scope import ScopeSettings
from acijobs.settings.storage import JobStoreSettings, LogArchiveSettings
from acijobs.settings.web import WebSettings
from acijobs.usecases.patience import PatientGroups, PatientRows

if TYPE_CHECKING:
    from collections.abc import Callable

    from azure.core.credentials import TokenCredential

    from acijobs.domain.policy import PollPolicy
    from acijobs.usecases.ports import ContainerGroups, LogArchive, Outside, Rows

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


def public_url() -> str:
    """Return the address that callers know, empty where the requests tell it."""
    return read_usable(WebSettings, os.environ).public_url


def outside() -> Outside:
    """Return the outside as the settings describe it; each part is made when it is first needed."""
    _set_log_level()
    return _Deployed()


def patient_outside() -> Outside:
    """Return the outside for activities: nobody waits for them, so they wait for storage a little."""
    _set_log_level()
    return _Deployed(is_patient=True)


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

    def __init__(self, *, is_patient: bool = False) -> None:
        self._is_patient = is_patient

    def rows(self) -> Rows:
        rows = _rows(read(JobStoreSettings, os.environ).where)
        return PatientRows(rows, self.clock) if self._is_patient else rows

    def logs(self) -> LogArchive:
        return _logs(read(LogArchiveSettings, os.environ).where)

    def groups(self, scope: Scope) -> ContainerGroups:
        arm = read(ArmSettings, os.environ)
        return _groups(scope.subscription_id, scope.resource_group, arm)

    def scope(self) -> Scope:
        chosen = read(ScopeSettings, os.environ)
        return Scope(
            subscription_id=chosen.subscription_id,
            resource_group=chosen.resource_group,
            app=chosen.app_name,
            store=self.rows().store().id,
        )

    def poll_policy(self) -> PollPolicy:
        return read_usable(PollSettings, os.environ).policy

    def nonce(self) -> str:
        return "".join(secrets.choice(_NONCE_CHARACTERS) for _ in range(_NONCE_LENGTH))


# One client per process keeps its connections and its token; clients are safe to share by threads.
@functools.lru_cache(maxsize=4)
def _groups(subscription_id: str, resource_group: str, arm: ArmSettings) -> ContainerGroups:
    from acijobs.aci.client import AciContainerGroups

    return PatientGroups(
        AciContainerGroups(
            _new_credential,
            subscription_id=subscription_id,
            resource_group=resource_group,
            location=arm.location,
            arm_endpoint=arm.endpoint,
            arm_scope=arm.scope,
        ),
        SystemClock(),
    )


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
