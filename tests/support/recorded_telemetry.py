"""Telemetry that keeps what it is told, for tests; implements the port."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from acijobs.usecases.telemetry import NO_PARENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from acijobs.domain.metrics import Measurement, Metric
    from acijobs.domain.tracing import Parents, PastSpan


@dataclass(kw_only=True)
class RecordedSpan:
    """A span that was shown.

    Attributes:
        name: What it was.
        parents: What it hangs on.
        attributes: What is known of it.
        failure: Why it failed.
    """

    name: str
    parents: Parents
    attributes: dict[str, Any] = field(default_factory=dict)
    failure: str = ""

    def note(self, attributes: Mapping[str, str | float]) -> None:
        """Add to what is known of it."""
        self.attributes |= attributes

    def fail(self, why: str) -> None:
        """Show it as failed."""
        self.failure = why


@dataclass(kw_only=True)
class RecordedTelemetry:
    """What was recorded.

    Attributes:
        measured: Every value, in order.
        spans: Every span, in the order in which they began.
        past: What was shown afterwards.
        current: The `traceparent` of the current span.
        is_on: Always: off is `acijobs.usecases.telemetry.NO_TELEMETRY`.
    """

    measured: list[Measurement] = field(default_factory=list)
    spans: list[RecordedSpan] = field(default_factory=list)
    past: list[PastSpan] = field(default_factory=list)
    current: str | None = None
    is_on: bool = True

    def record(self, measured: Callable[[], Iterable[Measurement]]) -> None:
        """Keep what this gives."""
        self.measured += measured()

    @contextmanager
    def span(
        self,
        name: str,
        parents: Parents = NO_PARENTS,
        *,
        attributes: Mapping[str, Any] | None = None,
        is_request: bool = False,
    ) -> Iterator[RecordedSpan]:
        """Keep the span."""
        span = RecordedSpan(name=name, parents=parents, attributes=dict(attributes or {}))
        self.spans.append(span)
        try:
            yield span
        except Exception as error:
            span.fail(type(error).__name__)
            raise

    def add(self, past: Callable[[], PastSpan]) -> None:
        """Keep what is over."""
        self.past.append(past())

    def trace_parent(self) -> str | None:
        """Return what a test has set."""
        return self.current

    def flush(self, within_s: float) -> None:
        """Do nothing: nothing is sent."""

    def values(self, metric: Metric) -> list[float]:
        """Return what was recorded of this metric."""
        return [one.value for one in self.measured if one.metric is metric]

    def attributes(self, metric: Metric) -> list[dict[str, Any]]:
        """Return the attributes of what was recorded of this metric, by their names."""
        found = [one.attributes for one in self.measured if one.metric is metric]
        return [{name.value: value for name, value in one.items()} for one in found]
