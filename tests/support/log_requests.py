"""Requests to the API of logs of a running app, and a follower as the guide shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TIMEOUT_S = 40.0


@dataclass(frozen=True, kw_only=True)
class LogReply:
    """One answer; the names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    text: str


def read_log(url: str, headers: Mapping[str, str] | None = None, **query: object) -> LogReply:
    """Send one request to the URL of a job's logs."""
    request = Request(f"{url}?{urlencode(query)}", headers=dict(headers or {}))
    try:
        answer = build_opener(ProxyHandler({})).open(request, timeout=_TIMEOUT_S)
    except HTTPError as error:
        answer = error
    with answer:
        return LogReply(
            status=answer.status,
            headers={name.lower(): value for name, value in answer.headers.items()},
            text=answer.read().decode(),
        )


def follow_log(
    url: str, headers: Mapping[str, str] | None = None, *, wait: int = 25
) -> Iterator[str]:
    """Yield what the container writes, when it writes it, until the job has ended."""
    attempt, offset, is_complete = "1", "0", False
    while not is_complete:
        reply = read_log(url, headers, attempt=attempt, offset=offset, wait=wait)
        assert reply.status == 200, reply.text
        yield reply.text
        attempt, offset = reply.headers["x-next-attempt"], reply.headers["x-next-offset"]
        is_complete = reply.headers["x-log-complete"] == "true"
