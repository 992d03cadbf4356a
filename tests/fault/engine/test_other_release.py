"""Jobs in flight while the app is upgraded, or rolled back, under the same hub.

ENGINE is the command that serves the app. The other release is the one before this, as it was deployed;
and a next one, with one more field of a specification, of a request and of a reply, and one more step
of the orchestrator, which makes the engine fail every execution that it replays.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from engine_app import copy_app, next_release
from engine_chaos_releases import GONE_S, SETTINGS, Change, run_through
from engine_chaos_report import SHORT_TIMEOUTS
from engine_machine import on_second_machine
from releases import previous_release
from stack.engine_stack import EngineOptions, EngineStack

pytestmark = [pytest.mark.fault, pytest.mark.timeout(1_200)]

ROOT = Path(__file__).resolve().parents[3]
RUN_S = (14.0, 22.0)
BESIDE_S = 15.0
BOUND_S = 600.0


@pytest.mark.parametrize("end", ["stopped", "killed", "rolled"])
@pytest.mark.parametrize("way", ["upgrade", "rollback"])
def test_jobs_of_the_previous_release_end_right_under_this_and_the_reverse(
    engine: str, way: str, end: str, tmp_path: Path
) -> None:
    """Right outcomes, one group an attempt, nothing left behind, no line of a log lost.

    The host of the first release is stopped or killed, or both are there for a while.
    """
    releases = [previous_release(tmp_path / "previous"), copy_app(ROOT, tmp_path / "this")]
    first, then = releases if way == "upgrade" else reversed(releases)
    assert not change(engine, tmp_path, f"{way}-{end}", [first, then])


@pytest.mark.parametrize("way", ["next-upgrade", "next-rollback"])
def test_jobs_whose_executions_the_engine_fails_are_taken_over(
    engine: str, way: str, tmp_path: Path
) -> None:
    """Where the steps changed, the Reconciler is the net: the job stays, its execution is another."""
    releases = [copy_app(ROOT, tmp_path / "this"), next_release(ROOT, tmp_path / "next")]
    first, then = releases if way == "next-upgrade" else reversed(releases)
    assert not change(engine, tmp_path, way, [first, then])


def change(engine: str, folder: Path, title: str, apps: list[Path]) -> str:
    options = EngineOptions(
        app=apps[0],
        engine=engine,
        state=folder / "state",
        settings=SHORT_TIMEOUTS | SETTINGS,
        gone_s=GONE_S,
    )
    command = on_second_machine(engine) if title.endswith("rolled") else engine
    with EngineStack(options) as stack:

        def deploy() -> None:
            other = stack.new_engine("other", app=apps[1], command=command)
            if title.endswith("killed"):
                stack.engine.kill("host", "worker")
            elif title.endswith("rolled"):
                other.start()
                time.sleep(BESIDE_S)
            stack.engine.stop()
            if not other.runs:
                other.start()
            stack.engine = other

        chosen = Change(title=title, jobs=24, run_s=RUN_S, bound_s=BOUND_S, least_in_flight=20)
        return run_through(stack, chosen, deploy)
