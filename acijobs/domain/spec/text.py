"""Text that no storage takes: lone surrogates, which JSON can escape and UTF-8 cannot write."""

from __future__ import annotations

import re
from typing import Any

from acijobs.domain.errors import Violation

_SURROGATE = re.compile("[\ud800-\udfff]")
_MOST = 20
"""Most violations that are told: a body may have tens of thousands."""


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
    escaped = (part.replace("~", "~0").replace("/", "~1") for part in path)
    pointer = _SURROGATE.sub("\ufffd", "#/" + "/".join(escaped) if path else "#")
    detail = (
        f"{what} a lone surrogate: an escape from \\ud800 to \\udfff that is half of a character"
    )
    return Violation(pointer=pointer, detail=detail)
