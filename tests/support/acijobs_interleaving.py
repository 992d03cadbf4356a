"""Barriers in the use cases: what others do at a certain call of a scripted outside."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import TYPE_CHECKING

from acijobs.domain.row import Row, Run
from acijobs.domain.spec.job import parse
from acijobs.domain.terms import Terms

if TYPE_CHECKING:
    from collections.abc import Callable

    from acijobs_world import World

RUN = Run(job_id="j", offer=1, execution="x")
TWIN = Run(job_id="j", offer=1, execution="y")
"""Another execution that was started with the same offer."""


def accept(world: World, **fields: object) -> None:
    """Store the job `j`, as the API does."""
    spec = parse({"image": "alpine"} | fields)
    row = Row(job_id="j", digest="d", accepted_at=world.clock.now(), terms=Terms.of(spec))
    world.memory_rows.insert(row, spec.to_json())


def at_call(world: World, point: str, do: Callable[[], object]) -> None:
    """Do this once, right before a call of the outside.

    Args:
        world: The outside.
        point: `rows.swap:2` is the second swap from now on, `azure.create` the next create.
        do: What others do meanwhile; what they call is not counted.
    """
    part, _, which = point.partition(".")
    method, _, number = which.partition(":")
    hooks = world.azure.before if part == "azure" else world.memory_rows.before
    count = itertools.count(1)

    def hook() -> None:
        if next(count) == int(number or 1):
            del hooks[method]
            do()

    hooks[method] = hook


def let_pass(world: World, seconds: float) -> None:
    """Let time pass."""
    world.clock.current += timedelta(seconds=seconds)
