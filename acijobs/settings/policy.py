"""Settings of the operator's rules on jobs, and of what jobs cost."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, Field

from acijobs.domain.cost import Prices
from acijobs.domain.spec.policy import JobPolicy
from acijobs.settings.concern import Concern


def _words(value: object) -> object:
    if not isinstance(value, str):
        return value
    words = [word for word in re.split(r"[,\s]+", value) if word]
    if not words:
        raise ValueError("no pattern")
    return tuple(words)


_Patterns = Annotated[tuple[str, ...], BeforeValidator(_words)]
_LIST = "a list of patterns, separated by commas"
_PRICE = "a price in USD from 0 on"
_Usd = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]


class PriceSettings(Concern):
    """List prices in USD, by which jobs are told their cost.

    Attributes:
        vcpu_hour_usd: `PriceVcpuHourUsd`.
        gb_hour_usd: `PriceGbHourUsd`.
        windows_vcpu_hour_usd: `PriceWindowsVcpuHourUsd`: on top, for Windows.
        spot_factor: `PriceSpotFactor`: the part of a price that Spot costs.
    """

    vcpu_hour_usd: _Usd = Field(Prices.vcpu_hour_usd, alias="PriceVcpuHourUsd", description=_PRICE)
    gb_hour_usd: _Usd = Field(Prices.gb_hour_usd, alias="PriceGbHourUsd", description=_PRICE)
    windows_vcpu_hour_usd: _Usd = Field(
        Prices.windows_vcpu_hour_usd, alias="PriceWindowsVcpuHourUsd", description=_PRICE
    )
    spot_factor: float = Field(
        Prices.spot_factor,
        alias="PriceSpotFactor",
        gt=0,
        le=1,
        allow_inf_nan=False,
        description="a number above 0 and up to 1",
    )

    @property
    def prices(self) -> Prices:
        """The prices."""
        return Prices(**self.model_dump())


class PolicySettings(Concern):
    """What jobs may ask for; what is not set allows everything.

    Attributes:
        images: `AllowedImages`.
        registries: `AllowedRegistries`.
        locations: `AllowedLocations`.
        subnets: `AllowedSubnets`.
        identities: `AllowedIdentities`.
        key_vaults: `AllowedKeyVaults`.
        callback_hosts: `AllowedCallbackHosts`.
        max_cpu: `MaxCpu`.
        max_memory_gb: `MaxMemoryGb`.
        max_run_seconds: `MaxRunSeconds`.
        max_attempts: `MaxAttempts`.
        max_job_cost_usd: `MaxJobCostUsd`.
        requires_cost_limit: `RequireCostLimit`.
    """

    images: _Patterns = Field((), alias="AllowedImages", description=_LIST)
    registries: _Patterns = Field((), alias="AllowedRegistries", description=_LIST)
    locations: _Patterns = Field((), alias="AllowedLocations", description=_LIST)
    subnets: _Patterns = Field((), alias="AllowedSubnets", description=_LIST)
    identities: _Patterns = Field((), alias="AllowedIdentities", description=_LIST)
    key_vaults: _Patterns = Field((), alias="AllowedKeyVaults", description=_LIST)
    callback_hosts: _Patterns = Field((), alias="AllowedCallbackHosts", description=_LIST)
    max_cpu: float | None = Field(
        None, alias="MaxCpu", gt=0, allow_inf_nan=False, description="a number of cores above 0"
    )
    max_memory_gb: float | None = Field(
        None, alias="MaxMemoryGb", gt=0, allow_inf_nan=False, description="a number of GB above 0"
    )
    max_run_seconds: int | None = Field(
        None, alias="MaxRunSeconds", gt=0, description="a whole number of seconds above 0"
    )
    max_attempts: int | None = Field(
        None, alias="MaxAttempts", gt=0, description="a whole number above 0"
    )
    max_job_cost_usd: float | None = Field(
        None,
        alias="MaxJobCostUsd",
        gt=0,
        allow_inf_nan=False,
        description="an amount in USD above 0",
    )
    requires_cost_limit: bool = Field(
        default=False, alias="RequireCostLimit", description="true or false"
    )

    def policy(self, prices: Prices, *, own_locations: tuple[str, ...]) -> JobPolicy:
        """Return the rules, at these prices, of an operator whose own regions these are."""
        return JobPolicy(**self.model_dump(), prices=prices, own_locations=own_locations)
