"""Ten 20-second jobs on acijobs, and ten on a plain SDK loop, on one emulator in one run.

Prints for each the lateness (from the container's end until a terminal `statusQueryGetUri`, or until
the loop knew, logs fetched and group gone in both) and the ARM requests per job.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random

from benchmarks.jobs.plain_loop import run_container
from stack import job_story
from stack.http import send
from stack.local_stack import LocalStack, StackOptions

_APP = Path(__file__).resolve().parents[2]
_COMMAND = ["/bin/sh", "-c", "for i in 1 2 3 4 5 6 7 8 9 10; do echo $i; sleep 2; done"]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """What one job cost: seconds late, and requests to ARM."""

    lateness_s: float
    requests: int


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=10)
    jobs = parser.parse_args().jobs
    with tempfile.TemporaryDirectory() as state:
        options = StackOptions(app=_APP, state=Path(state), runtime="process")
        with LocalStack(options) as stack:
            ours, peers = _measure(stack, jobs)
    _show("acijobs", ours)
    _show("plain SDK loop, every 5 s", peers)
    ratio = _median(peers) / _median(ours)
    print(f"lateness of the plain loop / of acijobs: {ratio:.2f}")


def _measure(stack: LocalStack, jobs: int) -> tuple[list[Figure], list[Figure]]:
    env = stack.emulator_env
    os.environ.update(env)
    # Starts are spread, so that no poller is in step with the containers it watches.
    spread = Random(7)
    starts = [spread.uniform(0, 5) for _ in range(jobs)]
    with ThreadPoolExecutor(2 * jobs) as pool:
        ours = [pool.submit(_job, stack, delay_s) for delay_s in starts]
        peers = [pool.submit(_loop, stack, i, delay_s) for i, delay_s in enumerate(starts)]
        return [f.result() for f in ours], [f.result() for f in peers]


def _job(stack: LocalStack, delay_s: float) -> Figure:
    time.sleep(delay_s)
    story = job_story.start(stack, {"image": "alpine", "command": _COMMAND})
    job_story.follow(stack, story, lambda _: None, timeout_s=120)
    assert story.lateness_s is not None
    assert story.lines == [str(i) for i in range(1, 11)], story.lines
    return Figure(lateness_s=story.lateness_s, requests=_requests(stack, story.status["group"]))


def _loop(stack: LocalStack, number: int, delay_s: float) -> Figure:
    time.sleep(delay_s)
    name = f"peer-{number}"
    lateness_s = run_container(stack.emulator_env, name, _COMMAND)
    return Figure(lateness_s=lateness_s, requests=_requests(stack, name))


def _requests(stack: LocalStack, group: str) -> int:
    admin = stack.emulator_env["ACI_EMULATOR_ADMIN"]
    return int(send("GET", f"{admin}/requests?group={group}").body["total"])


def _median(figures: list[Figure]) -> float:
    return statistics.median(figure.lateness_s for figure in figures)


def _show(name: str, figures: list[Figure]) -> None:
    lateness = sorted(figure.lateness_s for figure in figures)
    requests = sorted(figure.requests for figure in figures)
    print(
        f"{name:28} lateness s: median {_median(figures):.2f}, "
        f"min {lateness[0]:.2f}, max {lateness[-1]:.2f}; "
        f"ARM requests: median {statistics.median(requests)}, max {requests[-1]}"
    )


if __name__ == "__main__":
    main()
