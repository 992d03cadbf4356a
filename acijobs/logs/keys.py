"""The keys of logs: which log of which attempt of which job."""

from __future__ import annotations

import re

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
    return f"{key}.log"
