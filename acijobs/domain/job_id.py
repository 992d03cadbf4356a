"""Names that follow from a job's id."""

from __future__ import annotations

import hashlib
import re

MAX_LENGTH = 59
"""Longest client-chosen id: a group name has 63 characters, four of which are `job-`."""

CONTAINER_NAME = "job"
"""The name of the one container in a job's group."""

_RULES = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


def is_valid(job_id: str) -> bool:
    """Tell whether a client may choose this id.

    The rule is the one for container group names, less the prefix: 1 to 59 lower-case letters,
    digits and single hyphens, none at either end.

    Source: `ContainerGroupName` in the Microsoft.ContainerInstance 2023-05-01 specification,
    `^(?!-.*)(?!.*-$)(?!.*-{2}.*)[a-z0-9-]{1,63}$`.
    """
    return len(job_id) <= MAX_LENGTH and _RULES.fullmatch(job_id) is not None


def group_name(job_id: str) -> str:
    """Return the name of the container group of this job: the same for the same id, always.

    An id that does not fit a group name (an instance started through Durable's own endpoint may have
    any) is replaced by a digest of it.
    """
    if is_valid(job_id):
        return f"job-{job_id}"
    return f"job-{hashlib.sha256(job_id.encode()).hexdigest()[:40]}"
