"""Puts the parts together for the function folders."""

from __future__ import annotations

import asyncio
import functools
import os
import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Generic, ParamSpec, TypeVar
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
from acijobs.settings.scope import MOST_SCOPES, ScopeSettings
from acijobs.settings.security import CapabilitySettings, SealSettings, SecretSettings
from acijobs.settings.storage import JobStoreSettings, LogArchiveSettings
from acijobs.settings.web import WebSettings
from acijobs.telemetry.process import made_telemetry, telemetry_of_process
from acijobs.usecases.patience import PatientGroups, PatientRows
from acijobs.usecases.telemetry import Invocation
from acijobs.web.live_logs import LiveLogs

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    import azure.functions as func
    from azure.core.credentials import TokenCredential

    from acijobs.domain.policy import PollPolicy
    from acijobs.domain.retention import Retention
    from acijobs.domain.spec.policy import JobPolicy
    from acijobs.secret_sources.vaults import KeyVaultSecrets
    from acijobs.usecases.ports import Callbacks, ContainerGroups, LogArchive, Outside, Rows
    from acijobs.usecases.telemetry import Telemetry
    from acijobs.web.by_capability import Behind
    from acijobs.web.pace import Pace

_P = ParamSpec("_P")
_T = TypeVar("_T")

_MAKING = threading.RLock()

_NONCE_CHARACTERS = "abcdefghijkmnpqrstuvwxyz23456789"
_NONCE_LENGTH = 10
_MOST_CLIENTS = 2 * MOST_SCOPES
"""Most scopes whose clients are kept: those of the settings, and those that jobs were left in."""

_FLUSH_S = 5.0

THREADS = 32
"""How many of this process's async functions may wait at once for what blocks, storage and Azure: as
many as an instance with 2,048 MB serves requests (infra/app.bicep). asyncio has four more than there
are cores."""


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
    _have_threads()
    deployed = _Deployed(waits_for_azure=False)
    return {
        "settings": lambda: health.check_settings(os.environ),
        "rows": lambda: health.check_rows(deployed.rows),
        "logs": lambda: health.check_logs(deployed.logs),
        "containerGroups": lambda: health.check_groups(_groups_of_settings()),
        "keyVaults": _check_vaults,
    }


def _groups_of_settings() -> dict[str, ContainerGroups]:
    """Return the container groups of each scope, by its subscription and resource group."""
    arm, chosen = read(ArmSettings, os.environ), read(ScopeSettings, os.environ)
    return {"/".join(scope): _groups(*scope, arm) for scope in chosen.scopes}


def _check_vaults() -> None:
    patterns = read_usable(PolicySettings, os.environ).key_vaults
    hosts = VaultHosts.of(patterns)
    health.check_vaults(patterns, lambda host: _vaults(hosts).reach(host))


def outside() -> Outside:
    """Return the outside as the settings describe it; each part is made when it is first needed."""
    _set_log_level()
    _have_threads()
    return _Deployed()


def patient_outside() -> Outside:
    """Return the outside for activities: nobody waits for them, so they wait for storage a little."""
    _set_log_level()
    return _Deployed(is_patient=True)


def outside_for_readers() -> Outside:
    """Return the outside for showing logs: a reader waits for no Azure that is busy."""
    _set_log_level()
    _have_threads()
    return _Deployed(waits_for_azure=False)


@functools.lru_cache(maxsize=1)
def live_logs() -> LiveLogs:
    """Return what reads the logs of running containers in this process."""
    return LiveLogs()


