"""Twenty jobs in flight while the app is upgraded, or rolled back, under the same hub.

The other release has one more field of a specification, of a request and of a reply, and one more step
of the orchestrator, which makes the engine fail every execution that it replays.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine_app import copy_app, next_release
from engine_chaos_jobs import plans
from engine_chaos_report import SHORT_TIMEOUTS, report
from engine_chaos_storm import Storm
from stack.engine_stack import EngineOptions, EngineStack

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.fault, pytest.mark.timeout(1_200)]

ROOT = Path(__file__).resolve().parents[3]
JOBS = 20
POSTED_WITHIN_S = 5.0
IN_FLIGHT_S = 10.0
BOUND_S = 600.0


@pytest.mark.parametrize("way", ["upgrade", "rollback"])
def test_jobs_in_flight_end_right_under_another_release(
    engine: str, way: str, tmp_path: Path
) -> None:
    releases = [copy_app(ROOT, tmp_path / "this"), next_release(ROOT, tmp_path / "next")]
    first, then = releases if way == "upgrade" else reversed(releases)
    jobs = plans(9, JOBS, within_s=POSTED_WITHIN_S, prefix=f"{way}-")
    options = EngineOptions(
        app=first, engine=engine, state=tmp_path / "state", settings=SHORT_TIMEOUTS
    )
    with EngineStack(options) as stack:
        storm = Storm(stack, 9, reconciles=True)

        def deploy() -> Iterator[str]:
            time.sleep(POSTED_WITHIN_S + IN_FLIGHT_S)
            stack.engine.stop()
            stack.engine = stack.new_engine("other", app=then)
            yield way

        seen = storm.run(jobs, deploy(), BOUND_S)
        problems = report(stack, way, jobs, seen)
    assert not problems
