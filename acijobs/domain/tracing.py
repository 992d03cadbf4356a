"""The trace of a job: where it hangs, and what is shown of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_TRACE_PARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True, kw_only=True)
class Parents:
    """What a span may hang on, each a `traceparent` of the W3C.

    Attributes:
        job: The span that accepted the job; empty where it is not known, or the span is of no job.
        invocation: What the host tells of the invocation; empty where it tells nothing.
    """

    job: str = ""
    invocation: str = ""

    @property
    def chosen(self) -> str:
        """The parent: the invocation's where it is in the job's trace or there is none, else the job's.

        A job has one trace from its submission to its end. An invocation that is in another one (a
        round of the Reconciler, an engine that hands on nothing) is linked.
        """
        if not is_trace_parent(self.job):
            return self.invocation if is_trace_parent(self.invocation) else ""
        is_same = is_trace_parent(self.invocation) and _trace(self.invocation) == _trace(self.job)
        return self.invocation if is_same else self.job

    @property
    def linked(self) -> str:
        """The invocation's, where it is not the parent."""
        is_other = is_trace_parent(self.invocation) and self.invocation != self.chosen
        return self.invocation if is_other else ""


@dataclass(frozen=True, kw_only=True)
class PastSpan:
    """Something that is over, and is shown in a trace afterwards.

    Attributes:
        name: What it was.
        started_at: When it began.
        ended_at: When it ended.
        parents: What it hangs on.
        attributes: What is known of it.
        events: What happened in it, by name.
        failure: Why it is shown as failed; empty where it is not.
    """

    name: str
    started_at: datetime
    ended_at: datetime
    parents: Parents
    attributes: Mapping[str, Any] = field(default_factory=dict)
    events: Mapping[str, datetime] = field(default_factory=dict)
    failure: str = ""


def is_trace_parent(text: object) -> bool:
    """Tell whether this is a `traceparent` of the version that there is.

    Source: w3.org/TR/trace-context, section 3.2.
    """
    return isinstance(text, str) and _TRACE_PARENT.fullmatch(text) is not None


def _trace(trace_parent: str) -> str:
    return trace_parent.split("-")[1]
