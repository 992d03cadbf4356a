"""The Azure regions that a job may run in."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from acijobs.domain.spec.model import told_as
from acijobs.domain.spec.wrong import refuse_repeated, wrong

_NAME = re.compile(r"[a-z][a-z0-9]{1,49}")


def _is_location(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise wrong("must be a region's short name, like 'westeurope'")
    return value


def _has_each_once(value: list[str]) -> list[str]:
    refuse_repeated(value, "region")
    return value


Locations = Annotated[
    list[Annotated[str, AfterValidator(_is_location), told_as(_NAME)]],
    Field(max_length=10),
    AfterValidator(_has_each_once),
]
"""Regions in the order in which they are tried; empty for the operator's `Location`."""
