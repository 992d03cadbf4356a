"""Starts the jobs that messages of a storage queue ask for: each once, whenever it is delivered."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from acijobs.domain import job_id
from acijobs.domain.errors import BodyTooLargeError, InvalidSpecError, NotAllowedError
from acijobs.domain.spec.job import MAX_BODY_BYTES
from acijobs.log_lines import tell
from acijobs.submitting import read_submission, submit

if TYPE_CHECKING:
    from collections.abc import Callable

    from acijobs.instances import Instances
    from acijobs.settings.jobs import DefaultJobSettings
    from acijobs.usecases.ports import Outside

_HASH_CHARS = 32


async def start_queued_job(
    body: bytes,
    message_id: str,
    instances: Instances,
    outside: Outside,
    read_settings: Callable[[], DefaultJobSettings],
) -> bool:
    """Start the job that a message asks for; tell whether it asks for one that can be.

    The message is read as a POST's body is, and held to the same rules. The job's id is the
    specification's own, else it follows from the message's: so a message that is delivered again
    is the same job, whatever the operator has changed since. What cannot be started will not be by
    being delivered again; the reason is in the log.

    Raises:
        InvalidSettingsError: the operator's settings are wrong; the message must stay.
        StorageError: storage did not answer; the message must stay.
    """
    own_id = id_of_message(message_id)
    try:
        submission = replace(read_submission(body, read_settings()), came_by="queue")
        chosen_id = submission.spec.id or own_id
        row = await submit(outside, instances, submission, chosen_id)
    except (BodyTooLargeError, InvalidSpecError, NotAllowedError) as error:
        reason = _reason(error)
    else:
        if row is not None:
            return True
        reason = f"#/id: '{chosen_id}' belongs to another job"
    # It may have been taken at an earlier delivery, when the rules were others.
    if await asyncio.to_thread(lambda: outside.rows().read(own_id)) is not None:
        return True
    tell("messageRefused", level=logging.WARNING, messageId=message_id, message=reason)
    return False


def id_of_message(message_id: str) -> str:
    """Return the id of the job that a message asks for, if it does not say one itself.

    Storage gives messages GUIDs, which are job ids as they are.
    """
    lowered = message_id.lower()
    if job_id.is_valid(lowered):
        return lowered
    digest = hashlib.sha256(message_id.encode("utf-8", "replace")).hexdigest()
    return f"queued-{digest[:_HASH_CHARS]}"


def _reason(error: BodyTooLargeError | InvalidSpecError | NotAllowedError) -> str:
    if isinstance(error, BodyTooLargeError):
        return f"a job specification has at most {MAX_BODY_BYTES} bytes"
    return str(error)
