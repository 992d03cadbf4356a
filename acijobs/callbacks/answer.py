"""Reads a receiver's answer: its status, and how long it asks to be left alone."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from acijobs.domain.callback.state import Delivery

MAX_ANSWER_BYTES = 4_096
"""Most that is read of an answer: nothing of it counts but its head."""

_STATUS = re.compile(rb"HTTP/1\.[01] (?P<status>[1-9][0-9]{2})(?: [^\r\n]*)?\r?\n")
_INTERIM = re.compile(rb"HTTP/1\.[01] 1[0-9]{2}[ \r]")
_RETRY_AFTER = re.compile(rb"^retry-after:[ \t]*([^\r\n]{1,60})\r?$", re.IGNORECASE | re.MULTILINE)


def final_answer(read: bytes) -> bytes:
    """Return what was read without interim answers (1xx) before it."""
    while _INTERIM.match(read) and b"\r\n\r\n" in read:
        read = read.partition(b"\r\n\r\n")[2]
    return read


def delivery_of(read: bytes) -> Delivery:
    """Return what these first bytes of an answer say."""
    answer = final_answer(read)
    found = _STATUS.match(answer)
    if found is None or _INTERIM.match(answer):
        return Delivery(trouble="the receiver did not answer in HTTP/1.1")
    head = answer.partition(b"\r\n\r\n")[0]
    asked = _RETRY_AFTER.search(head)
    return Delivery(
        status=int(found["status"]),
        retry_after_s=None if asked is None else _seconds(asked[1].decode("latin-1").strip()),
    )


def _seconds(text: str) -> float | None:
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        at = parsedate_to_datetime(text)
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return max(0.0, (at - datetime.now(UTC)).total_seconds())
    except (ValueError, OverflowError):
        return None
