"""What activities tell their orchestrator: plain data, because exception types do not cross.

Every reply has a `kind`. `refused` will not get better by asking again; `busy` may, after
`retryAfterSeconds` where Azure said. Anything an activity raises is a hiccup of its own worker.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, ParamSpec

from acijobs.domain.errors import BusyError, InvalidSettingsError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

Reply = dict[str, Any]
P = ParamSpec("P")


def refused(code: str, message: str) -> Reply:
    """Return the reply that no later attempt will change."""
    return {"kind": "refused", "code": code, "message": message[:1000]}


def replies(step: Callable[P, Reply]) -> Callable[P, Reply]:
    """Make a step return Azure's refusals and hiccups, and wrong settings, as replies."""

    @functools.wraps(step)
    def replying(*args: P.args, **kwargs: P.kwargs) -> Reply:
        try:
            return step(*args, **kwargs)
        except InvalidSettingsError as error:
            return refused("InvalidSettings", str(error))
        except RefusedError as error:
            return refused(error.code, error.message)
        except BusyError as error:
            reply: Reply = {"kind": "busy", "code": error.code, "message": error.message}
            if error.retry_after_s is not None:
                reply["retryAfterSeconds"] = error.retry_after_s
            return reply

    return replying
