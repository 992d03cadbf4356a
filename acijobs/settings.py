"""The app's settings: what an operator may set, and what is true when they do not."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from acijobs.domain.errors import InvalidSettingsError
from acijobs.domain.policy import WatchPolicy

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_PUBLIC_ARM_ENDPOINT = "https://management.azure.com"
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_RESOURCE_GROUP = re.compile(r"[-\w._()]{0,89}[-\w_()]")
_CONNECTION = re.compile(r"(?i)(?:^|;)(?:AccountName|BlobEndpoint|UseDevelopmentStorage)=.")
_LOCATION = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The app settings, validated.

    Attributes:
        subscription_id: `AZURE_SUBSCRIPTION_ID`.
        resource_group: `ResourceGroupName`: where container groups are created.
        location: `Location`: the Azure region, like `westeurope`.
        arm_endpoint: `ArmEndpoint`: Azure Resource Manager, without a slash at the end.
        arm_scope: `ArmScope`: the OAuth scope of its tokens.
        log_archive: `LogArchiveUrl`: a container URL (`https://…`) or folder (`file:///…`). Without
            it the function app's own storage, `AzureWebJobsStorage`, keeps the logs in a container
            named `acijobs-logs`: a connection string, or, for an identity-based connection,
            `AzureWebJobsStorage__accountName` or (needed outside the public cloud)
            `AzureWebJobsStorage__blobServiceUri`.
        app_name: `AppName`, else the function app's own name: marks this app's container groups.
        default_image: `DefaultImage`: the job that an empty request starts; None for no such job.
        default_command: `DefaultCommand`: its command, a JSON list of strings.
        watch: `WatchMinSeconds`, `WatchMaxSeconds`: bounds of the polling interval.
    """

    subscription_id: str
    resource_group: str
    location: str
    arm_endpoint: str = _PUBLIC_ARM_ENDPOINT
    arm_scope: str = f"{_PUBLIC_ARM_ENDPOINT}/.default"
    log_archive: str = field(repr=False)
    app_name: str
    default_image: str | None = None
    default_command: tuple[str, ...] | None = None
    watch: WatchPolicy = field(default_factory=WatchPolicy)


class Part(Enum):
    """Which settings a step needs; others being wrong must not disturb it."""

    ARM = "where Azure Resource Manager answers"
    PLACE = "where groups are created"
    ARCHIVE = "where logs are kept"
    JOBS = "what jobs are like when their request does not say"


def read_settings(
    environment: Mapping[str, str], parts: Collection[Part] = frozenset(Part)
) -> Settings:
    """Return the settings that this environment holds.

    Args:
        environment: Names and values.
        parts: Which settings must be right; a job that runs needs fewer than one that starts.

    Raises:
        InvalidSettingsError: settings are missing or wrong; every one of them is named.
    """
    reader = _Reader(environment)
    arm_endpoint = reader.https_url("ArmEndpoint", _PUBLIC_ARM_ENDPOINT, Part.ARM)
    settings = Settings(
        subscription_id=reader.matching("AZURE_SUBSCRIPTION_ID", _GUID, "a subscription's GUID"),
        resource_group=reader.matching("ResourceGroupName", _RESOURCE_GROUP, "a resource group"),
        location=reader.matching("Location", _LOCATION, "a region's short name, like 'westeurope'"),
        arm_endpoint=arm_endpoint,
        arm_scope=environment.get("ArmScope") or f"{arm_endpoint}/.default",
        log_archive=reader.log_archive(),
        app_name=environment.get("AppName") or environment.get("WEBSITE_SITE_NAME") or "acijobs",
        default_image=environment.get("DefaultImage") or None,
        default_command=reader.command("DefaultCommand"),
        watch=reader.watch(),
    )
    problems = tuple(text for part, text in reader.problems if part in parts)
    if problems:
        raise InvalidSettingsError(problems)
    return settings


class _Reader:
    """Reads one environment and collects what is wrong in it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.problems: list[tuple[Part, str]] = []

    def _complain(self, part: Part, text: str) -> None:
        self.problems.append((part, text))

    def matching(self, name: str, pattern: re.Pattern[str], meaning: str) -> str:
        value = self._environment.get(name, "")
        if not value:
            self._complain(Part.PLACE, f"{name} is missing: set it to {meaning}")
        elif not pattern.fullmatch(value):
            self._complain(Part.PLACE, f"{name} is {value!r}, which is not {meaning}")
        return value

    def https_url(self, name: str, default: str, part: Part) -> str:
        value = (self._environment.get(name) or default).rstrip("/")
        parts = urlsplit(value)
        if parts.scheme != "https" or not parts.netloc:
            self._complain(part, f"{name} is {value!r}, which is not an https:// URL")
        return value

    def log_archive(self) -> str:
        url = self._environment.get("LogArchiveUrl", "")
        if url:
            if not url.startswith(("https://", "file:///")):
                self._complain(Part.ARCHIVE, "LogArchiveUrl must start with https:// or file:///")
            return url.rstrip("/")
        service = self._environment.get("AzureWebJobsStorage__blobServiceUri")
        if service:
            service = self.https_url("AzureWebJobsStorage__blobServiceUri", "", Part.ARCHIVE)
            return f"{service}/acijobs-logs"
        account = self._environment.get("AzureWebJobsStorage__accountName")
        if account:
            return f"https://{account}.blob.core.windows.net/acijobs-logs"
        return self._storage_connection()

    def _storage_connection(self) -> str:
        connection = self._environment.get("AzureWebJobsStorage", "")
        if connection and not _CONNECTION.search(connection):
            self._complain(Part.ARCHIVE, "AzureWebJobsStorage is not a storage connection string")
        if not connection:
            self._complain(
                Part.ARCHIVE,
                "LogArchiveUrl is missing, and so is AzureWebJobsStorage, which would stand in: set "
                "it to a blob container's URL, or to a folder like file:///var/acijobs-logs",
            )
        return connection

    def command(self, name: str) -> tuple[str, ...] | None:
        text = self._environment.get(name, "")
        if not text:
            return None
        try:
            command = json.loads(text)
        except json.JSONDecodeError:
            command = None
        if not isinstance(command, list) or not all(isinstance(word, str) for word in command):
            self._complain(
                Part.JOBS, f'{name} must be a JSON list of strings, like ["echo", "hello"]'
            )
            return None
        return tuple(command)

    def watch(self) -> WatchPolicy:
        default = WatchPolicy()
        shortest = self._seconds("WatchMinSeconds", default.min_interval_s)
        longest = self._seconds("WatchMaxSeconds", default.max_interval_s)
        if shortest > longest:
            self._complain(Part.JOBS, "WatchMinSeconds must not be greater than WatchMaxSeconds")
        return WatchPolicy(
            first_look_s=min(shortest, default.first_look_s),
            min_interval_s=shortest,
            max_interval_s=longest,
        )

    def _seconds(self, name: str, default: float) -> float:
        text = self._environment.get(name, "")
        try:
            value = float(text) if text else default
        except ValueError:
            value = -1
        if not 0 < value <= 3600:  # noqa: PLR2004 - nan fails this too
            self._complain(
                Part.JOBS,
                f"{name} is {text!r}, which is not a number of seconds above 0 and up to 3600",
            )
            return default
        return value
