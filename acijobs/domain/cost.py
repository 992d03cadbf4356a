"""What a job costs at list prices, and how long it may run for its money.

Azure's bill may differ: it knows the subscription's discounts, and counts from the pull of the first
image until the whole group has stopped. Source: container-instances pricing, azure.microsoft.com.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from acijobs.domain.spec.job import JobSpec

_HOUR_S = 3600


@dataclass(frozen=True, kw_only=True)
class Prices:
    """List prices in USD.

    Attributes:
        vcpu_hour_usd: A vCPU for an hour.
        gb_hour_usd: A GB of memory for an hour.
        windows_vcpu_hour_usd: What a vCPU of a Windows group costs on top for an hour.
        spot_factor: The part of the first two prices that a Spot group costs, above 0 and up to 1.
    """

    vcpu_hour_usd: float = 0.0405
    gb_hour_usd: float = 0.00445
    windows_vcpu_hour_usd: float = 0.0432
    spot_factor: float = 0.3


def usd_per_hour(spec: JobSpec, prices: Prices) -> float:
    """Return what the job's group costs in an hour: of all its containers, while one of them runs."""
    group = spec.resources
    compute = group.cpu * prices.vcpu_hour_usd + group.memory_gb * prices.gb_hour_usd
    licence = group.cpu * prices.windows_vcpu_hour_usd if spec.os == "Windows" else 0.0
    return compute * (prices.spot_factor if spec.priority == "Spot" else 1.0) + licence


def usd_per_second(spec: JobSpec, prices: Prices) -> float:
    """Return what the job's group costs in a second; Azure counts in seconds."""
    return usd_per_hour(spec, prices) / _HOUR_S


def cost_usd(hourly_usd: float, seconds: float) -> float:
    """Return what so many seconds cost, rounded to a millionth of a dollar."""
    return round(hourly_usd * seconds / _HOUR_S, 6)


def affordable_s(hourly_usd: float, usd: float) -> int | None:
    """Return how many whole seconds this money buys; None where a second costs nothing."""
    if hourly_usd <= 0:
        return None
    return max(0, math.floor(usd / hourly_usd * _HOUR_S + 1e-6))


def run_deadline_s(spec: JobSpec, prices: Prices, *, spent_usd: float = 0.0) -> int:
    """Return how long an attempt may run: `runSeconds`, or less where `maxCostUsd` buys less.

    Args:
        spec: The job.
        prices: What it costs.
        spent_usd: What earlier attempts have cost.
    """
    run_seconds = spec.timeouts.run_seconds
    if spec.max_cost_usd is None:
        return run_seconds
    bought_s = affordable_s(usd_per_hour(spec, prices), spec.max_cost_usd - spent_usd)
    return run_seconds if bought_s is None else min(run_seconds, bought_s)


def most_it_may_cost_usd(spec: JobSpec, prices: Prices) -> float:
    """Return `maxCostUsd`, or where there is none what all attempts cost that run out their time.

    Attempts that end by Azure's fault, which `platformAttempts` bounds, come on top; those that a rule
    of the job ignores are counted, since any exit code may be ignored.
    """
    if spec.max_cost_usd is not None:
        return spec.max_cost_usd
    attempt_s = spec.timeouts.provision_seconds + spec.timeouts.run_seconds
    return cost_usd(usd_per_hour(spec, prices), attempt_s * spec.most_runs)
