"""What became of the jobs of a chaos run, held against what must have become of them."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aci_emulator.admin.client import AdminClient
from acijobs.domain.group import JOB_TAG
from acijobs.rows.packing import pack_row
from acijobs.rows.table import TableRows
from stack.http import NoAnswerError, send

if TYPE_CHECKING:
    from acijobs.domain.row import Row
    from engine_chaos_jobs import Plan
    from engine_chaos_storm import Seen
    from stack.engine_stack import EngineStack

_FAULTS = ("wrong", "lost", "doubled", "orphaned", "hanging", "log")
_END_STATES = frozenset({"Succeeded", "Failed", "Cancelled", "TimedOut"})
_SLACK_S = 1.0
"""A line that was printed so shortly before the log was collected may have missed it."""


@dataclass(kw_only=True)
class Verdict:
    """What is wrong, by job, and some figures.

    Attributes:
        problems: By job id: pairs of a kind and a text.
        figures: Counts: take-overs, logs that say that they are truncated, runs that saw no container.
    """

    problems: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    figures: Counter[str] = field(default_factory=Counter)

    @property
    def summary(self) -> str:
        """The counts in one line."""
        counts = Counter(kind for told in self.problems.values() for kind, _ in told)
        faults = ", ".join(f"{counts[kind]} {kind}" for kind in _FAULTS)
        return f"{faults}; " + ", ".join(f"{n} {name}" for name, n in self.figures.items())


class Judge:
    """Reads what is known of each job: from the API, the row, the emulator."""

    def __init__(self, stack: EngineStack) -> None:
        self._stack = stack
        self._rows = TableRows.from_connection_string(stack.storage)
        admin = AdminClient(stack.admin)
        self._runs: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for run in admin.containers():
            self._runs[run["tags"].get(JOB_TAG, "")].append(run)
        self._left = {group["tags"].get(JOB_TAG, "") for group in admin.groups()}

    def judge(self, jobs: list[Plan], seen: Seen) -> Verdict:
        """Return what is wrong with which job."""
        verdict = Verdict()
        for job in jobs:
            told = verdict.problems[job.id]
            stored = self._rows.read(job.id)
            reply = send("GET", f"{self._stack.base_url}/api/jobs/{job.id}")
            if stored is None or reply.status == 404:
                told.append(("lost", f"row {stored}, GET {reply.status}"))
                continue
            told += self._judge_state(job, stored.row, reply.body)
            told += self._judge_runs(job)
            told += self._judge_log(job, stored.row, reply.body)
            verdict.figures["take-overs"] += stored.row.offer - 1
            verdict.figures["truncated logs"] += reply.body["logState"]["truncated"]
        for lie in seen.lies:
            verdict.problems["answers"].append(("lost", lie))
        verdict.problems = {name: told for name, told in verdict.problems.items() if told}
        return verdict

    def _judge_state(self, job: Plan, row: Row, shown: dict[str, Any]) -> list[tuple[str, str]]:
        if shown["state"] not in _END_STATES or not row.settled:
            text = f"{shown['state']}, cleanUp {shown['cleanUp']}, settled {row.settled}"
            return [("hanging", text)]
        reason = (shown["reason"] or {}).get("code", "")
        found = (shown["state"], shown["exitCode"], reason)
        right = (job.state, job.exit_code, job.reason)
        told = [("wrong", f"{found} instead of {right}")] if found != right else []
        never_asked = job.cancel_after_s is not None and not self._runs[job.id]
        if shown["cleanUp"] not in {"Deleted", *(["NotNeeded"] if never_asked else [])}:
            told.append(("wrong", f"cleanUp {shown['cleanUp']}: {shown['cleanUpDetail']}"))
        return told

    def _judge_runs(self, job: Plan) -> list[tuple[str, str]]:
        runs = self._runs[job.id]
        told = [("orphaned", "its group is left")] if job.id in self._left else []
        if len(runs) > 1 or any(run["creations"] != 1 or run["starts"] > 1 for run in runs):
            told.append(("doubled", json.dumps(runs)))
        if job.ends_itself and [run["starts"] for run in runs] != [1]:
            told.append(("wrong", f"its container did not run: {json.dumps(runs)}"))
        return told

    def _judge_log(self, job: Plan, row: Row, shown: dict[str, Any]) -> list[tuple[str, str]]:
        text = shown["logs"]
        if text is None:
            return [("log", str(shown.get("logsError")))]
        if shown["logState"]["truncated"]:
            return []
        if job.ends_itself:
            return [] if text == job.whole_log else [("log", f"{text!r}")]
        count, least = text.count("\n"), self._least_lines(job, row)
        if job.whole_log.startswith(text) and count >= least:
            return []
        return [("log", f"{count} lines instead of {least} or more: {text[-200:]!r}")]

    def _least_lines(self, job: Plan, row: Row) -> int:
        """Return how many lines were printed before the log was collected for the last time."""
        started = [run["startedAt"] for run in self._runs[job.id] if run["startedAt"]]
        collected_at = row.times.get("collecting")
        if not started or collected_at is None:
            return 0
        ran_s = (collected_at - datetime.fromisoformat(started[0])).total_seconds()
        return job.lines_after(ran_s - _SLACK_S)

    def tell(self, job_id: str) -> str:
        """Return all that is known of a job: its row, what the engine shows, its log lines."""
        stored = self._rows.read(job_id)
        row = "none" if stored is None else pack_row(stored.row)
        url = f"{self._stack.base_url}/runtime/webhooks/durabletask/instances/{job_id}"
        try:
            engine = json.dumps(send("GET", f"{url}?showHistory=true").body)
        except (NoAnswerError, ValueError) as error:
            engine = str(error)
        lines = [
            line
            for log in sorted(self._stack.state.glob("*/worker.log"))
            for line in log.read_text("utf-8", "replace").splitlines()
            if job_id in line
        ]
        runs = json.dumps(self._runs[job_id])
        return "\n".join([f"row: {row}", f"runs: {runs}", f"engine: {engine}", *lines])
