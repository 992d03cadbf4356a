r"""Measures how soon jobs go on after a kill, or an outage of the storage, by visibility timeout.

    python -m benchmarks.engine.recovery --engine='python ../engine/serve.py' --control 00:02:00 \
        --work 00:01:00 --fault host

Jobs of 30 s are started at once. After 15 s the fault: `host` or `worker` is killed and started again
at once, `storage` is stopped for 90 s, or as told. Printed: how long after the fault, or after its
container's end where that came later, each job's row was closed, and how many jobs the Reconciler took
over, whose rounds come each minute by its timer.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

from aci_emulator.admin.client import AdminClient
from acijobs.domain.group import JOB_TAG
from acijobs.rows.table import TableRows
from stack.engine_stack import EngineOptions, EngineStack
from stack.http import send

_ROOT = Path(__file__).resolve().parents[2]
_PROVIDER = "AzureFunctionsJobHost__extensions__durableTask__storageProvider__"
_RUN_S = 30
_FAULT_AFTER_S = 15.0
_TIMEOUT_S = 900.0


def main() -> None:
    """Measure one fault under one choice of timeouts, and print the figures."""
    options = _options()
    settings = {
        f"{_PROVIDER}controlQueueVisibilityTimeout": options.control,
        f"{_PROVIDER}workItemQueueVisibilityTimeout": options.work,
        f"{_PROVIDER}maxQueuePollingInterval": "00:00:02",
    }
    with tempfile.TemporaryDirectory() as state:
        served = EngineOptions(
            app=_ROOT, engine=options.engine, state=Path(state) / "state", settings=settings
        )
        with EngineStack(served) as stack:
            ids = [f"lost-{number:03}" for number in range(options.jobs)]
            _post(stack, ids)
            time.sleep(_FAULT_AFTER_S)
            over_at = _do(stack, options.fault, options.outage_s)
            waits, taken_over = _wait(stack, ids, over_at)
    done = sorted(wait for wait in waits if wait is not None)
    late = sum(wait > 10 for wait in done)
    told = f"median {statistics.median(done):.0f} s, most {done[-1]:.0f} s" if done else "none"
    title = (
        f"{options.fault} ({options.outage_s:g} s) control {options.control} work {options.work}"
    )
    print(f"{title}: closed {len(done)} of {len(ids)}, {told}, {late} later than 10 s", end="")
    print(f", {taken_over} taken over")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--engine", required=True)
    parser.add_argument("--control", default="00:05:00")
    parser.add_argument("--work", default="00:05:00")
    parser.add_argument("--fault", choices=("host", "worker", "storage"), default="host")
    parser.add_argument("--outage-s", type=float, default=90)
    parser.add_argument("--jobs", type=int, default=40)
    return parser.parse_args()


def _post(stack: EngineStack, ids: list[str]) -> None:
    def post(job_id: str) -> None:
        command = ["script", f"run_s={_RUN_S}", "exit_code=0", "lines=10"]
        job = {"id": job_id, "image": "any", "command": command}
        assert send("POST", f"{stack.base_url}/api/jobs", body=job).status == 202

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(post, ids))


def _do(stack: EngineStack, fault: str, outage_s: float) -> float:
    """Let it happen; return when the engine served again."""
    if fault == "storage":
        assert stack.azurite is not None
        stack.azurite.stop()
        time.sleep(outage_s)
        stack.azurite.start()
        if not stack.engine.runs:
            print("the engine had ended during the outage")
            stack.engine.start()
    else:
        stack.engine.kill(fault)
        stack.engine.start()
    return time.time()


def _wait(stack: EngineStack, ids: list[str], over_at: float) -> tuple[list[float | None], int]:
    rows = TableRows.from_connection_string(stack.storage)
    give_up_at = time.monotonic() + _TIMEOUT_S
    while rows.unsettled() and time.monotonic() < give_up_at:
        time.sleep(2)
    ends = {
        run["tags"][JOB_TAG]: datetime.fromisoformat(run["finishedAt"]).timestamp()
        for run in AdminClient(stack.admin).containers()
        if run["finishedAt"]
    }
    waits: list[float | None] = []
    taken_over = 0
    for job_id in ids:
        stored = rows.read(job_id)
        assert stored is not None
        taken_over += stored.row.offer - 1
        closed_at = stored.row.closed_at
        since = max(over_at, ends.get(job_id, 0.0))
        waits.append(None if closed_at is None else closed_at.timestamp() - since)
    return waits, taken_over


if __name__ == "__main__":
    main()
