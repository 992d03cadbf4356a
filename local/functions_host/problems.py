"""What is wrong with an app, in one line each."""

from __future__ import annotations

from dataclasses import dataclass


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
