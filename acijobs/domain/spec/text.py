"""Text that a job may have, and text that no storage takes.

JSON can escape lone surrogates, which UTF-8 cannot write.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator

from acijobs.domain.errors import Violation
from acijobs.domain.spec.model import pointer
from acijobs.domain.spec.wrong import wrong

_SURROGATE = re.compile("[\ud800-\udfff]")
_MOST = 20
"""Most violations that are told: a body may have tens of thousands."""


def _without_nul(value: str) -> str:
    if "\0" in value:
        raise wrong("must not contain a NUL character")
    return value


Text = Annotated[str, AfterValidator(_without_nul)]
"""A text that the environment or the command line of a process can hold."""


def lone_surrogates(data: Any) -> tuple[Violation, ...]:
    """Return where in JSON data a lone surrogate stands, in a name or in a text, in the order sent.

    Azure replaces them, each service by another character: the container would get another text than
    was sent, and a repeated request would not be the same.
    """
    found: list[Violation] = []
    left: list[tuple[tuple[str, ...], Any]] = [((), data)]
    while left and len(found) < _MOST:
        path, value = left.pop()
        if isinstance(value, str) and _SURROGATE.search(value):
            found.append(_violation(path, "has"))
        inner = list(enumerate(value)) if isinstance(value, list) else []
        if isinstance(value, dict):
            inner = list(value.items())
            found += [
                _violation((*path, name), "has a name with") for name in value if _is_broken(name)
            ]
        left += [((*path, str(name)), part) for name, part in reversed(inner)]
    return tuple(found[:_MOST])


def _is_broken(name: str) -> bool:
    return _SURROGATE.search(name) is not None


def _violation(path: tuple[str, ...], what: str) -> Violation:
    where = _SURROGATE.sub("\ufffd", pointer(*path))
    detail = (
        f"{what} a lone surrogate: an escape from \\ud800 to \\udfff that is half of a character"
    )
    return Violation(pointer=where, detail=detail)
