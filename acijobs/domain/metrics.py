"""The catalogue of metrics: every number that the app tells of itself, in one table.

docs/reference/metrics.md is made from it. No metric has the id of a job: each id would be a series of
its own. The values of the `cicd.` attributes are those of OpenTelemetry's conventions for pipelines,
which come nearest to jobs: there is no convention for batch jobs.
Source: opentelemetry.io/docs/specs/semconv/registry/attributes/cicd.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Kind(StrEnum):
    """What is done with the values of a metric."""

    COUNTER = "counter"
    """They are added up."""
    GAUGE = "gauge"
    """The newest one counts."""
    HISTOGRAM = "histogram"
    """Their number, their sum and their distribution are kept."""


class Attribute(StrEnum):
    """What the values of a metric are told apart by."""

    STATE = "cicd.pipeline.run.state"
    RESULT = "cicd.pipeline.result"
    PHASE = "acijobs.phase"
    REASON = "acijobs.reason"
    FAULT = "acijobs.fault"
    SOURCE = "acijobs.source"
    ACT = "acijobs.act"
    OPERATION = "acijobs.operation"
    STATUS = "http.response.status_code"
    OUTCOME = "acijobs.outcome"
    SCOPE = "acijobs.scope"


VALUES: dict[Attribute, str] = {
    Attribute.STATE: "`pending` (no container group yet), `executing`, `finalizing` (over, and "
    "something is left to clean up or to tell), `unknown` (not looked at, and it may have a "
    "container group in a scope that could not be listed)",
    Attribute.RESULT: "`success`, `failure` (by the job's own fault), `error` (the platform's, the "
    "operator's or ours), `timeout`, `cancellation`. The convention's `skip` is not used: no job is",
    Attribute.PHASE: "`Succeeded`, `Failed`, `Cancelled`, `TimedOut`",
    Attribute.REASON: "a code of the [failure reasons](reasons.md), or `none`",
    Attribute.FAULT: "`job`, `platform`, `operator`, `user`, or `none`",
    Attribute.SOURCE: "`http`, `queue`, `rerun`",
    Attribute.ACT: "`start`, `takeOver`, `end`, `callBack`: as in the [log lines](log-lines.md)",
    Attribute.OPERATION: "`create`, `read`, `list`, `delete`, `stop`, `logs`, `usages`, "
    "`capabilities`, or `other`",
    Attribute.STATUS: "the status of the answer; 0 where there was none",
    Attribute.OUTCOME: "of a round: `whole`, or `partial` where time, storage or the number of jobs "
    "ended it early. Of a callback: `delivered`, `failed`, `postponed` (not sent yet: too many others "
    "were under way)",
    Attribute.SCOPE: "subscription and resource group, `subscription/group`, in lower case: as in the "
    "[log lines](log-lines.md)",
}
"""What each attribute says."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric.

    Attributes:
        name: Its name; in Application Insights, too.
        kind: What is done with its values.
        unit: Their unit, in UCUM.
        when: When a value is recorded, and which.
        attributes: What they are told apart by.
        bounds: Upper bounds of a histogram's buckets.
    """

    name: str
    kind: Kind
    unit: str
    when: str
    attributes: tuple[Attribute, ...] = ()
    bounds: tuple[float, ...] = ()

    def of(
        self, value: float = 1, attributes: Mapping[Attribute, str | int] | None = None
    ) -> Measurement:
        """Return a value of this metric, with exactly its attributes.

        Raises:
            ValueError: these are others.
        """
        given = dict(attributes or {})
        if set(given) != set(self.attributes):
            raise ValueError(f"{self.name} has the attributes {', '.join(self.attributes)}")
        return Measurement(metric=self, value=value, attributes=given)


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One value of a metric.

    Attributes:
        metric: Which.
        value: The value, in the metric's unit.
        attributes: What it is told apart by.
    """

    metric: Metric
    value: float
    attributes: Mapping[Attribute, str | int] = field(default_factory=dict)


_LONG_S = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_800, 3_600, 14_400, 43_200, 86_400)
_SHORT_S = (0.5, 1, 2, 3, 5, 7.5, 10, 15, 20, 30, 60, 120, 300, 600)
_REQUEST_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

