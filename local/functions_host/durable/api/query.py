"""Values of a request's query, headers and body."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from functions_host.durable.api.errors import InvalidRequestError
from functions_host.durable.clock import to_us
from functions_host.durable.store.records import Status

if TYPE_CHECKING:
    from aiohttp import web


async def text_of(request: web.Request) -> str:
    """Return the body as text.

    Raises:
        InvalidRequestError: it is not UTF-8.
    """
    try:
        return (await request.read()).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidRequestError("Invalid JSON content") from error


def flag(request: web.Request, name: str, *, default: bool) -> bool:
    """Return a query parameter that is true or false; anything else is the default."""
    text = _parameter(request, name, "").strip().lower()
    return {"true": True, "false": False}.get(text, default)


def number(request: web.Request, name: str) -> float | None:
    """Return a query parameter that is a finite number, or None."""
    try:
        value = float(_parameter(request, name, ""))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def moment_us(request: web.Request, name: str) -> int | None:
    """Return a query parameter that is a time, in microseconds since 1970, or None."""
    text = _parameter(request, name, "").strip().replace(" ", "+")  # an unescaped plus sign
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return to_us(moment)
    except (ValueError, OverflowError):
        return None


def statuses(request: web.Request) -> frozenset[Status]:
    """Return the statuses asked for; unknown words do not count."""
    known = {status.value.lower(): status for status in Status}
    words = ",".join(request.query.getall("runtimeStatus", [])).split(",")
    return frozenset(known[word.strip().lower()] for word in words if word.strip().lower() in known)


def _parameter(request: web.Request, name: str, default: str) -> str:
    lowered = name.lower()
    return next((v for k, v in request.query.items() if k.lower() == lowered), default)


def position(token: str | None) -> int:
    """Return where a continuation token says that the page begins; 0 is the beginning."""
    digits = (token or "").strip()
    is_position = digits.isascii() and digits.isdigit() and len(digits) < 19  # noqa: PLR2004 - fits SQLite
    return int(digits) if is_position else 0
