"""The keys of logs: which log of which attempt of which job."""

from __future__ import annotations

import re

from acijobs.domain.job_id import is_valid

_SUFFIX = ".log"
_KEY = re.compile(r"[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)*")


def relative_path(key: str) -> str:
    """Return the path of a log within its archive, like `render-42/1-k3f9x2m7q1/job.log`.

    Keys are made of validated ids. Anything else is refused all the same, so that no key leads out of
    the archive, whoever made it.

    Raises:
        ValueError: this is no key.
    """
    if not _KEY.fullmatch(key):
        raise ValueError(f"{key!r} is not the key of a log")
    return f"{key}{_SUFFIX}"


def folder_of(job_id: str) -> str:
    """Return the folder within an archive that has all logs of a job, and no other's.

    Raises:
        ValueError: this is no id.
    """
    if not is_valid(job_id):
        raise ValueError(f"{job_id!r} is not the id of a job")
    return f"{job_id}/"


def key_of(path: str) -> str | None:
    """Return the key of the log at this path within its archive; None where there is no log."""
    key = path.removesuffix(_SUFFIX)
    return key if key != path and _KEY.fullmatch(key) else None