JOB_ACCEPTED = Metric(
    name="acijobs.job.accepted",
    kind=Kind.COUNTER,
    unit="{job}",
    when="a job's row was inserted; not for a request that was repeated",
    attributes=(Attribute.SOURCE,),
)
JOB_ENDED = Metric(
    name="acijobs.job.ended",
    kind=Kind.COUNTER,
    unit="{job}",
    when="a job was closed: each job once at most, whoever closed it",
    attributes=(Attribute.RESULT, Attribute.PHASE, Attribute.REASON, Attribute.FAULT),
)
JOB_ACTIVE = Metric(
    name="acijobs.job.active",
    kind=Kind.GAUGE,
    unit="{job}",
    when="each round of the Reconciler that storage did not cut short: the jobs that are not settled",
    attributes=(Attribute.STATE,),
)
JOB_OLDEST_PENDING = Metric(
    name="acijobs.job.oldest_pending",
    kind=Kind.GAUGE,
    unit="s",
    when="each such round: the age of the oldest job that has no container group yet; 0 without one. "
    "Nothing where none was found in the 50 oldest rows that the round had to read and others are left",
)
JOB_WAIT = Metric(
    name="acijobs.job.wait.duration",
    kind=Kind.HISTOGRAM,
    unit="s",
    when="a job was closed whose container had started: from its submission until the first start",
    bounds=_LONG_S,
)
JOB_RUN = Metric(
    name="acijobs.job.run.duration",
    kind=Kind.HISTOGRAM,
    unit="s",
    when="a job was closed whose container had started: of its last attempt, from the container's "
    "start to its end",
    attributes=(Attribute.RESULT,),
    bounds=_LONG_S,
)
JOB_DETECTION = Metric(
    name="acijobs.job.detection.duration",
    kind=Kind.HISTOGRAM,
    unit="s",
    when="a job was closed whose container had ended: from that end, by Azure's clock, to the close",
    bounds=_SHORT_S,
)
JOB_COST = Metric(
    name="acijobs.job.cost",
    kind=Kind.COUNTER,
    unit="USD",
    when="a job was closed: what all its attempts cost at list prices, as `usage.costUsd` says",
    attributes=(Attribute.RESULT,),
)
ATTEMPT_ENDED = Metric(
    name="acijobs.attempt.ended",
    kind=Kind.COUNTER,
    unit="{attempt}",
    when="an attempt ended: with its job, or followed by another",
    attributes=(Attribute.REASON, Attribute.FAULT, Attribute.RESULT),
)
GROUP_ALIVE = Metric(
    name="acijobs.group.alive",
    kind=Kind.GAUGE,
    unit="{group}",
    when="each such round: the groups of this app that there are, of each scope that could be listed; "
    "nothing for a scope that could not be listed",
    attributes=(Attribute.SCOPE,),
)
GROUP_ORPHANED = Metric(
    name="acijobs.group.orphaned",
    kind=Kind.COUNTER,
    unit="{group}",
    when="the sweep deleted a group that had no reason to live: each once, however long Azure takes",
)
ROUND = Metric(
    name="acijobs.reconciler.round.duration",
    kind=Kind.HISTOGRAM,
    unit="s",
    when="a round of the Reconciler ended. Their number is its heartbeat: one a minute",
    attributes=(Attribute.OUTCOME,),
    bounds=_SHORT_S,
)
ACTS = Metric(
    name="acijobs.reconciler.acts",
    kind=Kind.COUNTER,
    unit="{act}",
    when="the Reconciler has started, taken over or ended a job, or sets about its callback; not where "
    "it was overtaken, or where the engine, storage or Azure did not let it",
    attributes=(Attribute.ACT,),
)
LOG_GAPS = Metric(
    name="acijobs.log.gaps",
    kind=Kind.COUNTER,
    unit="{gap}",
    when="a mark was written into a log where lines are, or may be, lost",
)
ARM_REQUEST = Metric(
    name="acijobs.arm.request.duration",
    kind=Kind.HISTOGRAM,
    unit="s",
    when="an HTTP request to Azure Resource Manager was answered, or was not; repeated ones count, too",
    attributes=(Attribute.OPERATION, Attribute.STATUS),
    bounds=_REQUEST_S,
)
ARM_THROTTLED = Metric(
    name="acijobs.arm.throttled",
    kind=Kind.COUNTER,
    unit="{request}",
    when="Azure Resource Manager answered 429",
    attributes=(Attribute.OPERATION,),
)
ARM_READS_REMAINING = Metric(
    name="acijobs.arm.reads_remaining",
    kind=Kind.GAUGE,
    unit="{request}",
    when="an answer of Azure Resource Manager had the header "
    "`x-ms-ratelimit-remaining-subscription-reads`: its value",
)
CALLBACK_DELIVERIES = Metric(
    name="acijobs.callback.deliveries",
    kind=Kind.COUNTER,
    unit="{delivery}",
    when="a try to deliver a callback was made, or was put off",
    attributes=(Attribute.OUTCOME,),
)

CATALOGUE: tuple[Metric, ...] = (
    JOB_ACCEPTED,
    JOB_ENDED,
    JOB_ACTIVE,
    JOB_OLDEST_PENDING,
    JOB_WAIT,
    JOB_RUN,
    JOB_DETECTION,
    JOB_COST,
    ATTEMPT_ENDED,
    GROUP_ALIVE,
    GROUP_ORPHANED,
    ROUND,
    ACTS,
    LOG_GAPS,
    ARM_REQUEST,
    ARM_THROTTLED,
    ARM_READS_REMAINING,
    CALLBACK_DELIVERIES,
)
"""All of them, in the order of the page."""
