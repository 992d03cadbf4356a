"""Text of strangers on a terminal."""

from __future__ import annotations

import logging

import pytest

from loopback.printable import PrintableFormatter, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("alpine:3.20", "alpine:3.20"),
        ("täglich ☃ 🐳\tx\ny", "täglich ☃ 🐳\tx\ny"),
        ("\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07"),
        ("\x9b2J\x7f\r", "\\x9b2J\\x7f\\x0d"),
        ("abc\u202edcba", "abc\\u202edcba"),
        ("lone \ud800", "lone \\ud800"),
    ],
)
def test_what_a_terminal_would_obey_is_shown(text: str, shown: str) -> None:
    """Everything else is left as it is."""
    assert printable(text) == shown


def test_a_log_line_cannot_steer_the_terminal() -> None:
    """Neither its text nor what is put into it."""
    record = logging.LogRecord("n", logging.INFO, "p", 1, "pull %s", ("\x1b[31mred",), None)
    assert PrintableFormatter().format(record) == "pull \\x1b[31mred"
