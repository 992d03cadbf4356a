"""Five chained activities per orchestration on `durabletask` with its in-memory test backend."""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Any

from durabletask import client, worker
from durabletask.testing import create_test_backend

PORT = 0


def add(_: Any, number: int) -> int:
    """Return the next number."""
    return number + 1


def chain(context: Any, _: Any) -> Any:
    """Pass a number through five activities."""
    number = 0
    for _step in range(5):
        number = yield context.call_activity(add, input=number)
    return number


def main(count: int) -> None:
    """Print the rate of `count` orchestrations started at once."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    backend = create_test_backend(port=port)
    address = f"127.0.0.1:{port}"
    with worker.TaskHubGrpcWorker(host_address=address) as running:
        running.add_orchestrator(chain)
        running.add_activity(add)
        running.start()
        hub = client.TaskHubGrpcClient(host_address=address)
        hub.wait_for_orchestration_completion(hub.schedule_new_orchestration(chain), timeout=30)
        began = time.perf_counter()
        ids = [hub.schedule_new_orchestration(chain) for _ in range(count)]
        for instance_id in ids:
            state = hub.wait_for_orchestration_completion(instance_id, timeout=300)
            assert state is not None
            assert state.serialized_output == "5"
        rate = count / (time.perf_counter() - began)
    backend.stop()
    print(json.dumps({"per_s": rate}))


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    main(int(sys.argv[1]))
