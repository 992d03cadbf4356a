"""Faults of an app, in one line each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def one_line(text: str) -> str:
    """Return the text without line ends, and with what could steer a terminal escaped."""
    words = " ".join(text.split())
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in words)


class AppError(Exception):
    """The app as a whole cannot be served; the text tells why in one line."""

    def __init__(self, reason: str) -> None:
        super().__init__(one_line(reason))


class FunctionLoadError(Exception):
    """One function cannot be loaded; the others are not touched.

    Args:
        function: The function's name.
        reason: Why, in the words of the real worker where it has some.
    """

    def __init__(self, function: str, reason: str) -> None:
        self.function = function
        self.reason = one_line(reason)
        super().__init__(f"cannot load the {function} function: {self.reason}")


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One function that is not served, and why.

    Attributes:
        function: The function's name.
        reason: One line for the developer.
    """

    function: str
    reason: str


def json_object(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file.

    Raises:
        ValueError: the file cannot be read, or holds something else; the text says which.
    """
    try:
        content = json.loads(path.read_text("utf-8-sig"))
    except (ValueError, OSError) as error:
        raise ValueError(f"cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise ValueError("must hold a JSON object")  # noqa: TRY004 - one kind of error for a file
    return content
