from __future__ import annotations

import pytest

from acijobs.domain.cost import (
    Prices,
    affordable_s,
    cost_usd,
    most_it_may_cost_usd,
    run_deadline_s,
    usd_per_hour,
)
from acijobs.domain.spec.job import parse
from spec_complaints import job, sidecar

PRICES = Prices(vcpu_hour_usd=0.04, gb_hour_usd=0.005, windows_vcpu_hour_usd=0.05, spot_factor=0.3)


def test_a_group_costs_what_all_its_containers_ask_for() -> None:
    """Cores and memory, each by the hour."""
    assert usd_per_hour(parse(job(cpu=2, memoryGb=4)), PRICES) == pytest.approx(0.1)
    spec = parse(job(cpu=2, memoryGb=4, sidecars=[sidecar(cpu=1, memoryGb=2)]))
    assert usd_per_hour(spec, PRICES) == pytest.approx(0.15)


def test_spot_costs_a_part_and_windows_more() -> None:
    """The price of Windows itself is not less on Spot."""
    fields = {"cpu": 1, "memoryGb": 2}
    assert usd_per_hour(parse(job(priority="Spot", **fields)), PRICES) == pytest.approx(0.015)
    assert usd_per_hour(parse(job(os="Windows", **fields)), PRICES) == pytest.approx(0.1)


def test_the_default_job_costs_about_five_cents_an_hour() -> None:
    """At the list prices of East US."""
    assert usd_per_hour(parse(job()), Prices()) == pytest.approx(0.047175)


def test_a_cost_limit_shortens_the_run() -> None:
    """To whole seconds; what earlier attempts have cost is gone."""
    spec = parse(job(cpu=2, memoryGb=4, maxCostUsd=0.1))
    assert run_deadline_s(spec, PRICES) == 3600
    assert run_deadline_s(spec, PRICES, spent_usd=0.075) == 900
    assert run_deadline_s(spec, PRICES, spent_usd=0.2) == 0
    short = parse(job(maxCostUsd=100, timeouts={"runSeconds": 60}))
    assert run_deadline_s(short, PRICES) == 60
    assert run_deadline_s(parse(job()), PRICES) == 86_400


def test_what_costs_nothing_is_affordable_for_ever() -> None:
    """An operator may set the prices to 0."""
    free = Prices(vcpu_hour_usd=0, gb_hour_usd=0)
    assert affordable_s(0, 5) is None
    assert run_deadline_s(parse(job(maxCostUsd=1)), free) == 86_400


def test_money_and_time_are_each_others_inverse() -> None:
    """Whatever the rate, the seconds that money buys cost no more than it."""
    for hourly_usd in (0.001, 0.047175, 0.1, 7.77):
        for usd in (0.01, 0.5, 12.34):
            seconds = affordable_s(hourly_usd, usd)
            assert seconds is not None
            assert cost_usd(hourly_usd, seconds) <= usd + 1e-6
            assert cost_usd(hourly_usd, seconds + 1) >= usd - 1e-6


def test_the_most_a_job_may_cost() -> None:
    """Its limit, or all attempts until their deadlines."""
    assert most_it_may_cost_usd(parse(job(maxCostUsd=2)), PRICES) == 2
    spec = parse(
        job(
            cpu=2,
            memoryGb=4,
            retry={"attempts": 3},
            timeouts={"provisionSeconds": 600, "runSeconds": 3000},
        )
    )
    assert most_it_may_cost_usd(spec, PRICES) == pytest.approx(0.3)
