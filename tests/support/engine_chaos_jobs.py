"""The jobs of a chaos run: a mix that follows from a seed, and what must become of each."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine_chaos_hooks import Hook

_FOREVER_S = 1_800
_SLOW_LINES = 360
PLAIN = {"ok": 0.45, "exit": 0.15, "cancel": 0.2, "slow": 0.1, "refused": 0.1}
"""What every engine is tried with: each kind of job and its share."""

MIXED = {
    "ok": 0.18,
    "exit": 0.1,
    "cancel": 0.1,
    "gentle": 0.08,
    "slow": 0.06,
    "silent": 0.06,
    "refused": 0.06,
    "flaky": 0.1,
    "evicted": 0.06,
    "sidecar": 0.08,
    "secret": 0.06,
    "kept": 0.06,
}
"""All that a user of batch jobs asks for."""

SECRETS = {"value": "Zq7!chaos-by-value", "setting": "Zq7!chaos-by-setting"}
"""The secrets of the jobs that have some: one sealed, and one in an app setting."""

SECRET_SETTINGS = {"JobSecret_Chaos": SECRETS["setting"]}
_RETRIES = 3
_KEPT_S = 10
_SHORT_S = 20.0
"""How long a container runs at most whose job has more to do than that."""


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
        preface: What it prints before those, at its start.
        attempts: How many attempts it makes.
        others: All that its other containers print, by their names.
        kept_s: How long its group must stay after its end.
        mishaps: Faults of the emulator that befall its groups.
        refusals: Faults of the emulator that refuse its group where it is first asked for.
        shut_out_of: The resource group that takes none of its groups; empty where each may.
        hook: Whom it calls back; None for nobody.
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
    preface: str = ""
    attempts: int = 1
    others: dict[str, str] = field(default_factory=dict)
    kept_s: float = 0.0
    mishaps: tuple[dict[str, Any], ...] = ()
    refusals: tuple[dict[str, Any], ...] = ()
    shut_out_of: str = ""
    hook: Hook | None = None

    @property
    def ends_itself(self) -> bool:
        """Whether its container ends by itself, so that its whole log is known."""
        return self.exit_code is not None

    @property
    def whole_log(self) -> str:
        """All that its container prints if nobody ends it."""
        return self.preface + _lines(self.lines)

    def lines_after(self, run_s: float) -> int:
        """Return how many lines the container has surely printed when it has run so long."""
        if run_s < 0 or not self.lines:
            return 0
        if not self.run_s:  # all at its start
            return self.lines
        return min(self.lines, int(run_s / (self.run_s / self.lines)) + 1)


def plans(
    seed: int,
    count: int,
    within_s: float,
    prefix: str,
    *,
    shares: dict[str, float] = PLAIN,
    run_s: tuple[float, float] = (5, 40),
) -> list[Plan]:
    """Return so many jobs, posted within this time; each kind has its share.

    Those whose container ends by itself run so long, from the shortest to the longest.
    """
    dice = random.Random(seed)
    kinds = [kind for kind, share in shares.items() for _ in range(round(share * count))]
    kinds = (kinds + ["ok"] * count)[:count]
    dice.shuffle(kinds)
    return [
        _plan(f"{prefix}{number:03}-{kind}", kind, dice, dice.uniform(0, within_s), run_s)
        for number, kind in enumerate(kinds)
    ]


def _plan(
    job_id: str, kind: str, dice: random.Random, at_s: float, lengths_s: tuple[float, float]
) -> Plan:
    if kind == "refused":
        spec = {"id": job_id, "image": "registry.example/no-such-image:1"}
        return Plan(id=job_id, spec=spec, at_s=at_s, state="Failed", reason="ImagePullFailed")
    if kind in {"cancel", "gentle", "slow", "silent"}:
        return _endless(job_id, kind, dice, at_s)
    run_s, lines = round(dice.uniform(*lengths_s), 1), dice.randint(10, 40)
    if kind in {"exit", "flaky"}:
        end = {"state": "Failed", "reason": "NonZeroExitCode", "exit_code": dice.randint(1, 100)}
    else:
        end = {"exit_code": 0}
    if kind == "flaky":
        run_s = run_s / 5  # it runs three times
        end["attempts"] = _RETRIES
        return _scripted(job_id, at_s, run_s, lines, end, retry=_retry(_RETRIES))
    if kind in _ENRICHED:
        return _ENRICHED[kind](job_id, at_s, min(run_s, _SHORT_S), lines, end)
    return _scripted(job_id, at_s, run_s, lines, end)


def _endless(job_id: str, kind: str, dice: random.Random, at_s: float) -> Plan:
    end: dict[str, Any]
    if kind == "silent":
        end = {"state": "TimedOut", "reason": "NoOutput"}
        timeouts = {"timeouts": {"silentSeconds": dice.randint(5, 15)}}
        return _scripted(job_id, at_s, None, 3, end, **timeouts)
    if kind == "slow":
        end = {"state": "TimedOut", "reason": "RunTimeout"}
        timeouts = {"timeouts": {"runSeconds": dice.randint(5, 25)}}
        return _scripted(job_id, at_s, _FOREVER_S, _SLOW_LINES, end, **timeouts)
    end = {"state": "Cancelled", "reason": "Cancelled", "cancel_after_s": dice.uniform(0, 40)}
    grace = {"cancelGraceSeconds": dice.randint(1, 8)} if kind == "gentle" else {}
    return _scripted(job_id, at_s, _FOREVER_S, _SLOW_LINES, end, **grace)


def _evicted(job_id: str, at_s: float, run_s: float, lines: int, end: dict[str, Any]) -> Plan:
    """Return a Spot job whose first group Azure takes away, and whose second ends right."""
    mishap: dict[str, Any] = {
        "kind": "evict",
        "group": f"job-{job_id}-*",
        "times": 1,
        "after_s": 4.0,
    }
    end = end | {"attempts": 2, "mishaps": (mishap,)}
    more: dict[str, Any] = {"priority": "Spot", "retry": _retry(1)}
    run_s = max(run_s, _SHORT_S)
    return _scripted(job_id, at_s, run_s, lines, end, **more)


def _with_others(job_id: str, at_s: float, run_s: float, lines: int, end: dict[str, Any]) -> Plan:
    """Return a job with an init container that ends and a sidecar that does not."""
    before: dict[str, Any] = {
        "name": "before",
        "image": "any",
        "command": ["script", "run_s=1", "lines=4"],
    }
    beside: dict[str, Any] = {
        "name": "beside",
        "image": "any",
        "command": ["script", "run_s=forever", "lines=6"],
    }
    beside |= {"cpu": 0.1, "memoryGb": 0.1}
    end = end | {"others": {"before": _lines(4), "beside": _lines(6)}}
    more = {"initContainers": [before], "sidecars": [beside]}
    return _scripted(job_id, at_s, run_s, lines, end, **more)


def _with_secrets(job_id: str, at_s: float, run_s: float, lines: int, end: dict[str, Any]) -> Plan:
    """Return a job with secrets, of which its container prints the hashes."""
    names = {"BY_SETTING": SECRETS["setting"], "BY_VALUE": SECRETS["value"]}
    told = "".join(
        f"{name} {hashlib.sha256(text.encode()).hexdigest()}\n" for name, text in names.items()
    )
    secrets = {
        "BY_SETTING": {"appSetting": "JobSecret_Chaos"},
        "BY_VALUE": {"value": SECRETS["value"]},
    }
    plan = _scripted(job_id, at_s, run_s, lines, end | {"preface": told}, secrets=secrets)
    plan.spec["command"].append("digest_of=BY_*")
    return plan


def _kept(job_id: str, at_s: float, run_s: float, lines: int, end: dict[str, Any]) -> Plan:
    """Return a job whose group stays for a while after its end."""
    end = end | {"kept_s": float(_KEPT_S)}
    return _scripted(job_id, at_s, run_s, lines, end, keepGroupSeconds=_KEPT_S)


_ENRICHED = {
    "evicted": _evicted,
    "sidecar": _with_others,
    "secret": _with_secrets,
    "kept": _kept,
}


def _retry(attempts: int) -> dict[str, Any]:
    return {"attempts": attempts, "backoffSeconds": 1, "maxBackoffSeconds": 2}


def _lines(count: int) -> str:
    return "".join(f"line {number}\n" for number in range(1, count + 1))


def _scripted(
    job_id: str, at_s: float, run_s: float | None, lines: int, end: dict[str, Any], **more: Any
) -> Plan:
    code = end.get("exit_code") or 0
    told = "forever" if run_s is None else f"{run_s:g}"
    command = ["script", f"run_s={told}", f"exit_code={code}", f"lines={lines}"]
    spec = {"id": job_id, "image": "any", "command": command} | more
    return Plan(id=job_id, spec=spec, at_s=at_s, run_s=run_s or 0.0, lines=lines, **end)
