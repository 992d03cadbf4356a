"""The one edge of every activity: a message in, a reply out, and what went wrong as data.

Exception types do not cross the durable boundary. A refusal will not get better by asking again, a busy
answer may; anything else that an activity raises is a hiccup of its own worker.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, TypeVar

from acijobs.domain.codec import decode
from acijobs.domain.errors import BusyError, InvalidSettingsError, RefusedError
from acijobs.domain.messages import Busy, Refused, Superseded, write_reply
from acijobs.domain.public_text import public_text
from acijobs.log_lines import tell

if TYPE_CHECKING:
    from collections.abc import Callable

    from acijobs.domain.messages import (
        CallbackRequest,
        CheckRequest,
        CreateRequest,
        DeleteRequest,
        FetchRequest,
        Reply,
    )

_R = TypeVar(
    "_R", "CreateRequest", "CheckRequest", "FetchRequest", "DeleteRequest", "CallbackRequest"
)


def answer(kind: type[_R], data: object, step: Callable[[_R], Reply]) -> dict[str, Any]:
    """Return the reply of a step to this request, both as JSON data."""
    request = decode(kind, data)
    try:
        reply = step(request)
    except (RefusedError, BusyError, InvalidSettingsError) as error:
        reply = refusal(error)
    if isinstance(reply, Refused | Busy | Superseded):
        tell(
            reply.kind,
            level=logging.INFO if isinstance(reply, Superseded) else logging.WARNING,
            step=kind.__name__.removesuffix("Request").lower(),
            job=request.run.job_id,
            offer=request.run.offer,
            code=getattr(reply, "code", None),
            message=getattr(reply, "message", None),
        )
    return write_reply(reply)


def refusal(error: RefusedError | BusyError | InvalidSettingsError, **known: Any) -> Refused | Busy:
    """Return the reply that says of this error whether asking again may help."""
    match error:
        case InvalidSettingsError():
            return Refused(code="InvalidSettings", message=public_text(str(error))[:1000], **known)
        case RefusedError():
            return Refused(code=error.code, message=public_text(error.message), **known)
    return Busy(
        code=error.code,
        message=public_text(error.message),
        retry_after_s=error.retry_after_s,
        **known,
    )
