"""The tables of the pages on scale and on backends, each between two comments that name it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.scale.demand import Demand, Shape, figures
from benchmarks.scale.limits import DEFAULT, FULL_ENOUGH, MOST_PLACES, Quotas
from benchmarks.scale.model import Means, Model, percentile
from benchmarks.scale.plan import Load

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_CONCEPTS = Path(__file__).resolve().parents[2] / "docs" / "concepts"
PAGES = (_CONCEPTS / "scale.md", _CONCEPTS / "backends.md")

SHORT = Demand(shape=Shape(name="2 min, 1 vCPU", run_s=120, cpu=1))
LONG = Demand(shape=Shape(name="1 h, 4 vCPU", run_s=3_600, cpu=4))
SHAPES = (SHORT, LONG)
VOLUMES = (10, 1_000, 100_000)
LONE = (20, 120, 3_600)
"""Lengths of the lone jobs whose cost is told, in seconds."""

_HOUR_S, _DAY_S = 3_600, 86_400
_MONTH_S = 30 * _DAY_S
_USD_PER_REQUEST = 0.004 / 10_000
_USD_INSTANCE_WAITS, _USD_INSTANCE_WORKS = 42.0, 166.0
"""List prices, not confirmed: of a request to storage, and of an always-ready instance of 4 GB and two
cores for a month, which waits; or on top of that, works without a pause."""

_MOST_ACTIONS_PER_S = 500
"""Of Durable Task Scheduler's Consumption plan. Source: its documentation, learn.microsoft.com."""


def tables() -> dict[str, str]:
    """Return every table, by its name."""
    loads = tuple(Load(demand=shape, jobs_per_day=n) for shape in SHAPES for n in VOLUMES)
    return {
        "one job": _one_job(),
        "actions": _actions(),
        "needs": _needs(loads),
        "means": _means(loads),
        "cost": _cost(loads),
        "simulated": _simulated(loads),
        "too few": _too_few(),
    }


def rendered(page: str, found: dict[str, str]) -> str:
    """Return the page with these tables in their places."""
    for name, table in found.items():
        pattern = rf"(<!-- table: {name} -->\n).*?(<!-- end -->)"
        page = re.sub(pattern, lambda m, t=table: m[1] + t + m[2], page, flags=re.DOTALL)
    return page


def _one_job() -> str:
    def row(run_s: int) -> list[str]:
        demand = Demand(shape=Shape(name="", run_s=run_s, cpu=1))
        engine = demand.engine
        numbers = (demand.polls, demand.arm_reads, engine.control_messages, engine.work_items)
        usd = demand.storage_requests * _USD_PER_REQUEST
        return [
            *(_length(run_s), *map(str, numbers), f"{demand.storage_requests:.0f}"),
            f"{usd * 1_000:.2f}",
        ]

    return _table(
        (
            *("Runs for", "Polls", "ARM reads", "Control messages", "Work items"),
            *("Storage requests", "USD for 1,000 jobs"),
        ),
        [row(run_s) for run_s in LONE],
    )


def _actions() -> str:
    def row(run_s: int) -> list[str]:
        actions = Demand(shape=Shape(name="", run_s=run_s, cpu=1)).engine.actions
        most = _MOST_ACTIONS_PER_S * _DAY_S / actions
        return [_length(run_s), f"{actions}", f"{most:,.0f}"]

    heads = ("Runs for", "Actions", "Jobs a day that 500 actions a second are enough for")
    return _table(heads, [row(run_s) for run_s in LONE])


def _needs(loads: Iterable[Load]) -> str:
    heads = ("Jobs", "A day", "At once", "Cores", "Creates an hour", "ARM reads a second")
    rows = [
        [
            *(load.shape.name, f"{load.jobs_per_day:,}", _number(load.at_once)),
            *(_number(load.cores), _number(load.creates_per_h), _number(load.reads_per_s)),
            *(_number(load.messages_per_s), _number(load.storage_per_s)),
        ]
        for load in loads
    ]
    return _table((*heads, "Engine messages a second", "Storage requests a second"), rows)


def _means(loads: Iterable[Load]) -> str:
    heads = ("Jobs", "A day", "Most used of its limit", "Scopes", "Instances")
    rows = [
        [
            *(load.shape.name, f"{load.jobs_per_day:,}"),
            f"{load.binds_first}, {_share(load.shares[load.binds_first])}",
            *(f"{load.places:,}", str(load.instances), str(load.partitions), _alone(load)),
        ]
        for load in loads
    ]
    return _table((*heads, "Partitions", "Or quotas of one subscription, in one region"), rows)


