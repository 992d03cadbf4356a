"""Jobs on two hosts of one hub, one of which is killed, and then the other stopped for a while."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine_app import copy_app
from engine_chaos_jobs import plans
from engine_chaos_report import SHORT_TIMEOUTS, report
from engine_chaos_storm import Storm
from engine_machine import on_second_machine
from stack.engine_stack import EngineOptions, EngineStack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stack.engine import Engine

pytestmark = [pytest.mark.fault, pytest.mark.timeout(2_400)]

ROOT = Path(__file__).resolve().parents[3]
SEED = int(os.environ.get("SEED") or 1)
JOBS = int(os.environ.get("JOBS") or 80)
POSTED_WITHIN_S = 60.0
BOUND_S = 900.0


def test_one_host_killed_and_the_other_stopped(engine: str, tmp_path: Path) -> None:
    on_second = on_second_machine(engine)
    jobs = plans(SEED, JOBS, within_s=POSTED_WITHIN_S, prefix=f"two{SEED}-")
    options = EngineOptions(
        app=copy_app(ROOT, tmp_path / "app"),
        engine=engine,
        state=tmp_path / "state",
        settings=SHORT_TIMEOUTS,
    )
    with EngineStack(options) as stack:
        second = stack.new_engine("second", command=on_second)
        second.start()
        storm = Storm(stack, SEED, reconciles=True)
        seen = storm.run(jobs, happens(stack.engine, second), BOUND_S)
        problems = report(stack, f"two hosts, seed {SEED}", jobs, seen)
    assert not problems


def happens(first: Engine, second: Engine) -> Iterator[str]:
    """Kill the second host, which comes back half a minute later; then stop the first for as long."""
    time.sleep(20)
    second.kill("host", "worker")
    yield "second killed"
    time.sleep(30)
    second.start()
    yield "second back"
    time.sleep(10)
    first.stop()
    time.sleep(30)
    yield "first stopped for 30 s"
