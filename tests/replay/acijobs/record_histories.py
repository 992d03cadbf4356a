"""Records the golden histories anew: `python tests/replay/acijobs/record_histories.py`.

A changed history means that jobs in flight would break at an upgrade: it needs an ADR (docs/adr/0002).
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
FOLDER = Path(__file__).parent / "histories"
sys.path[:0] = [str(ROOT), str(ROOT / "local"), str(ROOT / "tests" / "support")]

from orchestration_runs import Event, Run, run_job  # noqa: E402 - the path is set above

BUSY = {"kind": "busy", "code": "ServiceUnavailable", "message": "no capacity"}
NEVER = 10**9
SPEC: dict[str, Any] = {
    "image": "alpine:3.20",
    "command": ["echo", "hi"],
    "environment": {"A": "b"},
}


async def main() -> None:
    """Run each scenario and keep the last episode of its job and of its last watch."""
    short = SPEC | {"timeouts": {"runSeconds": 60}}
    cancel = Event(after_s=9, payload={"reason": "not needed"})
    scenarios: dict[str, tuple[dict[str, Any], list[Event], dict[str, Any]]] = {
        "succeeded": (SPEC, [], {}),
        "exit_code_3": (SPEC, [], {"exit_code": 3}),
        "cancelled": (SPEC, [cancel], {"end_after_s": NEVER}),
        "timed_out": (short, [], {"end_after_s": NEVER}),
        "waited_for_capacity": (SPEC, [], {"troubles": {"CreateContainerActivity": [BUSY, BUSY]}}),
        "slow_clean_up": (SPEC, [], {"delete_takes": 2}),
    }
    for name, (spec, events, script) in scenarios.items():
        with tempfile.TemporaryDirectory() as folder:
            keep(name, await run_job(Path(folder), spec, *events, **script))


def keep(name: str, run: Run) -> None:
    """Write the golden files of one scenario."""
    episodes = list(run.functions.last_episodes.values())
    jobs = [e for e in episodes if e.orchestrator == "JobOrchestrator"]
    watches = [e for e in episodes if e.orchestrator == "WatchOrchestrator"]
    for episode in (jobs[-1], watches[-1]):
        text = json.dumps(vars(episode), indent=1)
        (FOLDER / f"{name}.{episode.orchestrator}.json").write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    asyncio.run(main())