def _share(used: float) -> str:
    return f"{used:.1%}" if used < 1 else f"{used:,.1f} times"


def _alone(load: Load) -> str:
    if load.places == 1:
        return "the default ones"
    groups, cores, creates = (
        _up(amount / FULL_ENOUGH, 100) for amount in (load.at_once, load.cores, load.creates_per_h)
    )
    return f"{groups:,} groups, {cores:,} cores, {creates:,} creates an hour"


def _cost(loads: Iterable[Load]) -> str:
    idle = figures()["idleStorageRequestsPerHour"] * _MONTH_S / _HOUR_S

    def row(load: Load) -> list[str]:
        requests = load.storage_per_s * _MONTH_S + idle * load.instances
        works = load.shares["engine messages"]
        instances = load.instances * _USD_INSTANCE_WAITS + works * _USD_INSTANCE_WORKS
        return [
            *(load.shape.name, f"{load.jobs_per_day:,}", f"{requests / 1e6:,.1f}"),
            *(f"{requests * _USD_PER_REQUEST:,.0f}", f"{instances:,.0f}"),
        ]

    heads = ("Jobs", "A day", "Million storage requests", "USD for them", "USD for instances")
    return _table(heads, map(row, loads))


def means_of(load: Load) -> tuple[Load, Means]:
    """Return what the plan gives to a load; with cores raised where that is more scopes than fit."""
    quotas = load.quotas
    if load.places > MOST_PLACES:
        cores = _up(load.cores / FULL_ENOUGH / MOST_PLACES, 100)
        groups = _up(load.at_once / FULL_ENOUGH / MOST_PLACES, 100)
        quotas = replace(DEFAULT, cores=cores, groups=groups)
    load = replace(load, quotas=quotas)
    return load, Means(subscriptions=load.places, instances=load.instances)


def _simulated(loads: Iterable[Load]) -> str:
    rows = []
    for asked in loads:
        load, means = means_of(asked)
        rows.append([load.shape.name, f"{load.jobs_per_day:,}", _given(load, means)])
        rows[-1] += _shown(load, means)
    return _table(("Jobs", "A day", "Given", *_SHOWN), rows)


def _too_few() -> str:
    rows = []
    for demand, subscriptions, instances in (
        *((SHORT, 15, 3), (SHORT, 14, 3), (SHORT, 12, 3), (SHORT, 18, 2), (SHORT, 18, 1)),
        *((LONG, 20, 11), (LONG, 20, 4)),
    ):
        load, _ = means_of(Load(demand=demand, jobs_per_day=100_000))
        means = Means(subscriptions=subscriptions, instances=instances)
        rows.append([load.shape.name, _given(load, means), *_shown(load, means)])
    return _table(("100,000 jobs a day of", "Given", *_SHOWN), rows)


_SHOWN = (
    *("Most groups at once", "Refused creates for each job", "Waited for a place, p95"),
    *("Without one at the end", "End seen late, p50", "p95", "Polls a second"),
)


def _shown(load: Load, means: Means) -> list[str]:
    seen = Model(load, means).run()
    return [
        *(f"{seen.most_groups:,}", f"{seen.refused_per_job:.2f}"),
        *(f"{percentile(seen.waits_s, 95):.1f} s", f"{seen.waiting:,}"),
        *(f"{percentile(seen.late_s, 50):.1f} s", f"{percentile(seen.late_s, 95):.1f} s"),
        _number(seen.polls / seen.lasted_s),
    ]


def _given(load: Load, means: Means) -> str:
    subscriptions = f"{means.subscriptions} subscription{'s' * (means.subscriptions > 1)}"
    instances = f"{means.instances} instance{'s' * (means.instances > 1)}"
    raised = "" if load.quotas == DEFAULT else _raised(load.quotas)
    return f"{subscriptions}{raised}, {instances}"


def _raised(quotas: Quotas) -> str:
    return f" of {quotas.groups:,} groups and {quotas.cores:,} cores"


def _length(run_s: int) -> str:
    return f"{run_s} s" if run_s < _HOUR_S else f"{run_s // _HOUR_S} h"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _up(value: float, step: int) -> int:
    return step * -(-int(value) // step) or step


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = (tuple(heads), ("---",) * len(heads), *rows)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
