"""The Azure tags of a job's container group."""

from __future__ import annotations

import re
from collections import Counter
from typing import Annotated

from pydantic import AfterValidator, Field

from acijobs.domain.group import OWN_TAG_PREFIX
from acijobs.domain.spec.model import told_as
from acijobs.domain.spec.wrong import wrong

_NAME = re.compile(r"[^<>*%&:\\?/+\x00-\x1f]{1,128}")
_AZURES_PREFIXES = ("azure", "microsoft", "windows")
"""Source: tag-resources, limitations, learn.microsoft.com/azure/azure-resource-manager."""


def _is_tag_name(value: str) -> str:
    if value.lower().startswith(OWN_TAG_PREFIX):
        raise wrong(f"starts with '{OWN_TAG_PREFIX}', which is kept for acijobs")
    for prefix in _AZURES_PREFIXES:
        if value.lower().startswith(prefix):
            raise wrong(f"starts with '{prefix}', which Azure reserves")
    if not _NAME.fullmatch(value):
        raise wrong("is not a tag name: use 1 to 128 characters without <>*%&:\\?/+")
    return value


def _has_each_once(value: dict[str, str]) -> dict[str, str]:
    counts = Counter(name.lower() for name in value)
    twice = [name for name in value if counts[name.lower()] > 1]
    if twice:
        raise wrong("differs from another tag in letter case only: to Azure it is one", of=twice)
    return value


Tags = Annotated[
    dict[
        Annotated[str, AfterValidator(_is_tag_name), told_as(_NAME)],
        Annotated[str, Field(max_length=256)],
    ],
    Field(max_length=40),
    AfterValidator(_has_each_once),
]
"""Azure tags put on the container group, besides acijobs' own, which need 10 of the 50 allowed."""
