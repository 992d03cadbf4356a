"""Reads what a job tells of itself out of a request."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from acijobs.domain.errors import BodyTooLargeError, InvalidSpecError, Violation
from acijobs.domain.nesting import TOO_DEEP, is_too_deep
from acijobs.domain.public_text import public_text
from acijobs.domain.spec.text import lone_surrogates
from acijobs.domain.told import MAX_MESSAGE_CHARS

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_BODY_BYTES = 64 * 1024
_MAX_NAME_CHARS = 128
_MOST = 20
"""Most wrong fields that are told: a body may have thousands."""


@dataclass(frozen=True, kw_only=True)
class JobEvent:
    """What a job tells of itself in one request.

    Attributes:
        progress: From 0 to 1; None where it does not say.
        message: In one line, fit to be public; None where it does not say.
        outputs: JSON values by name; empty where it sends none.
        is_done: Whether it asks to be looked at.
    """

    progress: float | None = None
    message: str | None = None
    outputs: dict[str, object] = field(default_factory=dict)
    is_done: bool = False

    @property
    def tells_progress(self) -> bool:
        """Whether it says how far it is."""
        return self.progress is not None or self.message is not None

    def after(self, earlier: JobEvent) -> JobEvent:
        """Return the event with what an earlier one said of the progress and it does not."""
        return replace(
            self,
            progress=earlier.progress if self.progress is None else self.progress,
            message=earlier.message if self.message is None else self.message,
        )


def read_event(body: bytes) -> JobEvent:
    """Return what this body tells.

    Raises:
        BodyTooLargeError: the body is too large.
        InvalidSpecError: it is not JSON, or tells nothing that is known; names every wrong field.
    """
    if len(body) > MAX_BODY_BYTES:
        raise BodyTooLargeError
    data = _object(body)
    wrong = [
        Violation(pointer=f"#/{_escaped(name)}", detail=complaint)
        for name, value in data.items()
        if (complaint := _complaint(name, value)) is not None
    ]
    if wrong:
        raise InvalidSpecError(tuple(wrong[:_MOST]))
    if broken := lone_surrogates(data):
        raise InvalidSpecError(broken)
    message = data.get("message")
    return JobEvent(
        progress=data.get("progress"),
        message=None if message is None else public_text(message)[:MAX_MESSAGE_CHARS],
        outputs=data.get("outputs") or {},
        is_done=data.get("done") is True,
    )


def _object(body: bytes) -> dict[str, Any]:
    detail = f"must be a JSON object with at least one of {', '.join(_RULES)}"
    try:
        data = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        detail += f"; this is not JSON in UTF-8: {str(error)[:200]}"
        raise InvalidSpecError((Violation(pointer="#", detail=detail),)) from None
    if not isinstance(data, dict) or not data:
        raise InvalidSpecError((Violation(pointer="#", detail=detail),))
    if is_too_deep(data):
        raise InvalidSpecError((Violation(pointer="#", detail=TOO_DEEP),))
    return data


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _complaint(name: str, value: Any) -> str | None:
    rule = _RULES.get(name)
    if rule is None:
        return f"is not a field of an event; known are {', '.join(_RULES)}"
    return rule(value)


def _progress_rule(value: Any) -> str | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    is_right = is_number and 0 <= value <= 1  # as NaN is not, nor what no float can hold
    return None if is_right else "must be a number from 0 to 1, like 0.25"


def _message_rule(value: Any) -> str | None:
    return None if isinstance(value, str) else "must be a string"


def _outputs_rule(value: Any) -> str | None:
    if not isinstance(value, dict):
        return "must be an object: a JSON value for each name"
    if any(not 1 <= len(name) <= _MAX_NAME_CHARS for name in value):
        return f"must have names of 1 to {_MAX_NAME_CHARS} characters"
    return None


def _done_rule(value: Any) -> str | None:
    return None if isinstance(value, bool) else "must be true or false"


_RULES: dict[str, Callable[[Any], str | None]] = {
    "progress": _progress_rule,
    "message": _message_rule,
    "outputs": _outputs_rule,
    "done": _done_rule,
}


def _escaped(name: str) -> str:
    shown = name[:100].encode("utf-8", "replace").decode()
    return shown.replace("~", "~0").replace("/", "~1")
