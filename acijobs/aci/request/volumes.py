"""Volumes, and where they are mounted."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from azure.mgmt.containerinstance import models as sdk

from acijobs.aci.request.opened import opened

if TYPE_CHECKING:
    from acijobs.domain.spec.job import JobSpec
    from acijobs.domain.spec.volumes import Volume


def volume(asked: Volume) -> sdk.Volume:
    """Return the SDK's description of a volume; secret files go in base64."""
    files = {
        name: base64.b64encode(opened(content).encode()).decode()
        for name, content in (asked.secret or {}).items()
    }
    return sdk.Volume(
        name=asked.name,
        azure_file=_azure_file(asked),
        empty_dir=None if asked.empty_dir is None else {},
        secret=files or None,
        git_repo=_git_repo(asked),
    )


def mounts(spec: JobSpec, container: str) -> list[sdk.VolumeMount]:
    """Return what is mounted in the container of this name."""
    return [
        sdk.VolumeMount(
            name=volume.name, mount_path=volume.mount_path, read_only=volume.read_only or None
        )
        for volume in spec.volumes
        if volume.is_in(container)
    ]


def _azure_file(asked: Volume) -> sdk.AzureFileVolume | None:
    if asked.azure_file is None:
        return None
    return sdk.AzureFileVolume(
        share_name=asked.azure_file.share,
        storage_account_name=asked.azure_file.account,
        storage_account_key=opened(asked.azure_file.key),
        read_only=asked.read_only or None,
    )


def _git_repo(asked: Volume) -> sdk.GitRepoVolume | None:
    if asked.git_repo is None:
        return None
    return sdk.GitRepoVolume(
        repository=asked.git_repo.repository,
        directory=asked.git_repo.directory,
        revision=asked.git_repo.revision,
    )
