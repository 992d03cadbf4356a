"""Records the golden histories anew, on Microsoft's own Durable engine.

    PYTHONPATH=local python tests/replay/acijobs/record_histories.py 'python ../engine/serve.py'

With names after the command, only these scenarios are recorded. The engine's command must take
`--dump DIR` besides what `benchmarks.engine` says. A changed history means that jobs in flight would
break at an upgrade: it needs an ADR (docs/adr/0002). Before they are recorded anew, those of the last
release go to `earlier`, and must replay, too.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parents[3]
FOLDER = Path(__file__).parent / "histories"
sys.path[:0] = [str(ROOT), str(ROOT / "local"), str(ROOT / "tests" / "support")]

from callback_receivers import OK, Receiver, answer  # noqa: E402 - the path is set above
from stack.engine_stack import EngineOptions, EngineStack  # noqa: E402 - the path is set above
from stack.http import send  # noqa: E402

CREATE = "ContainerGroups_CreateOrUpdate"


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A job, what goes wrong with it, and what is done to it.

    Attributes:
        command: What its container does.
        fields: More fields of its specification.
        faults: Faults of the emulator, for its group.
        cancel_after_s: When it is cancelled, None if it is not.
        by_event: Whether it is cancelled by Durable's own event.
        told: The phases that a receiver is told of, which fails once.
    """

    command: str
    fields: dict[str, Any] = field(default_factory=dict)
    faults: tuple[dict[str, Any], ...] = ()
    cancel_after_s: float | None = None
    by_event: bool = False
    told: tuple[str, ...] = ()


SCENARIOS = {
    "told": Scenario(command="run_s=12 exit_code=0", told=("Running", "Succeeded")),
    "succeeded": Scenario(command="run_s=4 exit_code=0 lines=5"),
    "exit-code-3": Scenario(command="run_s=4 exit_code=3 lines=5"),
    "cancelled": Scenario(command="run_s=600 lines=5", cancel_after_s=6),
    "cancelled-by-event": Scenario(command="run_s=600", cancel_after_s=6, by_event=True),
    "timed-out": Scenario(command="run_s=600", fields={"timeouts": {"runSeconds": 5}}),
    "vanished": Scenario(command="run_s=600", faults=({"kind": "vanish", "after_s": 4},)),
    "refused": Scenario(
        command="run_s=4",
        faults=(
            {
                "kind": "respond",
                "operation": CREATE,
                "status": 400,
                "code": "InaccessibleImage",
                "message": "The image is not accessible.",
            },
        ),
    ),
    "no-capacity": Scenario(
        command="run_s=4",
        fields={"timeouts": {"queueSeconds": 8}},
        faults=({"kind": "capacity"},),
    ),
    "waited-for-capacity": Scenario(command="run_s=4", faults=({"kind": "capacity", "times": 2},)),
    "retried": Scenario(
        command="run_s=3 exit_code=3 lines=3",
        fields={"retry": {"attempts": 2, "backoffSeconds": 2}},
    ),
    "kept": Scenario(command="run_s=3 exit_code=3", fields={"keepGroupSeconds": 5}),
    "ended-gently": Scenario(
        command="run_s=600 lines=5", fields={"cancelGraceSeconds": 20}, cancel_after_s=6
    ),
    "silent": Scenario(command="run_s=600", fields={"timeouts": {"silentSeconds": 5}}),
    "long": Scenario(command="run_s=60 exit_code=0 lines=60"),
    "slow-clean-up": Scenario(
        command="run_s=4",
        faults=(
            {
                "kind": "respond",
                "operation": "ContainerGroups_Delete",
                "status": 409,
                "code": "ContainerGroupTransitioning",
                "times": 2,
            },
        ),
    ),
}


def main() -> None:
    """Run every scenario at once, and keep what the engine gave and got."""
    engine, names = sys.argv[1], sys.argv[2:]
    chosen = {name: SCENARIOS[name] for name in names or SCENARIOS}
    # Running is taken, the end not at once.
    answers = [OK, answer(503), OK]
    with tempfile.TemporaryDirectory() as folder, Receiver(answers=list(answers)) as receiver:
        dump = Path(folder) / "dump"
        command = f"{engine} --dump {dump}"
        key = "whsec_" + "A" * 40
        settings = {"CallbackSecret": key, "CallbackTrustedHosts": "127.0.0.1"}
        state = Path(folder) / "state"
        options = EngineOptions(app=ROOT, engine=command, state=state, settings=settings)
        with EngineStack(options) as side:
            for name, scenario in chosen.items():
                start(side, name, scenario, receiver)
            began_at = time.monotonic()
            waiting = dict(chosen)
            while waiting:
                now_s = time.monotonic() - began_at
                for name, scenario in list(waiting.items()):
                    if follow(side, name, scenario, now_s):
                        del waiting[name]
                time.sleep(1)
        FOLDER.mkdir(exist_ok=True)
        for old in FOLDER.glob("*.json") if not names else ():
            old.unlink()
        for name in chosen:
            keep(dump, name)


def start(side: EngineStack, name: str, scenario: Scenario, receiver: Receiver) -> None:
    """Arm the scenario's faults and post its job."""
    for fault in scenario.faults:
        reply = send("POST", f"{side.admin}/faults", body=fault | {"group": f"job-{name}-*"})
        assert reply.status < 300, reply.body
    spec: dict[str, Any] = {"id": name, "image": "any"}
    spec |= {"command": ["script", *scenario.command.split()]} | scenario.fields
    if scenario.told:
        spec["callback"] = {"url": receiver.url, "phases": list(scenario.told)}
    reply = send("POST", f"{side.base_url}/api/jobs", body=spec)
    assert reply.status == 202, reply.body


def follow(side: EngineStack, name: str, scenario: Scenario, now_s: float) -> bool:
    """Cancel the job when it is time; tell whether its orchestration has ended."""
    url = f"{side.base_url}/runtime/webhooks/durabletask/instances/{name}"
    if scenario.cancel_after_s is not None and now_s >= scenario.cancel_after_s:
        if scenario.by_event:
            send("POST", f"{url}/raiseEvent/Cancel", body={"reason": "not needed"})
        else:
            send("DELETE", f"{side.base_url}/api/jobs/{name}?reason=not+needed")
    return bool(send("GET", url).status == 200)


def keep(dump: Path, name: str) -> None:
    """Write the last episode of the job and of its last watch."""
    instances = {}
    for path in sorted(dump.glob("*.jsonl")):
        instance_id = unquote(path.stem)
        if instance_id == name or instance_id.startswith(f"{name}:"):
            last = json.loads(path.read_text("utf-8").splitlines()[-1])
            instances[instance_id] = {key: last[key] for key in ("name", "context", "answer")}
    assert instances, f"no recording of {name}"
    golden = {"engine": "Microsoft.Azure.WebJobs.Extensions.DurableTask 3.19.0"}
    text = json.dumps(golden | {"instances": instances}, indent=1)
    (FOLDER / f"{name}.json").write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
