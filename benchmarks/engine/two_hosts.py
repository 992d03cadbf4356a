"""Measures what lone jobs wait for on two idle hosts of one hub, by `maxQueuePollingInterval`.

    python -m benchmarks.engine.two_hosts --engine='python ../engine/serve.py' --interval 00:00:02

Two machines' names are needed for two owners of partitions, so the second host runs under
`unshare --uts`, which needs the rights to it. Jobs of 20 s go to the hosts in turns, each after a
pause in which the hosts' own pauses between two looks at an empty queue grow to the longest. Printed:

* POST to create: from the POST until Azure was asked for the group.
* container to job: from the container's end until the job's row was closed.
"""

from __future__ import annotations

import argparse
import shlex
import statistics
import tempfile
import time
from datetime import datetime
from pathlib import Path

from aci_emulator.admin.client import AdminClient
from acijobs.rows.table import TableRows
from stack.engine_stack import EngineOptions, EngineStack
from stack.http import send

_ROOT = Path(__file__).resolve().parents[2]
_PROVIDER = "AzureFunctionsJobHost__extensions__durableTask__storageProvider__"
_TIMEOUT_S = 300.0
_RUN_S = 20


def main() -> None:
    """Measure one interval, and print the figures."""
    options = _options()
    settings = {f"{_PROVIDER}maxQueuePollingInterval": options.interval}
    with tempfile.TemporaryDirectory() as state:
        served = EngineOptions(
            app=_ROOT, engine=options.engine, state=Path(state) / "state", settings=settings
        )
        with EngineStack(served) as stack:
            other = stack.new_engine("second", command=_on_another_machine(options.engine))
            other.start()
            urls = [stack.engine.url, other.url]
            waits = []
            for number in range(options.jobs):
                time.sleep(options.idle_s)
                waits.append(_wait_of(stack, urls[number % 2], f"lone-{number}"))
    for name, column in zip(
        ("POST to create", "container to job"), zip(*waits, strict=True), strict=True
    ):
        each = " ".join(f"{wait:.1f}" for wait in column)
        median, most = statistics.median(column), max(column)
        print(f"{options.interval}  {name:17} median {median:.1f} s, most {most:.1f} s   {each}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--engine", required=True)
    parser.add_argument("--interval", default="00:00:30")
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--idle-s", type=float, default=75)
    return parser.parse_args()


def _on_another_machine(command: str) -> str:
    renamed = 'hostname second && exec "$0" "$@"'
    return shlex.join(["unshare", "--uts", "sh", "-c", renamed, *shlex.split(command)])


def _wait_of(stack: EngineStack, url: str, job_id: str) -> tuple[float, float]:
    """Run one job; return how long it waited for its group, and for its end to be seen."""
    command = ["script", f"run_s={_RUN_S}", "exit_code=0", "lines=10"]
    posted_at = time.time()
    reply = send("POST", f"{url}/api/jobs", body={"id": job_id, "image": "any", "command": command})
    assert reply.status == 202, reply.body
    rows = TableRows.from_connection_string(stack.storage)
    give_up_at = time.monotonic() + _TIMEOUT_S
    while (stored := rows.read(job_id)) is None or not stored.row.is_closed:
        assert time.monotonic() < give_up_at, f"{job_id} has not ended"
        time.sleep(0.5)
    rows.close()
    run = AdminClient(stack.admin).containers(f"job-{job_id}-")[0]
    closed_at = stored.row.closed_at
    assert closed_at is not None
    return _at(run["createdAt"]) - posted_at, closed_at.timestamp() - _at(run["finishedAt"])


def _at(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()


if __name__ == "__main__":
    main()
