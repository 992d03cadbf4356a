"""Measures this checkout, and another beside it, on Microsoft's own Durable engine.

    make bench-engine ENGINE='python ../engine/serve.py' [BESIDE=../other] [OPTIONS='--rounds 3']

ENGINE serves an app on a Durable engine. It is run with this Python first in PATH, gets
`--app DIR --state DIR --port N --storage CONNECTION --hub NAME` appended, takes the app's settings
from its environment, and answers `/admin/host/status`, the app's routes and Durable's management
API. Without it nothing is measured.

Each round serves each side anew, one after the other: engine, hub, ACI emulator and Azurite (the one
of ACIJOBS_AZURITE when that is set, which then keeps the hubs). 150 short jobs warm it up; then 100
jobs of 20 s are started at once, or, with `--lone N`, N jobs one after another. Once a container can
have ended, one request a second lists all jobs (four a second list a lone one), which is when an end
counts as seen.

The figures, each the median over the rounds:

* end seen late: from the container's end to the end of the poll that showed the job's end.
* CPU s: of the engine's host and worker and of Azurite, from the first POST to the last end seen.
* control messages, work items, storage requests: counted in Azurite's log, polls of this benchmark
  included in the last.
* messages in histories: of five jobs and their children. What a generation received before it
  continued as new has left no history, so control messages may be more.

Both sides run on this checkout's Python environment and emulator. Nothing is gated.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.engine.load import Figures, Load, measure
from benchmarks.engine.side import Side
from stack.child import ChildError
from stack.engine_stack import EngineOptions
from stack.local_stack import StackError

_ROOT = Path(__file__).resolve().parents[2]
_STATE = _ROOT / ".local" / "bench-engine"


def main() -> None:
    """Measure every side in turns, and print the figures."""
    options = _options()
    if not options.engine.strip():
        print("not measured: ENGINE names no command that serves an app on a Durable engine")
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    load = Load(
        warm=options.warm,
        jobs=options.lone or options.jobs,
        run_s=options.run_s,
        lone=options.lone > 0,
        timeout_s=options.timeout_s,
    )
    apps = [_ROOT, *([options.beside.resolve()] if options.beside else [])]
    _STATE.mkdir(parents=True, exist_ok=True)
    # Kept when something goes wrong: the logs tell what.
    state = Path(tempfile.mkdtemp(dir=_STATE))
    try:
        rounds = _measure(apps, options, load, state)
    except (ChildError, StackError) as error:
        sys.exit(f"{error}\nsee the logs in {state}")
    shutil.rmtree(state)
    for app in apps:
        _show(_title(app), load, rounds[app])
    if options.beside:
        _show_ratios(*(_medians(rounds[app]) for app in apps))


def _measure(
    apps: list[Path], options: argparse.Namespace, load: Load, state: Path
) -> dict[Path, list[Figures]]:
    storage = os.environ.get("ACIJOBS_AZURITE") or None
    rounds: dict[Path, list[Figures]] = {app: [] for app in apps}
    for number in range(1, options.rounds + 1):
        for app in apps:
            print(f"round {number}: {_title(app)}", flush=True)
            folder = state / f"{number}-{apps.index(app)}"
            served = EngineOptions(app=app, engine=options.engine, state=folder, storage=storage)
            with Side(served) as side:
                rounds[app].append(measure(side, load))
    return rounds


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.engine",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--engine", default="", help="the command; empty to measure nothing")
    parser.add_argument("--beside", type=_checkout, help="another checkout to measure as well")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=100, help="jobs at once (100)")
    parser.add_argument("--lone", type=int, default=0, metavar="N", help="N jobs in turn instead")
    parser.add_argument("--warm", type=int, default=150, help="short jobs before (150)")
    parser.add_argument("--run-s", type=float, default=20.0, help="how long a job runs (20)")
    parser.add_argument(
        "--timeout-s", type=float, default=600.0, help="wait so long for ends (600)"
    )
    return parser.parse_args()


def _checkout(text: str) -> Path | None:
    if not text:
        return None
    path = Path(text)
    if not (path / "host.json").is_file():
        raise argparse.ArgumentTypeError(f"{path} holds no function app")
    return path


def _title(app: Path) -> str:
    command = ["git", "-C", str(app), "describe", "--always", "--dirty", "--exclude=*"]
    commit = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return f"{app.name} at {commit or 'no commit'}"


def _medians(rounds: list[Figures]) -> Figures:
    return {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}


def _show(title: str, load: Load, rounds: list[Figures]) -> None:
    order = "one after another" if load.lone else "at once"
    print(f"\n{title}: {load.jobs} jobs of {load.run_s:g} s {order}, warmed by {load.warm}")
    print(f"  {'':30}{'median':>9}   each round")
    for name, median in _medians(rounds).items():
        each = "".join(f"{figures[name]:9.3f}" for figures in rounds)
        print(f"  {name:30}{median:9.3f}{each}")


def _show_ratios(ours: Figures, beside: Figures) -> None:
    print("\nthis checkout / the one beside")
    for name, figure in ours.items():
        ratio = f"{figure / beside[name]:.2f}" if beside[name] else "-"
        print(f"  {name:30}{ratio:>9}")


if __name__ == "__main__":
    main()
