"""Keeps the trouble of one job from the others that are seen to in the same turn."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from acijobs.domain.errors import RowConflictError, RowError, StorageError, UnreadableRowError
from acijobs.log_lines import tell, words_of

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def trouble_of(job_id: str) -> Iterator[None]:
    """Tell what went wrong with this job, and go on: a later turn tries again.

    Raises:
        StorageError: storage did not answer, which is every job's trouble.
    """
    try:
        yield
    except UnreadableRowError as error:
        tell("unreadable", level=logging.ERROR, job=job_id, message=str(error))
    except RowConflictError:  # somebody else changed the row, which is judged anew the next time
        tell("overtaken", job=job_id)
    except Exception as error:
        if isinstance(error, StorageError) and not isinstance(error, RowError):
            raise
        tell("notDone", level=logging.WARNING, job=job_id, message=words_of(error))
