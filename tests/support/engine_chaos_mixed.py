"""A chaos run of mixed jobs: all that a user of batch jobs asks for, and a kill every 20 seconds.

Most have a callback, some to a receiver that fails at first; some have a secret of a key vault that
throttles. There are two scopes and two regions: one scope denies some of its jobs their groups for
good, and each region has no capacity at times.
"""

from __future__ import annotations

import json
import random
import time
from typing import TYPE_CHECKING

from engine_chaos_hooks import Hooks
from engine_chaos_jobs import MIXED, plans
from engine_chaos_outside import ALL_SECRETS, fill_vault, with_outside
from engine_chaos_report import report
from engine_chaos_storm import Storm
from secret_hunt import Hunt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine_chaos_place import Place

GONE_S = 3.0
"""How long a deleted group is still shown."""

_KILL_EVERY_S = 20.0
_JOBS_PER_S = 4.0


def run_mixed(place: Place, seed: int, count: int, kinds: tuple[str, ...], bound_s: float) -> str:
    """Run the jobs while processes are killed until all have ended; return what is wrong, or nothing.

    Args:
        place: Where.
        seed: What all dice follow from.
        count: How many jobs.
        kinds: What may be killed.
        bound_s: How long after the last job was posted all must be settled.
    """
    within_s = count / _JOBS_PER_S
    plain = plans(seed, count, within_s=within_s, prefix=f"m{seed}-", shares=MIXED)
    fill_vault(place)
    with Hooks() as hooks:
        jobs = with_outside(plain, seed, hooks, place.emulator_env["KEY_VAULT_URL"])
        storm = Storm(place, seed, reconciles=True, pause_s=(0, 0))
        kills = _kills(storm, seed, kinds, until_s=within_s + bound_s)
        seen = storm.run(jobs, kills, bound_s)
    seen.messages = hooks.messages
    problems = report(place, f"mixed, seed {seed}, {storm.runs_for_s:.0f} s", jobs, seen)
    hunt = Hunt(ALL_SECRETS)
    hunt.look_into(place.state)
    return "; ".join(filter(None, [problems, *hunt.found]))


def _kills(storm: Storm, seed: int, kinds: tuple[str, ...], *, until_s: float) -> Iterator[str]:
    """Yield whom to kill, every 20 s until all jobs are settled."""
    dice = random.Random(f"{seed}:kills")
    while storm.runs_for_s < until_s:
        due_at = time.monotonic() + _KILL_EVERY_S
        reconcile_at = time.monotonic() + _KILL_EVERY_S / 2
        while time.monotonic() < due_at:
            if storm.is_settled:
                return
            if time.monotonic() > reconcile_at:
                reconcile_at = due_at
                storm.reconcile()
            time.sleep(0.5)
        yield dice.choice(kinds)


def harsh_faults() -> str:
    """Return faults of Microsoft's engine for our own host, each time that it starts."""
    return json.dumps(
        [
            {"fault": "ActivityRedelivered", "function": name, "occurrence": number, "after_s": 4.0}
            for name in (
                "CreateContainerActivity",
                "CheckStatusActivity",
                "DeleteContainerActivity",
            )
            for number in (2, 9)
        ]
        + [
            {"fault": "CustomStatusLost", "occurrence": 3},
            {"fault": "EventDropped", "occurrence": 1},
            {"fault": "TimerEarly", "occurrence": 1},
            {"fault": "FirstEpisodeLost", "occurrence": 4, "later_s": 5.0},
        ]
    )
