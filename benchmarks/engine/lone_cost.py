"""Counts what lone jobs cost in storage and at Azure, beyond what an idle app costs anyway.

    python -m benchmarks.engine.lone_cost --engine='python ../engine/serve.py' --write

An Azurite of its own logs each request. First nothing runs for a while, which gives the idle rate; then
jobs of each length run one after another, and what their time would have cost idle is taken off. Nobody
asks the app about them meanwhile: the emulator tells when a job's group is gone. With `--write` the
figures replace `lone-cost.json`, which docs/concepts/backends.md is made from.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aci_emulator.admin.client import AdminClient
from stack.azurite import ACCOUNT
from stack.engine_stack import EngineOptions, EngineStack
from stack.http import send

_ROOT = Path(__file__).resolve().parents[2]
FIGURES = Path(__file__).with_name("lone-cost.json")
EXTENSION = "Microsoft.Azure.WebJobs.Extensions.DurableTask 3.19.0"

_REQUEST = re.compile(rf'"(?P<method>[A-Z]+) /{ACCOUNT}/(?P<path>[^ ?"]*)')
_OTHER_ACTIVITIES = 2
"""A job's activities besides its polls: the one that creates and the one that ends."""

_SETTLE_S = 10.0
_TIMEOUT_S = 300.0


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What was spent since the start.

    Attributes:
        at_s: When it was read.
        storage: Requests to storage, by kind.
        arm: Requests to Azure Resource Manager, by operation.
    """

    at_s: float
    storage: Counter[str]
    arm: Counter[str]


def main() -> None:
    """Measure, print, and write if asked to."""
    options = _options()
    with tempfile.TemporaryDirectory() as state:
        served = EngineOptions(app=_ROOT, engine=options.engine, state=Path(state) / "state")
        with EngineStack(served) as stack:
            figures = _measure(stack, options)
    text = json.dumps(figures, indent=1, sort_keys=True)
    print(text)
    if options.write:
        FIGURES.write_text(text + "\n", "utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--engine", required=True)
    parser.add_argument("--idle-s", type=float, default=60)
    parser.add_argument("--short", type=int, default=3, help="jobs of 20 s (3)")
    parser.add_argument("--long-s", type=int, default=100, help="length of the long job (100)")
    parser.add_argument("--write", action="store_true", help="replace lone-cost.json")
    return parser.parse_args()


def _measure(stack: EngineStack, options: argparse.Namespace) -> dict[str, Any]:
    _run(stack, "warm", 1)
    began = _spent(stack)
    time.sleep(options.idle_s)
    idle = _rate(began, _spent(stack))
    short = [_job(stack, f"short-{number}", 20, idle) for number in range(options.short)]
    return {
        "extension": EXTENSION,
        "at": datetime.now(UTC).date().isoformat(),
        "idleStorageRequestsPerHour": round(sum(idle.values()) * 3600),
        "short": {"seconds": 20, "jobs": short},
        "long": {
            "seconds": options.long_s,
            "jobs": [_job(stack, "long", options.long_s, idle)],
        },
    }


def _job(stack: EngineStack, job_id: str, run_s: int, idle: dict[str, float]) -> dict[str, Any]:
    before = _spent(stack)
    _run(stack, job_id, run_s)
    after = _spent(stack)
    lasted_s = after.at_s - before.at_s
    storage = after.storage - before.storage
    kinds = {kind: storage[kind] - idle.get(kind, 0.0) * lasted_s for kind in storage | idle}
    arm = after.arm - before.arm
    polls = storage["workItems"] - _OTHER_ACTIVITIES
    return {
        "storage": {kind: round(count, 1) for kind, count in kinds.items()},
        "storageRequests": round(sum(kinds.values()), 1),
        "arm": dict(arm),
        "polls": polls,
        "readsAtEnd": arm["ContainerGroups_Get"] - polls,
    }


def _run(stack: EngineStack, job_id: str, run_s: int) -> None:
    """Run a job to the end of its group, and let the engine come to rest."""
    command = ["script", f"run_s={run_s}", "exit_code=0", "lines=10"]
    body = {"id": job_id, "image": "any", "command": command}
    admin, before = AdminClient(stack.admin), AdminClient(stack.admin).groups_created()
    reply = send("POST", f"{stack.base_url}/api/jobs", body=body)
    assert reply.status == 202, reply.body
    give_up_at = time.monotonic() + _TIMEOUT_S
    while admin.groups_created() == before or admin.groups():
        assert time.monotonic() < give_up_at, f"{job_id} has not ended"
        time.sleep(0.5)
    time.sleep(_SETTLE_S)


def _spent(stack: EngineStack) -> Spent:
    assert stack.azurite is not None, "the storage must be its own, so that nobody else counts"
    storage: Counter[str] = Counter()
    for request in _REQUEST.finditer(stack.azurite.log):
        storage[_kind(stack.hub, request["method"], request["path"])] += 1
    told = send("GET", f"{stack.admin}/requests").body["operations"]
    return Spent(at_s=time.monotonic(), storage=storage, arm=Counter(told))


def _kind(hub: str, method: str, path: str) -> str:
    """Return what a request is about."""
    is_enqueued = method == "POST" and path.endswith("/messages")
    if is_enqueued and path.startswith(f"{hub}-control-"):
        return "controlMessages"
    if is_enqueued and path.startswith(f"{hub}-workitems"):
        return "workItems"
    if path.startswith((f"{hub}-control-", f"{hub}-workitems")):
        return "otherQueueRequests"
    if path.startswith("acijobs-logs"):
        return "logBlobs"
    if path.startswith(("acijobs(", "acijobs", "Tables")):
        return "rows"
    # A batch is on the engine's histories: rows are written one by one.
    is_table = path.startswith((f"{hub}History", f"{hub}Instances", "$batch"))
    return "engineTables" if is_table else "blobs"


def _rate(before: Spent, after: Spent) -> dict[str, float]:
    lasted_s = after.at_s - before.at_s
    counted = after.storage - before.storage
    return {kind: count / lasted_s for kind, count in counted.items()}


if __name__ == "__main__":
    main()
