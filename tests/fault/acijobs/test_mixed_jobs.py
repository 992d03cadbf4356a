"""Mixed jobs on our own host, killed every 20 s, as harsh as Azure: none wrong, lost, doubled or left.

Whoever is to be called back is told how its job ended.

JOBS is how many (200 for the whole), SEED what all dice follow from.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from engine_chaos_mixed import GONE_S, harsh_faults, run_mixed
from engine_chaos_outside import EMULATOR_OPTIONS, SETTINGS
from engine_chaos_place import OwnHost
from stack.local_stack import LocalStack, StackOptions

pytestmark = [pytest.mark.fault, pytest.mark.timeout(1_200)]

ROOT = Path(__file__).resolve().parents[3]
SEED = int(os.environ.get("SEED") or random.SystemRandom().randrange(10_000))
JOBS = int(os.environ.get("JOBS") or 60)
BOUND_S = 600.0


def test_every_mixed_job_ends_right_while_the_host_is_killed(tmp_path: Path) -> None:
    options = StackOptions(
        app=ROOT,
        state=tmp_path / "state",
        runtime="scripted",
        settings=SETTINGS | {"FUNCTIONS_HOST_FAULTS": harsh_faults()},
        is_unlimited=True,
        gone_s=GONE_S,
        emulator_options=EMULATOR_OPTIONS,
    )
    with LocalStack(options) as stack:
        problems = run_mixed(OwnHost(stack), SEED, JOBS, ("host",), BOUND_S)
    assert not problems
