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
from acijobs.usecases.telemetry import NO_INVOCATION

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
    from acijobs.usecases.telemetry import Invocation

_R = TypeVar(
    "_R", "CreateRequest", "CheckRequest", "FetchRequest", "DeleteRequest", "CallbackRequest"
)


def answer(
    kind: type[_R],
    data: object,
    step: Callable[[_R], Reply],
    invocation: Invocation = NO_INVOCATION,
) -> dict[str, Any]:
    """Return the reply of a step to this request, both as JSON data; the job's trace shows the step."""
    request, name = decode(kind, data), kind.__name__.removesuffix("Request").lower()
    run = request.run
    with invocation.span(name, job_id=run.job_id, of_job=request.trace_parent) as span:
        try:
            reply = step(request)
        except (RefusedError, BusyError, InvalidSettingsError) as error:
            reply = refusal(error)
        span.note({"acijobs.reply": reply.kind})
        if isinstance(reply, Refused | Busy | Superseded):
            tell(
                reply.kind,
                level=logging.INFO if isinstance(reply, Superseded) else logging.WARNING,
                step=name,
                job=run.job_id,
                offer=run.offer,
                code=getattr(reply, "code", None),
                message=getattr(reply, "message", None),
            )
        if isinstance(reply, Refused):
            span.fail(reply.code)
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
