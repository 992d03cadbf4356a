"""Mixed jobs on a Durable engine, one of whose processes is killed every 20 s until all have ended.

ENGINE is the command that serves the app, JOBS how many jobs, SEED what all dice follow from.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from engine_app import copy_app
from engine_chaos_mixed import GONE_S, run_mixed
from engine_chaos_outside import EMULATOR_OPTIONS, SETTINGS
from engine_chaos_report import SHORT_TIMEOUTS
from stack.engine_stack import EngineOptions, EngineStack

pytestmark = [pytest.mark.fault, pytest.mark.timeout(2_400)]

ROOT = Path(__file__).resolve().parents[3]
SEED = int(os.environ.get("SEED") or random.SystemRandom().randrange(10_000))
JOBS = int(os.environ.get("JOBS") or 80)
BOUND_S = float(os.environ.get("BOUND_S") or 900)


def test_every_mixed_job_ends_right_on_the_engine(engine: str, tmp_path: Path) -> None:
    options = EngineOptions(
        app=copy_app(ROOT, tmp_path / "app"),
        engine=engine,
        state=tmp_path / "state",
        settings=SHORT_TIMEOUTS | SETTINGS,
        gone_s=GONE_S,
        emulator_options=EMULATOR_OPTIONS,
    )
    with EngineStack(options) as stack:
        problems = run_mixed(stack, SEED, JOBS, ("host", "worker"), BOUND_S)
    assert not problems
