"""The names of containers."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from acijobs.domain.group import MAIN_CONTAINER
from acijobs.domain.spec.model import told_as
from acijobs.domain.spec.wrong import wrong

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
"""Source: resource-name-rules, Microsoft.ContainerInstance, learn.microsoft.com."""


def _is_container_name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise wrong(
            "must be 1 to 63 lower-case letters, digits and hyphens, with no hyphen at either end"
        )
    return value


def _is_another(value: str) -> str:
    if value == MAIN_CONTAINER:
        raise wrong(f"must not be '{MAIN_CONTAINER}', which is the job's own container")
    return value


ContainerName = Annotated[str, AfterValidator(_is_container_name), told_as(_NAME)]
OtherContainerName = Annotated[ContainerName, AfterValidator(_is_another)]
"""The name of a container beside the job's own."""
