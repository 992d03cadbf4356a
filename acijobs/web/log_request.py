"""Reads a request for a log: the parameters of its query, and the headers that ask for a part."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from acijobs.domain.errors import InvalidQueryError, Violation
from acijobs.domain.group import MAIN_CONTAINER
from acijobs.usecases.find_log import WantedLog

if TYPE_CHECKING:
    from collections.abc import Mapping

    import azure.functions as func

MAX_WAIT_S = 25
"""Longest wait of one request; a proxy or a load balancer may end those of a minute."""

_RULES = {
    "attempt": (re.compile("[1-9][0-9]{0,5}"), "the number of an attempt, from 1"),
    "offset": (re.compile("[0-9]{1,15}"), "a number of bytes, as X-Next-Offset gave it"),
    "tail": (re.compile("[0-9]{1,9}"), "a number of lines"),
    "wait": (re.compile(r"[0-9]|1[0-9]|2[0-5]"), f"a number of whole seconds, 0 to {MAX_WAIT_S}"),
    "timestamps": (re.compile("true|false"), "true or false"),
}
_RANGE = re.compile(r"bytes=(?:([0-9]{1,15})-([0-9]{0,15})|-([0-9]{1,15}))")


@dataclass(frozen=True, kw_only=True)
class ByteRange:
    """A part of the archive that a `Range` header asks for.

    Attributes:
        first: Its first byte; None for the last bytes.
        last: Its last byte, None for all that follow; where `first` is None, how many bytes.
    """

    first: int | None = None
    last: int | None = None


@dataclass(frozen=True, kw_only=True)
class LogRequest:
    """A request for a log.

    Attributes:
        wanted: Which log.
        offset: Where to begin, in bytes of the archive.
        tail: How many of the last lines, instead; None for all from the offset on.
        wait_s: How long to wait for something to show.
        timestamps: Whether to show the archive's own bytes, which have a time before each line.
        part: The bytes to show, of the archive's own; None for all.
        if_range: The ETag for which only that part is asked for; empty for any.
        known_etags: ETags of what the caller has; `*` is any.
    """

    wanted: WantedLog
    offset: int = 0
    tail: int | None = None
    wait_s: int = 0
    timestamps: bool = False
    part: ByteRange | None = None
    if_range: str = ""
    known_etags: frozenset[str] = frozenset()

    def is_known(self, etag: str) -> bool:
        """Tell whether the caller has what this ETag is of."""
        return not self.known_etags.isdisjoint({etag, "*"})


def read_log_request(request: func.HttpRequest) -> LogRequest:
    """Return what is asked for.

    Raises:
        InvalidQueryError: parameters are wrong; every one of them is named.
    """
    given = request.params
    violations = [
        Violation(pointer=f"?{name}", detail=f"must be {rule}, not {given[name][:100]!r}")
        for name, (form, rule) in _RULES.items()
        if name in given and not form.fullmatch(given[name])
    ]
    if "tail" in given and "offset" in given:
        detail = "cannot go with 'offset': ask for the last lines first, then from X-Next-Offset on"
        violations.append(Violation(pointer="?tail", detail=detail))
    if violations:
        raise InvalidQueryError(tuple(violations))
    timestamps = given.get("timestamps") == "true"
    is_whole = timestamps and not given.keys() & {"offset", "tail", "wait"}
    return LogRequest(
        wanted=WantedLog(
            job_id=request.route_params["id"],
            attempt=int(given["attempt"]) if "attempt" in given else None,
            container=given.get("container") or MAIN_CONTAINER,
        ),
        offset=int(given.get("offset", "0")),
        tail=int(given["tail"]) if "tail" in given else None,
        wait_s=int(given.get("wait", "0")),
        timestamps=timestamps,
        part=_range(request.headers) if is_whole else None,
        if_range=request.headers.get("If-Range", ""),
        known_etags=_etags(request.headers),
    )


def _range(headers: Mapping[str, str]) -> ByteRange | None:
    """Return the one part that is asked for; several at once, or another unit, count as none."""
    asked = _RANGE.fullmatch(headers.get("Range", "").replace(" ", "").lower())
    if asked is None:
        return None
    first, last, count = (int(number) if number else None for number in asked.groups())
    if first is None:
        return ByteRange(last=count)
    return None if last is not None and last < first else ByteRange(first=first, last=last)


def _etags(headers: Mapping[str, str]) -> frozenset[str]:
    given = (one.strip().removeprefix("W/") for one in headers.get("If-None-Match", "").split(","))
    return frozenset(etag for etag in given if etag)
