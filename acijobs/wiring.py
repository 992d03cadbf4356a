"""Puts the parts together for the function folders."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from acijobs.domain.place import Place
from acijobs.settings import Part, Settings, read_settings
from acijobs.usecases.ownership import Owner

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

    from acijobs.usecases.ports import ContainerGroups, LogArchive


def settings() -> Settings:
    """Return the settings of this process's environment.

    Raises:
        InvalidSettingsError: settings are missing or wrong; every one of them is named.
    """
    return read_settings(os.environ)


def place(known: dict[str, str] | None = None) -> Place:
    """Return where a job's group lives: where it is known to be, else where new ones are created.

    Raises:
        InvalidSettingsError: it is not known, and the settings do not say.
    """
    if known is not None:
        return Place(**known)
    chosen = read_settings(os.environ, {Part.PLACE})
    return Place(
        subscription_id=chosen.subscription_id,
        resource_group=chosen.resource_group,
        app=chosen.app_name,
    )


def owner(job_id: str, where: Place) -> Owner:
    """Return what marks a group as this job's."""
    return Owner(app=where.app, job_id=job_id)


def container_groups(where: Place) -> ContainerGroups:
    """Return the container groups of this place."""
    chosen = read_settings(os.environ, {Part.ARM})
    return _container_groups(where, chosen.location, chosen.arm_endpoint, chosen.arm_scope)


def log_archive() -> LogArchive:
    """Return the configured log archive."""
    return _log_archive(read_settings(os.environ, {Part.ARCHIVE}).log_archive)


# One client per process keeps its connections and its token; clients are safe to share by threads.
@functools.lru_cache(maxsize=4)
def _container_groups(
    where: Place, location: str, arm_endpoint: str, arm_scope: str
) -> ContainerGroups:
    from acijobs.aci.container_groups import AciContainerGroups

    return AciContainerGroups(
        _new_credential,
        subscription_id=where.subscription_id,
        resource_group=where.resource_group,
        location=location,
        arm_endpoint=arm_endpoint,
        arm_scope=arm_scope,
    )


@functools.lru_cache(maxsize=4)
def _log_archive(where: str) -> LogArchive:
    if where.startswith("file://"):
        from acijobs.archive.folder import FolderArchive

        return FolderArchive(Path(unquote(urlsplit(where).path)))
    from acijobs.archive.blob import BlobArchive

    if where.startswith("https://"):
        return BlobArchive.from_url(where, _new_credential())
    return BlobArchive.from_connection_string(where)


def _new_credential() -> TokenCredential:
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential(exclude_interactive_browser_credential=True)
