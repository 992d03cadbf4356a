"""Renders docs/reference/metrics.md from the catalogue of metrics; run by `make docs`."""

from __future__ import annotations

from pathlib import Path

from acijobs.domain.metrics import CATALOGUE, VALUES, Kind, Metric

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "metrics.md"

_HEAD = """\
# Metrics

What the app counts and measures where [`Telemetry`](settings.md) is on; how to turn it on, and what to
look at, is in [observing](../guides/observe.md). No metric has the id of a job.

A job counts at most once, whoever ends it and whatever is repeated. It is not counted if its process
dies before the next export, or if Application Insights, which gets differences, takes neither the
export nor its repetition: nothing is kept on disk. An OTLP endpoint gets sums by default, and catches
up. The jobs' rows know all of it.

This page is made from `acijobs/domain/metrics.py`: change that, then run `make docs`.

| Metric | Kind | Unit | Attributes | Recorded when |
|---|---|---|---|---|
"""

_MIDDLE = """
Where two clocks are compared (Azure's and the app's), a negative duration counts as 0. Gauges of jobs
and groups are told once a minute, by the instance that makes the Reconciler's round. A job that was not
looked at in it counts as `executing` if it has a container group, and as `pending` if it has none.

Where the groups of a scope cannot be listed, its `acijobs.group.alive` is not told, and a sum over
the scopes is too low: the log line `notSwept` names the scope. Jobs that were not looked at and have
no group in the other scopes count as `unknown` then, so the sum over the states is the number of jobs.

## Attributes

| Attribute | Values |
|---|---|
"""

_BUCKETS = """
## Buckets
Upper bounds of the histograms, in seconds. Application Insights keeps number, sum, least and most.

| Metrics | Bounds |
|---|---|
"""


def render() -> str:
    """Return the page."""
    rows = "".join(_row(metric) for metric in CATALOGUE)
    values = "".join(f"| `{name}` | {text} |\n" for name, text in VALUES.items())
    return _HEAD + rows + _MIDDLE + values + _BUCKETS + _buckets()


def _row(metric: Metric) -> str:
    attributes = ", ".join(f"`{name}`" for name in metric.attributes) or "none"
    return f"| `{metric.name}` | {metric.kind} | `{metric.unit}` | {attributes} | {metric.when} |\n"


def _buckets() -> str:
    found: dict[tuple[float, ...], list[str]] = {}
    for metric in CATALOGUE:
        if metric.kind is Kind.HISTOGRAM:
            found.setdefault(metric.bounds, []).append(f"`{metric.name}`")
    return "".join(
        f"| {', '.join(names)} | {', '.join(f'{bound:g}' for bound in bounds)} |\n"
        for bounds, names in found.items()
    )


if __name__ == "__main__":
    PAGE.write_text(render(), "utf-8")
