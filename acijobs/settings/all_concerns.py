"""All concerns: what must be right before a job is accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acijobs.settings.arm import ArmSettings
from acijobs.settings.callbacks import CallbackSettings
from acijobs.settings.jobs import DefaultJobSettings, PollSettings
from acijobs.settings.log_level import LogLevelSettings
from acijobs.settings.policy import PolicySettings, PriceSettings
from acijobs.settings.retention import RetentionSettings
from acijobs.settings.scope import ScopeSettings
from acijobs.settings.security import CapabilitySettings, SealSettings, SecretSettings
from acijobs.settings.storage import JobStoreSettings, LogArchiveSettings
from acijobs.settings.telemetry import TelemetrySettings
from acijobs.settings.web import WebSettings

if TYPE_CHECKING:
    from acijobs.settings.concern import Concern

ALL_CONCERNS: tuple[type[Concern], ...] = (
    ArmSettings,
    ScopeSettings,
    LogArchiveSettings,
    JobStoreSettings,
    DefaultJobSettings,
    PollSettings,
    LogLevelSettings,
    TelemetrySettings,
    RetentionSettings,
    WebSettings,
    PolicySettings,
    PriceSettings,
    CallbackSettings,
    SealSettings,
    SecretSettings,
    CapabilitySettings,
)
