"""The jobs of a chaos run: a mix that follows from a seed, and what must become of each."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

_FOREVER_S = 1_800
_SLOW_LINES = 360
_SHARES = {"ok": 0.45, "exit": 0.15, "cancel": 0.2, "slow": 0.1, "refused": 0.1}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One job, and its right end.

    Attributes:
        id: Its id.
        spec: What is posted.
        at_s: When it is posted, in seconds from the start.
        cancel_after_s: How long after it was accepted it is cancelled; None for never.
        state: The right state.
        exit_code: The right exit code.
        reason: The right reason's code; empty for none.
        run_s: How long its container runs if nobody ends it; 0 for one that cannot start.
        lines: How many lines that prints, evenly.
    """

    id: str
    spec: dict[str, Any]
    at_s: float
    cancel_after_s: float | None = None
    state: str = "Succeeded"
    exit_code: int | None = None
    reason: str = ""
    run_s: float = 0.0
    lines: int = 0

    @property
    def ends_itself(self) -> bool:
        """Whether its container ends by itself, so that its whole log is known."""
        return self.exit_code is not None

    @property
    def whole_log(self) -> str:
        """All that its container prints if nobody ends it."""
        return "".join(f"line {number}\n" for number in range(1, self.lines + 1))

    def lines_after(self, run_s: float) -> int:
        """Return how many lines the container has surely printed when it has run so long."""
        if run_s < 0 or not self.lines:
            return 0
        return min(self.lines, int(run_s / (self.run_s / self.lines)) + 1)


def plans(seed: int, count: int, within_s: float, prefix: str) -> list[Plan]:
    """Return so many jobs, posted within this time; each kind has its share."""
    dice = random.Random(seed)
    kinds = [kind for kind, share in _SHARES.items() for _ in range(round(share * count))]
    kinds = (kinds + ["ok"] * count)[:count]
    dice.shuffle(kinds)
    return [
        _plan(f"{prefix}{number:03}-{kind}", kind, dice, dice.uniform(0, within_s))
        for number, kind in enumerate(kinds)
    ]


def _plan(job_id: str, kind: str, dice: random.Random, at_s: float) -> Plan:
    if kind == "refused":
        spec = {"id": job_id, "image": "registry.example/no-such-image:1"}
        return Plan(id=job_id, spec=spec, at_s=at_s, state="Failed", reason="ImagePullFailed")
    if kind in {"ok", "exit"}:
        run_s, lines = round(dice.uniform(5, 40), 1), dice.randint(10, 40)
        code = dice.randint(1, 100) if kind == "exit" else 0
        end = {"exit_code": code} | (
            {"state": "Failed", "reason": "NonZeroExitCode"} if code else {}
        )
        return _scripted(job_id, at_s, run_s, lines, end)
    if kind == "slow":
        end = {"state": "TimedOut", "reason": "RunTimeout"}
        timeouts = {"timeouts": {"runSeconds": dice.randint(5, 25)}}
        return _scripted(job_id, at_s, _FOREVER_S, _SLOW_LINES, end, **timeouts)
    end = {"state": "Cancelled", "reason": "Cancelled", "cancel_after_s": dice.uniform(0, 40)}
    return _scripted(job_id, at_s, _FOREVER_S, _SLOW_LINES, end)


def _scripted(
    job_id: str, at_s: float, run_s: float, lines: int, end: dict[str, Any], **more: Any
) -> Plan:
    code = end.get("exit_code") or 0
    command = ["script", f"run_s={run_s:g}", f"exit_code={code}", f"lines={lines}"]
    spec = {"id": job_id, "image": "any", "command": command} | more
    return Plan(id=job_id, spec=spec, at_s=at_s, run_s=run_s, lines=lines, **end)
