"""The host dies at every named crash point, and nothing is lost or done twice in the history."""

from __future__ import annotations

import logging
import random
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

import durable_faults as faults
from functions_host.durable.crash import CrashPoint

if TYPE_CHECKING:
    from pathlib import Path

_LOG = logging.getLogger(__name__)
pytestmark = pytest.mark.fault

COUNT = 3
ENTITY_POINTS = {p for p in CrashPoint if p.startswith("entity.")}
MESSAGE_POINTS = {p for p in CrashPoint if p.startswith("message.")}
STEERED_POINTS = {CrashPoint.DISCARD_WRITTEN, CrashPoint.PURGE_WRITTEN, CrashPoint.REWIND_WRITTEN}
ELSEWHERE = STEERED_POINTS | {CrashPoint.MIGRATION_WRITTEN}
ONLY_MIXED = ENTITY_POINTS | MESSAGE_POINTS | {CrashPoint.TIMER_DUE}
CASES = [
    (workload, point)
    for workload in ("chain", "fan", "mixed")
    for point in CrashPoint
    if point not in ELSEWHERE and (workload == "mixed" or point not in ONLY_MIXED)
]
CASES += [("steered", point) for point in sorted(STEERED_POINTS)]


@pytest.mark.parametrize(("workload", "point"), CASES)
def test_death_at_a_crash_point_loses_nothing(
    tmp_path: Path, workload: str, point: CrashPoint
) -> None:
    """Killed at the point's first and then third turn, the next host brings every job to its end."""
    first = faults.finish(faults.start(tmp_path, [workload], COUNT, f"{point}:1"))
    assert first == -9, "the crash point was not reached"
    faults.finish(faults.start(tmp_path, [workload], COUNT, f"{point}:3"))
    assert faults.finish(faults.start(tmp_path, [workload], COUNT)) == 0
    faults.assert_nothing_lost_or_doubled(tmp_path, [workload], COUNT)


def test_death_during_the_first_migration_leaves_a_usable_store(tmp_path: Path) -> None:
    """The schema is made by the next host."""
    point = CrashPoint.MIGRATION_WRITTEN
    assert faults.finish(faults.start(tmp_path, ["chain"], 1, point)) == -9
    assert faults.finish(faults.start(tmp_path, ["chain"], 1)) == 0
    faults.assert_nothing_lost_or_doubled(tmp_path, ["chain"], 1)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("part", range(4))
def test_two_hundred_random_kills_lose_nothing(tmp_path: Path, part: int) -> None:
    """Under mixed load, killed again and again at any moment, every instance ends once.

    Fifty kills each, so that workers share them.
    """
    seed = time.time_ns() + part
    _LOG.info("seed %d", seed)
    chance = random.Random(seed)
    workloads = ["chain", "fan", "mixed"]
    kills, round_number, waits_s = 0, 0, (0.35, 1.0)
    while kills < 50:
        folder = tmp_path / str(round_number)
        round_number += 1
        count = 60
        while True:
            process = faults.start(folder, workloads, count)
            try:
                code = process.wait(chance.uniform(*waits_s) if kills < 50 else 120)
            except subprocess.TimeoutExpired:
                process.kill()
                kills += 1
                code = faults.finish(process)
            else:
                faults.finish(process)
            if code == 0:
                break
        faults.assert_nothing_lost_or_doubled(folder, workloads, count)
    _LOG.info("%d kills in %d rounds", kills, round_number)