def behind_capabilities(client: str, invocation: Invocation) -> Behind:
    """Return what is behind the doors that capabilities open.

    Args:
        client: What the `durableClient` binding gives.
        invocation: This invocation.
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
        invocation=invocation,
    )


def invocation(context: func.Context, headers: Mapping[str, str] | None = None) -> Invocation:
    """Return this invocation of a function, whose work can be shown in its trace.

    The worker does not make the trace the current one unless it exports by itself, and never on the
    threads of functions that are not async (docs/adr/0018): so it is taken from the context.

    For functions that are not async; the others await `invocation_of_async`.

    Args:
        context: What the worker gives a function that has a parameter of this name.
        headers: Of the request, for a host whose context says nothing of the caller's trace.
    """
    return _invocation(telemetry(), context, headers)


async def invocation_of_async(
    context: func.Context, headers: Mapping[str, str] | None = None
) -> Invocation:
    """Return this invocation of an async function; see `invocation`.

    Telemetry is made on another thread: importing it takes as long as half a second, and may wait for a
    thread that imports another SDK. All invocations of the process would wait for that.
    """
    made = made_telemetry(os.environ)
    if made is None:
        made = await asyncio.to_thread(telemetry)
    return _invocation(made, context, headers)


def _invocation(
    made: Telemetry, context: func.Context, headers: Mapping[str, str] | None
) -> Invocation:
    told = getattr(context.trace_context, "trace_parent", None)
    known = told or (headers or {}).get("traceparent") or ""
    return Invocation(telemetry=made, trace_parent=known)


def telemetry() -> Telemetry:
    """Return what records metrics and traces in this process."""
    return telemetry_of_process(os.environ, _MAKING)


async def flush_telemetry() -> None:
    """Send what is recorded, if that is soon done: the process may be frozen or ended any time."""
    await asyncio.to_thread(telemetry().flush, _FLUSH_S)


def _have_threads() -> None:
    """Let the loop that this is called on, if it is one, have its threads."""
    with suppress(RuntimeError):
        _threads_of(asyncio.get_running_loop())


@functools.lru_cache(maxsize=1)
def _threads_of(loop: asyncio.AbstractEventLoop) -> None:
    loop.set_default_executor(ThreadPoolExecutor(THREADS, "acijobs"))


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

    @property
    def telemetry(self) -> Telemetry:
        return telemetry()

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

    def scopes(self) -> tuple[Scope, ...]:
        chosen, store = read(ScopeSettings, os.environ), self.rows().store().id
        return tuple(
            Scope(subscription_id=one, resource_group=group, app=chosen.app_name, store=store)
            for one, group in chosen.scopes
        )

    def callbacks(self) -> Callbacks:
        return _callbacks(read(CallbackSettings, os.environ).trusted)

    def callback_secret(self) -> str:
        return read(CallbackSettings, os.environ).secret

    def app_url(self) -> str:
        return read_usable(WebSettings, os.environ).app_url

    def poll_policy(self) -> PollPolicy:
        return read_usable(PollSettings, os.environ).policy

    def locations(self) -> tuple[str, ...]:
        return read(ScopeSettings, os.environ).locations

    def retention(self) -> Retention:
        return read(RetentionSettings, os.environ).retention

    def job_policy(self) -> JobPolicy:
        prices = read(PriceSettings, os.environ).prices
        rules = read(PolicySettings, os.environ)
        return rules.policy(prices, own_locations=self.locations())

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


def _one_thread_at_a_time(make: Callable[_P, _T]) -> Callable[_P, _T]:
    """Let one thread at a time make a part, since that may import an SDK for the first time.

    The SDKs' modules import each other in circles: begun by two threads at once, as a new process
    does that is asked for several things, imports fail with an ImportError or a deadlock.
    """

    @functools.wraps(make)
    def made(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        with _MAKING:
            return make(*args, **kwargs)

    return made


class _Kept(Generic[_T]):
    """Makes a part once, and keeps it for whoever asks for it with the same settings.

    Who finds it made does not wait. Who does not looks again once no other thread makes anything: two
    that miss it together get the same.
    """

    def __init__(self, make: Callable[..., _T], most: int) -> None:
        self._again = functools.lru_cache(maxsize=most)(make)
        self._first = functools.lru_cache(maxsize=most)(_one_thread_at_a_time(self._again))

    def __call__(self, *settings: Hashable) -> _T:
        return self._first(*settings)

    def cache_clear(self) -> None:
        """Forget what was made."""
        self._first.cache_clear()
        self._again.cache_clear()


def _kept(most: int) -> Callable[[Callable[..., _T]], _Kept[_T]]:
    """Let a part be made once for each of its settings, and keep this many."""
    return lambda make: _Kept(make, most)


@_kept(4)
def _seals(keys: tuple[str, ...]) -> Seals:
    return Seals(keys)


# One client per process keeps its connections and its token; clients are safe to share by threads.
@_kept(_MOST_CLIENTS)
def _groups(subscription_id: str, resource_group: str, arm: ArmSettings) -> ContainerGroups:
    from acijobs.aci.client import AciContainerGroups

    return AciContainerGroups(
        _new_credential,
        subscription_id=subscription_id,
        resource_group=resource_group,
        arm_endpoint=arm.endpoint,
        arm_scope=arm.scope,
        telemetry=telemetry(),
    )


@_kept(_MOST_CLIENTS)
def _patient_groups(subscription_id: str, resource_group: str, arm: ArmSettings) -> ContainerGroups:
    return PatientGroups(_groups(subscription_id, resource_group, arm), SystemClock())


# As many as a process may send at once are counted by the one that sends them all.
@_kept(4)
def _callbacks(trusted: frozenset[str]) -> Callbacks:
    from acijobs.callbacks.sender import HttpCallbacks

    return HttpCallbacks(trusted)


@_kept(4)
def _vaults(hosts: VaultHosts) -> KeyVaultSecrets:
    from acijobs.secret_sources.vaults import KeyVaultSecrets

    return KeyVaultSecrets(_new_credential, hosts)


@_kept(4)
def _logs(where: str) -> LogArchive:
    if where.startswith("file://"):
        from acijobs.logs.folder import FolderArchive

        return FolderArchive(_folder(where))
    from acijobs.logs.blob import BlobArchive

    return _made(where, BlobArchive.from_url, BlobArchive.from_connection_string)


@_kept(4)
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


@_one_thread_at_a_time
def _new_credential() -> TokenCredential:
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential(exclude_interactive_browser_credential=True)
