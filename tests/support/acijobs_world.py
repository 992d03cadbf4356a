"""The outside of the use cases, scripted: its clock, rows, logs, callbacks, secrets and Azure."""

from __future__ import annotations

import base64
import itertools
from dataclasses import dataclass, field
from typing import Any

from acijobs.domain.candidates import Candidate
from acijobs.domain.errors import InvalidSettingsError, StorageError
from acijobs.domain.group import Scope
from acijobs.domain.policy import PollPolicy
from acijobs.domain.retention import Retention
from acijobs.domain.spec.policy import JobPolicy
from acijobs.secret_sources.sources import SecretSources
from acijobs.secret_sources.vault_hosts import VaultHosts
from acijobs.security.capability import Capabilities
from acijobs.security.sealing import Seals
from manual_clock import ManualClock
from memory_logs import MemoryLogs
from memory_rows import STORE_ID, MemoryRows
from recorded_telemetry import RecordedTelemetry
from scripted_azure import ScriptedAzure
from scripted_callbacks import CALLBACK_KEY, ScriptedCallbacks
from scripted_vault import ScriptedVault

SCOPE = Scope(subscription_id="s", resource_group="rg", app="acijobs", store=STORE_ID)
HERE = (Candidate(scope=SCOPE, location="eastus"),)
SEAL_KEY = base64.urlsafe_b64encode(b"s" * 32).decode()


@dataclass(kw_only=True)
class World:
    """All of the outside; implements `acijobs.usecases.ports.Outside`.

    Attributes:
        allowed: The operator's rules on jobs.
        settings_problem: A wrong setting of where groups are created, if there is one.
        logs_problem: A wrong setting of where logs are kept, if there is one.
        storage_down: Whether the store of rows does not answer.
        operators_key: The key of callbacks of jobs that bring none.
        seal_keys: Fernet keys, the newest first.
        capability_keys: Keys of capabilities, the newest first.
        capability_days: How long a capability is good, None for ever.
        app_settings: The app's settings that jobs may name.
        vault: The secrets of every key vault.
        own_locations: The operator's regions.
        other_scopes: Scopes beside `SCOPE`.
        left: Those of them that the settings name no more.
        elsewhere: Azure in each of these that was asked for anything.
        telemetry: What was measured and shown.
    """

    clock: ManualClock = field(default_factory=ManualClock)
    memory_rows: MemoryRows = field(init=False)
    memory_logs: MemoryLogs = field(default_factory=MemoryLogs)
    azure: ScriptedAzure = field(init=False)
    script: dict[str, Any] = field(default_factory=dict)
    policy: PollPolicy = field(default_factory=PollPolicy)
    retained_for: Retention = field(default_factory=Retention)
    allowed: JobPolicy = field(default_factory=JobPolicy)
    settings_problem: str = ""
    logs_problem: str = ""
    storage_down: bool = False
    operators_key: str = CALLBACK_KEY
    scripted_callbacks: ScriptedCallbacks = field(init=False)
    seal_keys: tuple[str, ...] = (SEAL_KEY,)
    capability_keys: tuple[bytes, ...] = (b"c" * 32,)
    capability_days: float | None = None
    app_settings: dict[str, str] = field(default_factory=dict)
    vault: ScriptedVault = field(default_factory=ScriptedVault)
    own_locations: tuple[str, ...] = ("eastus",)
    other_scopes: tuple[Scope, ...] = ()
    left: set[Scope] = field(default_factory=set)
    elsewhere: dict[Scope, ScriptedAzure] = field(default_factory=dict)
    telemetry: RecordedTelemetry = field(default_factory=RecordedTelemetry)
    nonces: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.memory_rows = MemoryRows(self.clock)
        self.azure = ScriptedAzure(clock=self.clock, **self.script)
        self.scripted_callbacks = ScriptedCallbacks(clock=self.clock)

    def rows(self) -> MemoryRows:
        """Return the jobs' rows."""
        if self.storage_down:
            raise StorageError("down")
        return self.memory_rows

    def logs(self) -> MemoryLogs:
        """Return the archive of logs."""
        if self.logs_problem:
            raise InvalidSettingsError((self.logs_problem,))
        return self.memory_logs

    def groups(self, scope: Scope) -> ScriptedAzure:
        """Return the container groups of this scope."""
        if scope == SCOPE:
            return self.azure
        assert scope in self.other_scopes
        return self.elsewhere.setdefault(scope, ScriptedAzure(clock=self.clock))

    def scopes(self) -> tuple[Scope, ...]:
        """Return where new groups are created."""
        if self.settings_problem:
            raise InvalidSettingsError((self.settings_problem,))
        return (SCOPE, *(scope for scope in self.other_scopes if scope not in self.left))

    def callbacks(self) -> ScriptedCallbacks:
        """Return what sends callbacks."""
        return self.scripted_callbacks

    def callback_secret(self) -> str:
        """Return the operator's key."""
        return self.operators_key

    def app_url(self) -> str:
        """Return where callers reach the app."""
        return "https://jobs.example.com"

    def poll_policy(self) -> PollPolicy:
        """Return how often jobs are polled."""
        return self.policy

    def locations(self) -> tuple[str, ...]:
        """Return the operator's own regions."""
        return self.own_locations

    def retention(self) -> Retention:
        """Return how long jobs are kept."""
        return self.retained_for

    def job_policy(self) -> JobPolicy:
        """Return the operator's rules on jobs."""
        return self.allowed

    def nonce(self) -> str:
        """Return a nonce that no other attempt has."""
        return f"nonce{next(self.nonces):05d}"

    def seals(self) -> Seals:
        """Return what seals and opens secret values."""
        return Seals(self.seal_keys)

    def secrets(self) -> SecretSources:
        """Return where the secrets of jobs come from."""
        return SecretSources(
            self.seals(),
            setting=self.app_settings.get,
            setting_prefix="JobSecret_",
            hosts=VaultHosts(),
            vaults=lambda: self.vault,  # type: ignore[arg-type,return-value]
        )

    def capabilities(self) -> Capabilities:
        """Return what makes and reads capabilities."""
        return Capabilities(self.capability_keys, days=self.capability_days)

    def event_url(self) -> str:
        """Return where containers reach the app."""
        return "https://app.example"
