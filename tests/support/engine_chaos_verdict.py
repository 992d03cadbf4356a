"""What became of the jobs of a chaos run, held against what must have become of them."""

from __future__ import annotations

import json
import urllib.request
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aci_emulator.admin.client import AdminClient
from acijobs.domain.group import JOB_TAG, MAIN_CONTAINER
from acijobs.rows.packing import pack_row
from engine_chaos_hooks import untold
from engine_chaos_place import rows_of
from stack.http import NoAnswerError, send

if TYPE_CHECKING:
    from acijobs.domain.row import Row
    from engine_chaos_jobs import Plan
    from engine_chaos_place import Place
    from engine_chaos_storm import Seen

_FAULTS = ("wrong", "lost", "doubled", "orphaned", "hanging", "log", "untold")
_END_STATES = frozenset({"Succeeded", "Failed", "Cancelled", "TimedOut"})
_SLACK_S = 1.0
"""A line that was printed so shortly before the log was collected may have missed it."""


@dataclass(kw_only=True)
class Verdict:
    """What is wrong, by job, and some figures.

    Attributes:
        problems: By job id: pairs of a kind and a text.
        figures: Counts: groups, jobs refused at first, take-overs, logs that say that they are
            truncated, callbacks, and how many of those were repetitions.
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

    def __init__(self, stack: Place) -> None:
        self._stack = stack
        self._rows = rows_of(stack)
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
            told += self._judge_other_logs(job)
            told += self._judge_place(job, reply.body)
            told += untold(job, seen.messages, reply.body["callback"])
            verdict.figures["groups"] += len({run["group"] for run in self._runs[job.id]})
            verdict.figures["refused at first"] += bool(job.refusals)
            verdict.figures["take-overs"] += stored.row.offer - 1
            verdict.figures["truncated logs"] += reply.body["logState"]["truncated"]
        verdict.figures["callbacks"] = len(seen.messages)
        verdict.figures["repeated"] = len(seen.messages) - len({one.id for one in seen.messages})
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
        if len(shown["attempts"]) != self._attempts(job):
            told.append(("wrong", f"attempts: {json.dumps(shown['attempts'])}"))
        never_asked = job.cancel_after_s is not None and not self._runs[job.id]
        if shown["cleanUp"] not in {"Deleted", *(["NotNeeded"] if never_asked else [])}:
            told.append(("wrong", f"cleanUp {shown['cleanUp']}: {shown['cleanUpDetail']}"))
        return told

    def _judge_runs(self, job: Plan) -> list[tuple[str, str]]:
        runs = self._runs[job.id]
        groups = {run["group"] for run in runs}
        told = [("orphaned", "its group is left")] if job.id in self._left else []
        most_starts = 2 if job.mishaps else 1  # who takes a group away brings it back
        is_doubled = any(run["creations"] != 1 or run["starts"] > most_starts for run in runs)
        if len(groups) > job.attempts or is_doubled:
            told.append(("doubled", json.dumps(runs)))
        started = [run for run in runs if run["container"] == MAIN_CONTAINER and run["starts"]]
        if job.ends_itself and len(started) != self._attempts(job):
            told.append(("wrong", f"{len(started)} of {self._attempts(job)} attempts ran"))
        return told + self._judge_keeping(job)

    def _judge_keeping(self, job: Plan) -> list[tuple[str, str]]:
        """Tell if a group was not kept for as long as it was to be."""
        for run in self._runs[job.id] if job.kept_s else []:
            if run["finishedAt"] and run["deletedAt"]:
                ended_at, gone_at = (
                    datetime.fromisoformat(run[name]) for name in ("finishedAt", "deletedAt")
                )
                if (gone_at - ended_at).total_seconds() < job.kept_s:
                    return [("wrong", f"kept from {ended_at} to {gone_at} only")]
        return []

    def _judge_place(self, job: Plan, shown: dict[str, Any]) -> list[tuple[str, str]]:
        """Tell if a group was where none of the job's may be, or not where the job shows it."""
        runs = self._runs[job.id]
        told = [
            ("wrong", f"a group in {job.shut_out_of}, which had refused it")
            for run in runs
            if run["resourceGroup"] == job.shut_out_of
        ]
        found = {run["group"]: run["location"] for run in runs}
        for attempt in shown["attempts"]:
            where = found.get(attempt["group"])
            # Release 0.1.0 kept no location of a job that names none.
            if where is not None and attempt["location"] not in {where, None}:
                told.append(("wrong", f"in {where}, and shown in {attempt['location']}"))
        return told

    def _judge_other_logs(self, job: Plan) -> list[tuple[str, str]]:
        """Judge the logs of earlier attempts, and of containers beside the main one."""
        last = self._attempts(job)
        wanted = {(number, MAIN_CONTAINER): job.whole_log for number in range(1, last)}
        wanted |= {(last, name): text for name, text in job.others.items()}
        told = []
        for (number, name), text in wanted.items():
            url = f"{self._stack.base_url}/api/jobs/{job.id}/logs"
            with urllib.request.urlopen(f"{url}?attempt={number}&container={name}") as answer:
                found = answer.read().decode()
                is_cut = answer.headers["X-Log-Truncated"] == "true"
            is_right = text.startswith(found) if job.mishaps else found == text
            if not is_cut and not is_right:
                told.append(("log", f"attempt {number}, {name}: {found!r} instead of {text!r}"))
        return told

    def _judge_log(self, job: Plan, row: Row, shown: dict[str, Any]) -> list[tuple[str, str]]:
        text = shown["logs"]
        if text is None:
            return [("log", str(shown.get("logsError")))]
        if shown["logState"]["truncated"]:  # none of these logs is as large as what Azure keeps
            return [] if job.mishaps else [("log", "said to be truncated")]
        if job.ends_itself:
            return [] if text == job.whole_log else [("log", f"{text!r}")]
        count, least = text.count("\n"), self._least_lines(job, row)
        if job.whole_log.startswith(text) and count >= least:
            return []
        return [("log", f"{count} lines instead of {least} or more: {text[-200:]!r}")]

    def _least_lines(self, job: Plan, row: Row) -> int:
        """Return how many lines were printed before the log was collected for the last time."""
        started = [
            run
            for run in self._runs[job.id]
            if run["container"] == MAIN_CONTAINER and run["startedAt"]
        ]
        collected_at = row.times.get("collecting")
        if not started or collected_at is None:
            return 0
        ended_at = started[-1]["finishedAt"]  # one that is asked to stop may end earlier
        if ended_at:
            collected_at = min(collected_at, datetime.fromisoformat(ended_at))
        started_at = datetime.fromisoformat(started[-1]["startedAt"])
        return job.lines_after((collected_at - started_at).total_seconds() - _SLACK_S)

    def _attempts(self, job: Plan) -> int:
        """Return how many attempts are right.

        One more follows an eviction that is seen. One that nobody saw, because nothing of the app ran
        from before it until the group was back, is followed by none: Azure tells of no eviction later.
        """
        runs, stored = self._runs[job.id], self._rows.read(job.id)
        if not job.mishaps or len(runs) != 1 or runs[0]["starts"] == 1 or stored is None:
            return job.attempts
        seen_at = stored.row.times.get("containerStarted")
        began_at = datetime.fromisoformat(runs[0]["startedAt"])
        is_first_unseen = seen_at is not None and abs((began_at - seen_at).total_seconds()) < 1
        return 1 if is_first_unseen else job.attempts

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
