"""A collector of OTLP over HTTP, and what it was sent, decoded by OpenTelemetry's own protobufs."""

from __future__ import annotations

import gzip
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, Self

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from loopback_server import LoopbackServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opentelemetry.proto.common.v1.common_pb2 import KeyValue
    from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric


@dataclass(frozen=True, kw_only=True)
class SeenSpan:
    """A span, as it was sent.

    Attributes:
        name: Its name.
        trace_id: Its trace.
        span_id: Its id.
        parent_id: Its parent's; empty for none.
        attributes: What is known of it.
        failed: Whether it is shown as failed.
        events: The names of what happened in it.
        linked: The traces that it is linked to.
        resource: What is known of its process.
    """

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, Any]
    failed: bool
    events: tuple[str, ...]
    linked: tuple[str, ...]
    resource: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class SeenPoint:
    """A point of a metric, as it was sent.

    Attributes:
        name: The metric's name.
        kind: `counter`, `gauge` or `histogram`.
        unit: Its unit.
        attributes: What it is told apart by.
        value: Its value; of a histogram its sum.
        count: Of a histogram, how many values.
    """

    name: str
    kind: str
    unit: str
    attributes: dict[str, Any]
    value: float
    count: int = 1


def body_of(request: BaseHTTPRequestHandler) -> bytes:
    """Return the body that an exporter sent, without its compression."""
    body = request.rfile.read(int(request.headers["Content-Length"]))
    return gzip.decompress(body) if request.headers.get("Content-Encoding") == "gzip" else body


class OtlpCollector:
    """Serves `/v1/traces` and `/v1/metrics` on this machine; use as a context manager."""

    def __init__(self) -> None:
        self.spans: list[SeenSpan] = []
        self.points: list[SeenPoint] = []
        self.bodies: list[bytes] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                collector._take(self.path, body_of(self))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = LoopbackServer(Handler)

    @property
    def url(self) -> str:
        """What OTEL_EXPORTER_OTLP_ENDPOINT is set to."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.__exit__()

    def wait_for(self, is_there: Callable[[], bool], *, within_s: float = 60) -> None:
        """Wait until this holds of what was sent."""
        give_up_at = time.monotonic() + within_s
        while not is_there():
            assert time.monotonic() < give_up_at, (self.spans, self.points)
            time.sleep(0.1)

    def spans_of(self, trace_id: str) -> list[SeenSpan]:
        """Return the spans of this trace."""
        return [span for span in list(self.spans) if span.trace_id == trace_id]

    def points_of(self, name: str) -> list[SeenPoint]:
        """Return the points of this metric."""
        return [point for point in list(self.points) if point.name == name]

    def _take(self, path: str, body: bytes) -> None:
        self.bodies.append(body)
        if path == "/v1/traces":
            self.spans += _spans(ExportTraceServiceRequest.FromString(body))
        else:
            assert path == "/v1/metrics"
            self.points += _points(ExportMetricsServiceRequest.FromString(body))


def _spans(request: ExportTraceServiceRequest) -> Iterator[SeenSpan]:
    for of_resource in request.resource_spans:
        resource = _known(of_resource.resource.attributes)
        for scope in of_resource.scope_spans:
            for span in scope.spans:
                yield SeenSpan(
                    name=span.name,
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent_id=span.parent_span_id.hex(),
                    attributes=_known(span.attributes),
                    failed=span.status.code == span.status.STATUS_CODE_ERROR,
                    events=tuple(event.name for event in span.events),
                    linked=tuple(link.trace_id.hex() for link in span.links),
                    resource=resource,
                )


def _points(request: ExportMetricsServiceRequest) -> Iterator[SeenPoint]:
    for of_resource in request.resource_metrics:
        for scope in of_resource.scope_metrics:
            for metric in scope.metrics:
                yield from _points_of(metric)


def _points_of(metric: Metric) -> Iterator[SeenPoint]:
    which = metric.WhichOneof("data")
    kind = {"sum": "counter", "gauge": "gauge", "histogram": "histogram"}[str(which)]
    for point in getattr(metric, str(which)).data_points:
        is_histogram = kind == "histogram"
        value = point.sum if is_histogram else getattr(point, point.WhichOneof("value"))
        yield SeenPoint(
            name=metric.name,
            kind=kind,
            unit=metric.unit,
            attributes=_known(point.attributes),
            value=value,
            count=point.count if is_histogram else 1,
        )


def _known(attributes: Any) -> dict[str, Any]:
    pairs: list[KeyValue] = list(attributes)
    return {pair.key: getattr(pair.value, str(pair.value.WhichOneof("value"))) for pair in pairs}
