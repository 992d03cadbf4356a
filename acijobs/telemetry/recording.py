"""Records metrics and spans through OpenTelemetry; implements the port `acijobs.usecases.telemetry`."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode

from acijobs.domain.metrics import CATALOGUE, Kind
from acijobs.domain.tracing import is_trace_parent
from acijobs.log_lines import CURRENT_SPAN, SpanIds, tell, words_of
from acijobs.telemetry.sending import Sender
from acijobs.usecases.telemetry import NO_PARENTS, NoSpan
from acijobs.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from opentelemetry.context import Context
    from opentelemetry.metrics import Meter
    from opentelemetry.util.types import Attributes

    from acijobs.domain.metrics import Measurement, Metric
    from acijobs.domain.tracing import Parents, PastSpan
    from acijobs.telemetry.providers import Providers
    from acijobs.usecases.telemetry import Span

    Recorder = Callable[[float, Attributes], None]

_NAME = "acijobs"


class OpenTelemetry:
    """Metrics and traces of this process.

    Args:
        providers: What collects and sends them.
    """

    is_on = True

    def __init__(self, providers: Providers) -> None:
        self._providers = providers
        self._tracer = providers.tracers.get_tracer(_NAME, VERSION)
        meter = providers.meters.get_meter(_NAME, VERSION)
        self._record = {metric.name: _recorder(meter, metric) for metric in CATALOGUE}
        self._troubles: set[str] = set()
        self._sender = Sender(self._send)

    def record(self, measured: Callable[[], Iterable[Measurement]]) -> None:
        """Record what this gives."""
        try:
            for one in measured():
                attributes = {name.value: value for name, value in one.attributes.items()}
                self._record[one.metric.name](one.value, attributes)
        except Exception as error:  # noqa: BLE001 - telemetry must not disturb what it tells of
            self._swallow(error)

    @contextmanager
    def span(
        self,
        name: str,
        parents: Parents = NO_PARENTS,
        *,
        attributes: Mapping[str, Any] | None = None,
        is_request: bool = False,
    ) -> Iterator[Span]:
        """Show what is done within as a span."""
        opened = self._open(name, parents, attributes, is_request=is_request)
        if opened is None:
            yield NoSpan()
            return
        try:
            yield opened
        except Exception as error:
            opened.fail(type(error).__name__)  # its text may hold anything
            raise
        finally:
            opened.close()

    def add(self, past: Callable[[], PastSpan]) -> None:
        """Show something that is over as a span."""
        try:
            told = past()
            context, links = _place(told.parents)
            span = self._tracer.start_span(
                told.name,
                context,
                attributes=dict(told.attributes),
                links=links,
                start_time=_nanoseconds(told.started_at),
            )
            for name, at in told.events.items():
                span.add_event(name, timestamp=_nanoseconds(at))
            if told.failure:
                span.set_status(Status(StatusCode.ERROR, told.failure))
            span.end(max(_nanoseconds(told.ended_at), _nanoseconds(told.started_at)))
        except Exception as error:  # noqa: BLE001 - as above
            self._swallow(error)

    def trace_parent(self) -> str | None:
        """Return the `traceparent` of the current span."""
        current = trace.get_current_span().get_span_context()
        if not current.is_valid:
            return None
        return f"00-{current.trace_id:032x}-{current.span_id:016x}-{current.trace_flags:02x}"

    def flush(self, within_s: float) -> None:
        """Send what is recorded; what is not sent within this time is sent later, or not."""
        self._sender.send(within_s)

    def _send(self) -> None:
        try:
            self._providers.flush()
        except Exception as error:  # noqa: BLE001 - as above
            self._swallow(error)

    def _open(
        self,
        name: str,
        parents: Parents,
        attributes: Mapping[str, Any] | None,
        *,
        is_request: bool,
    ) -> _OpenSpan | None:
        try:
            context, links = _place(parents)
            kind = SpanKind.CLIENT if is_request else SpanKind.INTERNAL
            return _OpenSpan(
                self._tracer.start_span(
                    name, context, kind, attributes=dict(attributes or {}), links=links
                )
            )
        except Exception as error:  # noqa: BLE001 - as above
            self._swallow(error)
            return None

    def _swallow(self, error: Exception) -> None:
        """Tell of an error, of each kind once in a process: it may come with every job."""
        kind = type(error).__name__
        if kind not in self._troubles:
            self._troubles.add(kind)
            tell("notRecorded", level=logging.WARNING, message=words_of(error))


class _OpenSpan:
    """A span that goes on: the current one of this thread or task, and of what it starts."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span
        self._token = otel_context.attach(trace.set_span_in_context(span))
        known = span.get_span_context()
        ids = SpanIds(trace_id=f"{known.trace_id:032x}", span_id=f"{known.span_id:016x}")
        # With OTEL_SDK_DISABLED a span is none, and a line has no trace to lead to.
        self._log_token = CURRENT_SPAN.set(ids if known.is_valid else None)

    def note(self, attributes: Mapping[str, str | float]) -> None:
        self._span.set_attributes(dict(attributes))

    def fail(self, why: str) -> None:
        self._span.set_status(Status(StatusCode.ERROR, why))

    def close(self) -> None:
        CURRENT_SPAN.reset(self._log_token)
        otel_context.detach(self._token)
        self._span.end()


def _place(parents: Parents) -> tuple[Context | None, list[Link]]:
    """Return the context that a span is started in, None for the current one; and its links."""
    parent, linked = _known(parents.chosen), _known(parents.linked)
    links = [Link(linked)] if linked is not None else []
    if parent is None:
        return None, links
    return trace.set_span_in_context(NonRecordingSpan(parent), otel_context.Context()), links


def _known(trace_parent: str) -> SpanContext | None:
    if not is_trace_parent(trace_parent):
        return None
    _, trace_id, span_id, flags = trace_parent.split("-")
    return SpanContext(
        int(trace_id, 16),
        int(span_id, 16),
        is_remote=True,
        trace_flags=trace.TraceFlags(int(flags, 16)),
    )


def _recorder(meter: Meter, metric: Metric) -> Recorder:
    match metric.kind:
        case Kind.COUNTER:
            return meter.create_counter(metric.name, metric.unit, metric.when).add
        case Kind.GAUGE:
            return meter.create_gauge(metric.name, metric.unit, metric.when).set
        case Kind.HISTOGRAM:
            histogram = meter.create_histogram(
                metric.name,
                metric.unit,
                metric.when,
                explicit_bucket_boundaries_advisory=list(metric.bounds),
            )
            return histogram.record


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000) * 1_000
