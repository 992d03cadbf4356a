"""Cores and memory of a container, and of the whole group."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field

from acijobs.domain.spec.wrong import wrong

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_CPU = 31
MAX_MEMORY_GB = 240
"""Most that the containers of a group may ask for in sum.

Source: container-instances-resource-and-quota-limits, learn.microsoft.com; api-version 2023-05-01.
"""

CPU_STEP = Decimal("0.01")
MEMORY_GB_STEP = Decimal("0.1")
"""Source: Azure's errors, as quoted in virtual-kubelet's ACI provider and farmer#1004."""


def _in_steps_of(step: Decimal) -> Callable[[float], float]:
    def check(value: float) -> float:
        if Decimal(repr(value)) % step:
            raise wrong(f"must be a multiple of {step}")
        return value

    return check


Cpu = Annotated[float, Field(gt=0, le=MAX_CPU), AfterValidator(_in_steps_of(CPU_STEP))]
"""Cores, in steps of 0.01."""
MemoryGb = Annotated[
    float, Field(gt=0, le=MAX_MEMORY_GB), AfterValidator(_in_steps_of(MEMORY_GB_STEP))
]
"""GB of memory, in steps of 0.1."""


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What a whole group asks for, and is paid for.

    Attributes:
        cpu: Cores of all containers that run at the same time.
        memory_gb: GB of memory of them.
    """

    cpu: float
    memory_gb: float


def sum_of(amounts: list[float]) -> float:
    """Return the sum as it would be written: 0.1 and 0.2 are 0.3."""
    return float(sum(Decimal(repr(amount)) for amount in amounts))
