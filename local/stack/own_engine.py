"""Serves the app on our own Functions host, by the words of an engine's command.

    python -m stack.own_engine --app DIR --state DIR --port N --storage CONNECTION --hub NAME

So what is written for Microsoft's engine (`make test-engine`, `make fault-engine`, `make bench-engine`)
runs on ours, too. The host is a child, so that it can be killed as the worker of another engine can.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

from stack.child import Child, python_module


def main() -> int:
    """Run the host until it ends or this is told to; return its exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for name in ("app", "state", "port", "storage", "hub"):
        parser.add_argument(f"--{name}", required=True)
    # Settings of an engine that ours has not; a message there is a row of SQLite here.
    parser.add_argument("--set", action="append", help="taken, and without effect")
    chosen = parser.parse_args()
    state = Path(chosen.state).resolve()
    command = python_module(
        "functions_host", chosen.app, "--port", chosen.port, "--state", str(state / chosen.hub)
    )
    environment = dict(os.environ) | {"AzureWebJobsStorage": chosen.storage}
    host = Child("host", command, environment=environment, log=state / "host.log")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        return host.wait()
    finally:
        host.stop()


if __name__ == "__main__":
    sys.exit(main())
