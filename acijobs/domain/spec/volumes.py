"""The volumes of a job's containers."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from acijobs.domain.spec.container_name import ContainerName
from acijobs.domain.spec.model import SpecModel, told_as, told_to_have
from acijobs.domain.spec.secret import Secret
from acijobs.domain.spec.text import Text
from acijobs.domain.spec.wrong import refuse_repeated, refuse_unless_one, wrong

MAX_VOLUMES = 20
"""Source: container-instances-resource-and-quota-limits, learn.microsoft.com."""

Kind = Literal["azureFile", "emptyDir", "secret", "gitRepo"]

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
"""The name rules say 5 characters at least; Azure takes `logs` (acceptance tests of azurerm)."""
_SHARE = re.compile(r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
_FILE_NAME = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,253}")
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,254}")


def _is_volume_name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise wrong(
            "must be 1 to 63 lower-case letters, digits and hyphens, with no hyphen at either end"
        )
    return value


def _is_mount_path(value: str) -> str:
    parts = value.split("/")
    if not value.startswith("/") or ":" in value:
        raise wrong("must be an absolute path without ':', like '/mnt/data'")
    if not value.strip("/") or ".." in parts or "." in parts:
        raise wrong("must be a directory below '/', without '.' and '..' in it, like '/mnt/data'")
    return value


def _is_share(value: str) -> str:
    if not _SHARE.fullmatch(value):
        raise wrong("must be a share's name: 3 to 63 lower-case letters, digits and single hyphens")
    return value


def _is_account(value: str) -> str:
    if not _ACCOUNT.fullmatch(value):
        raise wrong("must be a storage account's name: 3 to 24 lower-case letters and digits")
    return value


def _is_file_name(value: str) -> str:
    if not _FILE_NAME.fullmatch(value):
        raise wrong("is not a file name: use 1 to 253 letters, digits, '.', '_' and '-'")
    return value


def _is_repository(value: str) -> str:
    try:
        parts = urlsplit(value)
    except ValueError:  # like an address in brackets that is none
        parts = urlsplit("")
    is_one_line = value.isprintable() and " " not in value
    if parts.scheme not in {"https", "http"} or not parts.hostname or not is_one_line:
        raise wrong("must be the URL of a git repository, like 'https://github.com/me/mine'")
    if "@" in parts.netloc:
        raise wrong("must have no user or password in it: what is sent here is stored as it is")
    return value


def _is_directory(value: str) -> str:
    if value.startswith("/") or ".." in value:
        raise wrong("must be a directory below the mount path, without '..'")
    return value


def _is_revision(value: str) -> str:
    if not _REVISION.fullmatch(value):
        raise wrong("must be a commit, a tag or a branch")
    return value


def _has_each_once(value: list[str]) -> list[str]:
    refuse_repeated(value, "container")
    return value


class AzureFile(SpecModel):
    """A share of Azure Files.

    Attributes:
        share: The share.
        account: The storage account it is in.
        key: A key of that account.
    """

    share: Annotated[str, AfterValidator(_is_share), told_as(_SHARE)]
    account: Annotated[str, AfterValidator(_is_account), told_as(_ACCOUNT)]
    key: Secret


class EmptyDir(SpecModel):
    """A directory that is empty at first, and gone with the group."""


class GitRepo(SpecModel):
    """A git repository that is cloned before the containers start.

    Attributes:
        repository: Its URL; a public one, since there is no way to log in.
        directory: Where below the mount path; `.` for the mount path itself, None for a directory of
            the repository's name.
        revision: Commit, tag or branch; None for the default branch.
    """

    repository: Annotated[Text, Field(max_length=2048), AfterValidator(_is_repository)]
    directory: (
        Annotated[Text, Field(min_length=1, max_length=255), AfterValidator(_is_directory)] | None
    ) = None
    revision: Annotated[str, AfterValidator(_is_revision), told_as(_REVISION)] | None = None


class Volume(SpecModel):
    """A volume, and where it is mounted; it is exactly one of the four kinds.

    Attributes:
        name: Its name in the group.
        mount_path: Where, as an absolute path.
        read_only: Whether the containers may not write to it.
        containers: Names of the containers that have it; None for all.
        azure_file: A share of Azure Files.
        empty_dir: A directory that the containers share.
        secret: Files with secret contents, by their names.
        git_repo: A clone of a git repository.
    """

    model_config = told_to_have(("azureFile",), ("emptyDir",), ("secret",), ("gitRepo",))

    name: Annotated[str, AfterValidator(_is_volume_name), told_as(_NAME)]
    mount_path: Annotated[Text, Field(max_length=1024), AfterValidator(_is_mount_path)]
    read_only: bool = False
    containers: (
        Annotated[list[ContainerName], Field(min_length=1), AfterValidator(_has_each_once)] | None
    ) = None
    azure_file: AzureFile | None = None
    empty_dir: EmptyDir | None = None
    secret: (
        Annotated[
            dict[Annotated[str, AfterValidator(_is_file_name), told_as(_FILE_NAME)], Secret],
            Field(min_length=1, max_length=100),
        ]
        | None
    ) = None
    git_repo: GitRepo | None = None

    @property
    def kind(self) -> Kind | None:
        """What it is; None where a stored one is of no kind that is known."""
        if self.azure_file is not None:
            return "azureFile"
        if self.secret is not None:
            return "secret"
        if self.git_repo is not None:
            return "gitRepo"
        return None if self.empty_dir is None else "emptyDir"

    def is_in(self, container: str) -> bool:
        """Tell whether the container of this name has it."""
        return self.containers is None or container in self.containers

    @model_validator(mode="after")
    def _is_one_kind(self) -> Self:
        refuse_unless_one(
            {
                "azureFile": self.azure_file,
                "emptyDir": self.empty_dir,
                "secret": self.secret,
                "gitRepo": self.git_repo,
            }
        )
        return self
