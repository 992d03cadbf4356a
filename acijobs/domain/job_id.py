"""The rule for a job's id."""

from __future__ import annotations

import re

MAX_LENGTH = 59
"""Longest client-chosen id."""

PATTERN = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
"""What ids look like."""


def is_valid(job_id: str) -> bool:
    """Tell whether a client may choose this id.

    The rule is the one for container group names, less the prefix: 1 to 59 lower-case letters,
    digits and single hyphens, none at either end.

    Source: `ContainerGroupName` in the Microsoft.ContainerInstance 2023-05-01 specification,
    `^(?!-.*)(?!.*-$)(?!.*-{2}.*)[a-z0-9-]{1,63}$`.
    """
    return len(job_id) <= MAX_LENGTH and PATTERN.fullmatch(job_id) is not None
