"""docs/concepts/scale.md and backends.md: the tables are what the commands print, and agree."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from statistics import median
from typing import TYPE_CHECKING

import pytest

from benchmarks.engine.histories import HISTORIES, recorded
from benchmarks.scale.demand import Demand, Shape, figures
from benchmarks.scale.limits import DEFAULT
from benchmarks.scale.model import Means, Model, Seen, percentile
from benchmarks.scale.pages import LONG, PAGES, SHORT, means_of, rendered, tables
from benchmarks.scale.plan import Load

if TYPE_CHECKING:
    from pathlib import Path

UNDISTURBED = ("succeeded", "exit-code-3", "kept", "timed-out", "silent", "vanished", "long")
"""Recordings of jobs that only polled: nobody cancelled, and nothing was told, refused or retried."""


@cache
def shown() -> dict[str, str]:
    return tables()


@cache
def simulated(demand: Demand, jobs_per_day: int) -> tuple[Load, Seen]:
    load, means = means_of(Load(demand=demand, jobs_per_day=jobs_per_day))
    return load, Model(load, means).run()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_tables_of_the_page_are_what_the_command_prints(page: Path) -> None:
    """`python -m benchmarks.scale --write` renews them."""
    text = page.read_text("utf-8")
    assert rendered(text, shown()) == text


def test_each_table_is_on_a_page() -> None:
    """One that is nowhere would be renewed in vain."""
    pages = "".join(page.read_text("utf-8") for page in PAGES)
    assert [name for name in shown() if f"<!-- table: {name} -->" not in pages] == []


@pytest.mark.parametrize("name", UNDISTURBED)
def test_the_engine_does_for_a_job_what_the_rule_says(name: str) -> None:
    """Messages, work items and actions, as recorded on Microsoft's extension."""
    cost = recorded(name)
    polled = Demand(shape=Shape(name="", run_s=0, cpu=1))
    ages = tuple(float(number) for number in range(cost.polls))
    polled.__dict__["poll_ages_s"] = ages
    assert polled.engine == cost


def test_a_recording_of_another_kind_breaks_the_rule() -> None:
    """So the rule is not one that holds of anything."""
    others = {path.stem for path in HISTORIES.glob("*.json")} - set(UNDISTURBED)
    assert len(others) > 5
    cost = recorded("retried")
    assert cost.control_messages != 3 + 2 * cost.polls


@pytest.mark.parametrize("length", ["short", "long"])
def test_a_job_is_polled_as_often_as_was_measured(length: str) -> None:
    """Or up to a fourth more often, by the policy alone: the engine's own lag makes polls fewer."""
    measured = figures()[length]
    demand = Demand(shape=Shape(name="", run_s=measured["seconds"], cpu=1))
    polls = median(job["polls"] for job in measured["jobs"])
    assert 0.75 * demand.polls <= polls <= demand.polls + 1


@pytest.mark.parametrize("length", ["short", "long"])
def test_the_messages_that_were_measured_are_those_of_the_rule(length: str) -> None:
    """Counted in the queues, also of a watch that started anew, which no history shows."""
    for job in figures()[length]["jobs"]:
        polled = Demand(shape=Shape(name="", run_s=0, cpu=1))
        polled.__dict__["poll_ages_s"] = tuple(float(number) for number in range(job["polls"]))
        assert job["storage"]["controlMessages"] == polled.engine.control_messages
        assert job["storage"]["workItems"] == polled.engine.work_items


@pytest.mark.parametrize("demand", [SHORT, LONG], ids=lambda demand: str(demand.shape.name))
def test_the_simulation_reproduces_the_arithmetic(demand: Demand) -> None:
    """Groups at once, polls and messages a second; and what is planned is enough."""
    load, seen = simulated(demand, 100_000)
    assert seen.most_groups == pytest.approx(load.at_once, rel=0.25)
    assert seen.polls / seen.lasted_s == pytest.approx(load.per_s * demand.polls, rel=0.1)
    assert seen.messages / seen.lasted_s == pytest.approx(load.messages_per_s, rel=0.1)
    assert percentile(seen.late_s, 50) == pytest.approx(load.late_s, rel=0.3, abs=1)
    assert seen.waiting == 0
    assert seen.refused_per_job < 0.05


def test_a_simulation_is_the_same_each_time_and_another_with_another_seed() -> None:
    """Its randomness is seeded, and there is some."""
    load, means = means_of(Load(demand=SHORT, jobs_per_day=20_000))
    first, again = (Model(load, means).run() for _ in range(2))
    assert first == again
    assert Model(load, means, seed=1).run() != first


def test_with_too_few_subscriptions_jobs_wait() -> None:
    """Because no more may be created in an hour; the plan says so beforehand."""
    load = Load(demand=SHORT, jobs_per_day=100_000)
    assert load.binds_first == "creates per hour"
    seen = Model(load, Means(subscriptions=load.places // 2, instances=load.instances)).run()
    assert seen.waiting > 100
    assert percentile(seen.waits_s, 95) > 600


def test_with_too_few_instances_ends_are_late_and_the_queue_stays_short() -> None:
    """Polls come slower as the engine lags."""
    load = Load(demand=SHORT, jobs_per_day=100_000)
    seen = Model(load, Means(subscriptions=load.places, instances=1)).run()
    assert seen.polls / seen.lasted_s < 0.6 * load.per_s * SHORT.polls
    assert load.late_s + 1 < percentile(seen.late_s, 50) < 30


def test_larger_quotas_need_fewer_scopes() -> None:
    """Each of the three by itself is not enough where another binds."""
    load = Load(demand=LONG, jobs_per_day=10_000)
    assert load.binds_first == "cores"
    more_cores = replace(load, quotas=replace(DEFAULT, cores=10_000))
    assert 1 < more_cores.places < load.places
    all_more = replace(DEFAULT, cores=10_000, groups=1_000, creates_per_h=1_000)
    assert replace(load, quotas=all_more).places == 1
