"""The variables of a container."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from acijobs.domain.spec.model import told_as
from acijobs.domain.spec.text import Text
from acijobs.domain.spec.wrong import wrong

OWN_PREFIX = "ACIJOBS_"
"""Prefix of the variables that acijobs sets itself, like the URL that a job reports its events to."""

EVENT_URL = f"{OWN_PREFIX}EVENT_URL"
"""The variable with that URL."""

JOB_ID = f"{OWN_PREFIX}JOB_ID"
"""The variable with the job's id."""

ATTEMPT = f"{OWN_PREFIX}ATTEMPT"
"""The variable with the number of the attempt, from 1."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")


def _is_variable_name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise wrong(
            "is not a variable name: use 1 to 63 letters, digits or '_', with no digit first"
        )
    if value.upper().startswith(OWN_PREFIX):
        raise wrong(f"starts with '{OWN_PREFIX}', which is kept for acijobs")
    return value


VariableName = Annotated[str, AfterValidator(_is_variable_name), told_as(_NAME)]
Environment = dict[VariableName, Text]
"""Variables by their names; their values are stored with the job, so no secrets here."""
