"""Deletes container groups that have no reason to live.

Their job, or their attempt of it, is over; or there is no such job. It is a part of the Reconciler's
round. The groups are listed first, and each row is read after that: a group's name stands in its row
before there is a group, so what the row then does not name is over.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from acijobs.domain.errors import (
    BusyError,
    InvalidSettingsError,
    RefusedError,
    StorageError,
    UnreadableRowError,
)
from acijobs.domain.group import APP_TAG, JOB_TAG, NONCE_TAG, STORE_TAG
from acijobs.log_lines import tell

if TYPE_CHECKING:
    from acijobs.domain.group import Scope
    from acijobs.usecases.ports import Outside

MAX_SWEPT = 100
"""Most groups that one round deletes because they have no reason to live."""

_SWEEP_S = 60.0
"""Wall-clock time of a sweep."""


def sweep(outside: Outside, *, unsettled: set[str], nonces: dict[str, str]) -> int:
    """Delete the groups of this store that nothing needs, until Azure refuses; return how many.

    Args:
        outside: The outside.
        unsettled: The jobs that may need a group.
        nonces: The nonce of the current attempt of each of these that the round has looked at: only if
            a group has another one is its job's row read again.
    """
    give_up_at, swept = time.monotonic() + _SWEEP_S, 0
    try:
        scope = outside.scope()
        groups = outside.groups(scope)
        for name, tags in groups.listed().items():
            if swept >= MAX_SWEPT or time.monotonic() > give_up_at:
                break
            if _is_stray(outside, tags, scope, unsettled, nonces):
                groups.delete(name)
                swept += 1
                tell("swept", group=name)
    except StorageError:
        raise
    except (BusyError, RefusedError, InvalidSettingsError) as error:
        tell("notSwept", level=logging.WARNING, message=f"{type(error).__name__}: {error}"[:300])
    return swept


def _is_stray(
    outside: Outside,
    tags: dict[str, str],
    scope: Scope,
    unsettled: set[str],
    nonces: dict[str, str],
) -> bool:
    found = {name.lower(): value for name, value in tags.items()}
    job_id, nonce = found.get(JOB_TAG), found.get(NONCE_TAG)
    is_ours = found.get(STORE_TAG) == scope.store and found.get(APP_TAG) == scope.app
    if not is_ours or not job_id or not nonce or not scope.store:
        return False
    if job_id in unsettled and nonces.get(job_id, nonce) == nonce:
        return False
    try:
        stored = outside.rows().read(job_id)
    except UnreadableRowError:  # it may be open
        return False
    if stored is None or stored.row.is_clean:
        return True
    row = stored.row
    current = row.group.nonce if row.group is not None else ""
    return current != nonce and (bool(current) or bool(row.attempts))
