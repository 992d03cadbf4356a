"""Jobs on a Durable engine while its processes are killed: none wrong, lost, doubled or left behind.

ENGINE is the command that serves the app. FORM is `short` (visibility timeouts of 60 and 30 s, and
rounds of the Reconciler every 20 s once the faults are over, so that a run takes minutes) or `long`
(what host.json says, rounds by their timer only, and a storage outage of 90 s among the faults).
SEEDS is how many runs, SEED the first; JOBS how many jobs each; KILLS how often the host, the worker,
the worker with calls in hand, and both are killed.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from engine_app import copy_app
from engine_chaos_jobs import plans
from engine_chaos_report import SHORT_TIMEOUTS, report
from engine_chaos_storm import Storm
from stack.engine_stack import EngineOptions, EngineStack

pytestmark = [pytest.mark.fault, pytest.mark.timeout(3_600)]

ROOT = Path(__file__).resolve().parents[3]
SEEDS = int(os.environ.get("SEEDS") or 1)
FIRST_SEED = int(os.environ.get("SEED") or random.SystemRandom().randrange(10_000))
JOBS = int(os.environ.get("JOBS") or 80)
IS_LONG = os.environ.get("FORM") == "long"
KILLS = os.environ.get("KILLS") or ("8,4,4,2" if IS_LONG else "3,2,2,1")
OUTAGES = int(os.environ.get("OUTAGES") or IS_LONG)
BOUND_S = float(os.environ.get("BOUND_S") or (900 if IS_LONG else 600))
"""How long after the last fault every job must be settled: reasons in docs/reference/host-json.md."""

_FAULT_S = 20.0
"""About how long a fault, and the start after it, take."""


def faults(seed: int) -> list[str]:
    kinds = ("host", "worker", "held worker", "both")
    chosen = [
        kind for kind, n in zip(kinds, map(int, KILLS.split(",")), strict=True) for _ in range(n)
    ]
    random.Random(f"{seed}:order").shuffle(chosen)
    middle = len(chosen) // 2  # when most jobs are under way
    return [*chosen[:middle], *["storage"] * OUTAGES, *chosen[middle:]]


@pytest.mark.parametrize("number", range(SEEDS))
def test_every_job_ends_right_once_and_leaves_nothing(
    engine: str, number: int, tmp_path: Path
) -> None:
    seed = FIRST_SEED + number
    chosen = faults(seed)
    jobs = plans(seed, JOBS, within_s=_FAULT_S * len(chosen), prefix=f"c{seed}-")
    options = EngineOptions(
        app=copy_app(ROOT, tmp_path / "app"),
        engine=engine,
        state=tmp_path / "state",
        settings={} if IS_LONG else SHORT_TIMEOUTS,
    )
    with EngineStack(options) as stack:
        seen = Storm(stack, seed, reconciles=not IS_LONG).run(jobs, chosen, BOUND_S)
        problems = report(stack, f"seed {seed}", jobs, seen)
    assert not problems
