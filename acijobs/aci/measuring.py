"""Measures each HTTP request to Azure Resource Manager, and shows it in the trace."""

from __future__ import annotations

import re
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from azure.core.pipeline.policies import HTTPPolicy

from acijobs.domain import metrics
from acijobs.domain.metrics import Attribute

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from azure.core.pipeline import PipelineRequest, PipelineResponse

    from acijobs.domain.metrics import Measurement
    from acijobs.usecases.telemetry import Span, Telemetry

_NO_ANSWER = 0
_READS_HEADER = "x-ms-ratelimit-remaining-subscription-reads"
_GROUP = r"/containergroups/[^/]+"
_OPERATIONS = (
    ("GET", re.compile(r"/containergroups"), "list"),
    ("GET", re.compile(_GROUP), "read"),
    ("PUT", re.compile(_GROUP), "create"),
    ("DELETE", re.compile(_GROUP), "delete"),
    ("POST", re.compile(_GROUP + "/stop"), "stop"),
    ("GET", re.compile(_GROUP + "/containers/[^/]+/logs"), "logs"),
    ("GET", re.compile("/locations/[^/]+/usages"), "usages"),
    ("GET", re.compile("/locations/[^/]+/capabilities"), "capabilities"),
)
_PROVIDER = "/providers/microsoft.containerinstance"


class MeasuringPolicy(HTTPPolicy[Any, Any]):
    """Measures what follows it in the pipeline: put where retries come by, it sees each of them."""

    def __init__(self, telemetry: Telemetry) -> None:
        super().__init__()
        self._telemetry = telemetry

    def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        """Send the request on; return the answer as it came."""
        method, started = request.http_request.method, time.monotonic()
        operation, status = operation_of(method, request.http_request.url), _NO_ANSWER
        known = {"http.request.method": method, "server.address": _host(request.http_request.url)}
        headers: Mapping[str, str] = {}
        with self._telemetry.span(f"ARM {operation}", attributes=known, is_request=True) as span:
            try:
                response = self.next.send(request)
                status, headers = response.http_response.status_code, response.http_response.headers
                _show(span, status)
                return response
            finally:
                took_s = time.monotonic() - started
                self._telemetry.record(lambda: _measured(operation, status, took_s, headers))


def operation_of(method: str, url: str) -> str:
    """Return which operation of the client this request belongs to; `other` for none of them."""
    path = urlsplit(url).path.lower().rstrip("/")
    _, _, rest = path.partition(_PROVIDER)
    known = (name for verb, shape, name in _OPERATIONS if verb == method and shape.fullmatch(rest))
    return next(known, "other")


def _measured(
    operation: str, status: int, took_s: float, headers: Mapping[str, str]
) -> Iterator[Measurement]:
    which: dict[Attribute, str | int] = {Attribute.OPERATION: operation}
    yield metrics.ARM_REQUEST.of(took_s, which | {Attribute.STATUS: status})
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        yield metrics.ARM_THROTTLED.of(attributes=which)
    left = headers.get(_READS_HEADER) or ""
    if left.isdecimal():
        yield metrics.ARM_READS_REMAINING.of(int(left))


def _show(span: Span, status: int) -> None:
    span.note({"http.response.status_code": status})
    if status >= HTTPStatus.BAD_REQUEST and status != HTTPStatus.NOT_FOUND:
        span.fail(f"HTTP {status}")


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""
