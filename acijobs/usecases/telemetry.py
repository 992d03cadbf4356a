"""The port of telemetry: what the app tells of itself, besides its log."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from acijobs.domain.tracing import Parents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import AbstractContextManager

    from acijobs.domain.metrics import Measurement
    from acijobs.domain.tracing import PastSpan

NO_PARENTS = Parents()

JOB_ID = "acijobs.job.id"
"""The attribute of spans that names their job."""


class Span(Protocol):
    """Something that goes on, and is seen in a trace."""

    def note(self, attributes: Mapping[str, str | float]) -> None:
        """Add to what is known of it."""
        ...

    def fail(self, why: str) -> None:
        """Show it as failed."""
        ...


class Telemetry(Protocol):
    """Metrics and traces. No method ever fails, and none waits for a network but `flush`."""

    @property
    def is_on(self) -> bool:
        """Whether anything is recorded: what costs requests is found out only then."""
        ...

    def record(self, measured: Callable[[], Iterable[Measurement]]) -> None:
        """Record what this gives, which asks nobody; it is not called where nothing is recorded."""
        ...

    def span(
        self,
        name: str,
        parents: Parents = NO_PARENTS,
        *,
        attributes: Mapping[str, Any] | None = None,
        is_request: bool = False,
    ) -> AbstractContextManager[Span]:
        """Show what is done within as a span, which is the current one there.

        Args:
            name: What it is.
            parents: What it hangs on; on the current span where they say nothing.
            attributes: What is known of it.
            is_request: Whether it is a request to another service.
        """
        ...

    def add(self, past: Callable[[], PastSpan]) -> None:
        """Show something that is over as a span."""
        ...

    def trace_parent(self) -> str | None:
        """Return the `traceparent` of the current span, None where there is none."""
        ...

    def flush(self, within_s: float) -> None:
        """Send what is recorded, within this time."""
        ...


class NoSpan:
    """A span that nobody sees."""

    def note(self, attributes: Mapping[str, str | float]) -> None:
        """Do nothing."""

    def fail(self, why: str) -> None:
        """Do nothing."""


class NoTelemetry:
    """Telemetry that is off; implements the port."""

    is_on = False

    def record(self, measured: Callable[[], Iterable[Measurement]]) -> None:
        """Do nothing."""

    def span(
        self,
        name: str,
        parents: Parents = NO_PARENTS,
        *,
        attributes: Mapping[str, Any] | None = None,
        is_request: bool = False,
    ) -> AbstractContextManager[Span]:
        """Do nothing."""
        del name, parents, attributes, is_request
        return nullcontext(NoSpan())

    def add(self, past: Callable[[], PastSpan]) -> None:
        """Do nothing."""

    def trace_parent(self) -> str | None:
        """Return None: there is no span."""
        return None

    def flush(self, within_s: float) -> None:
        """Do nothing."""


NO_TELEMETRY = NoTelemetry()


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """One invocation of a function, by what its work is shown.

    Attributes:
        telemetry: Where it is shown.
        trace_parent: The `traceparent` that the host gave it; empty where it gave none.
    """

    telemetry: Telemetry = NO_TELEMETRY
    trace_parent: str = ""

    def span(
        self, step: str, *, job_id: str = "", of_job: str | None = None
    ) -> AbstractContextManager[Span]:
        """Show what is done within as a span.

        Args:
            step: What it is, in one word.
            job_id: The job that it is about; empty where it is not known yet.
            of_job: The `traceparent` of that job's submission, if it is known.
        """
        parents = Parents(job=of_job or "", invocation=self.trace_parent)
        attributes = {JOB_ID: job_id} if job_id else {}
        return self.telemetry.span(f"acijobs.{step}", parents, attributes=attributes)


NO_INVOCATION = Invocation()
