"""Text that a terminal shows and does not obey."""

from __future__ import annotations

import logging
import re

_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters but tab and line feed, what reorders a line, and what no encoding can write."""


def printable(text: str) -> str:
    """Return the text with each character that a terminal would obey shown as its escape."""
    if text.isascii() and text.isprintable():
        return text
    return _UNPRINTABLE.sub(_escape, text)


def printable_json(text: str) -> str:
    """Return JSON text of the same value in which no character is left that a terminal would obey."""
    if text.isascii() and text.isprintable():
        return text
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"  # noqa: PLR2004 - one byte


class PrintableFormatter(logging.Formatter):
    """Log lines whose text, whoever it comes from, cannot steer the terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text, made printable."""
        return printable(super().format(record))
