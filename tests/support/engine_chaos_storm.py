"""A chaos run on a Durable engine: jobs are posted and cancelled while processes are killed."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aci_emulator.admin.client import AdminClient
from engine_chaos_place import rows_of
from stack.http import NoAnswerError, send

if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Future

    from engine_chaos_hooks import Message
    from engine_chaos_jobs import Plan
    from engine_chaos_place import Place
    from stack.http import Reply

OUTAGE_S = 90.0
_ARM = "Container*"
_VAULT = "Secrets_Get"
_ASK_FOR_S = 420.0
"""How long a client repeats a POST or a DELETE that is not answered, or with a 5xx."""

_RECONCILE_EVERY_S = 20.0


@dataclass(kw_only=True)
class Seen:
    """What the run's clients saw.

    Attributes:
        accepted: Ids of the jobs that were accepted.
        lies: Answers that must never be, as text.
        answers: How often each answer was seen.
        slowest_s: The longest that a GET took while the engine was up.
        faults: What was done, with its time from the start.
        settled_s: From the last fault until every job was settled; None where some never were.
        messages: The callbacks that came, in their order.
    """

    accepted: set[str] = field(default_factory=set)
    lies: list[str] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    faults: list[str] = field(default_factory=list)
    settled_s: float | None = None
    messages: list[Message] = field(default_factory=list)


class Storm:
    """One run.

    Args:
        stack: The app, served.
        seed: Of its dice.
        reconciles: Whether rounds of the Reconciler are asked for, to shorten the wait.
        pause_s: The shortest and the longest time before each fault.
    """

    def __init__(
        self,
        stack: Place,
        seed: int,
        *,
        reconciles: bool,
        pause_s: tuple[float, float] = (3, 12),
    ) -> None:
        self.seen = Seen()
        self._stack = stack
        self._seed = seed
        self._dice = random.Random(f"{seed}:faults")
        self._reconciles = reconciles
        self._pause_s = pause_s
        self._lives: list[Future[None]] = []
        self._began_at = time.monotonic()
        self._is_over = threading.Event()

    def run(self, jobs: list[Plan], faults: Iterable[str], bound_s: float) -> Seen:
        """Run the jobs through the faults; return once all are settled, or the bound is reached."""
        self._let_azure_fail(jobs)
        with ThreadPoolExecutor(len(jobs) + 1) as pool:
            self._began_at = time.monotonic()
            self._lives = [pool.submit(self._live, job) for job in jobs]
            pool.submit(self._visit)
            try:
                for fault in faults:
                    self._pause(*self._pause_s)
                    self._do(fault)
                self._wait_until_settled(bound_s)
            finally:
                self._is_over.set()
            for life in self._lives:
                life.result()
        return self.seen

    @property
    def runs_for_s(self) -> float:
        """Seconds since the first job could be posted."""
        return time.monotonic() - self._began_at

    @property
    def is_settled(self) -> bool:
        """Whether every job has been posted, and nothing is left to do for any."""
        rows = rows_of(self._stack)
        try:
            return all(life.done() for life in self._lives) and not rows.unsettled()
        finally:
            rows.close()

    def _let_azure_fail(self, jobs: list[Plan]) -> None:
        admin = AdminClient(self._stack.admin)
        admin.clear_faults(seed=self._seed)
        for refusal in (refusal for job in jobs for refusal in job.refusals):
            admin.add_fault(
                **refusal
            )  # before all others: who is refused by these is refused by none
        admin.add_fault("respond", operation=_ARM, share=0.05, status=429, retry_after_s=1)
        admin.add_fault("respond", operation=_ARM, share=0.02, status=503)
        admin.add_fault("drop_reply", operation=_ARM, share=0.01)
        # Apart, so that hardly any callback fails twice for them: its next try is a minute away then.
        admin.add_fault("respond", operation=_VAULT, nth=[2, 7, 13, 20], status=429)
        for mishap in (mishap for job in jobs for mishap in job.mishaps):
            admin.add_fault(**mishap)

    # ---- the clients --------------------------------------------------------------------------

    def _live(self, job: Plan) -> None:
        self._is_over.wait(self._began_at + job.at_s - time.monotonic())
        reply = self._ask("POST", "", job.spec)
        if reply is None or reply.status != 202:
            return self._lie("POST", job.id, reply)
        self.seen.accepted.add(job.id)
        if job.cancel_after_s is None:
            return None
        self._is_over.wait(job.cancel_after_s)
        reply = self._ask("DELETE", f"/{job.id}", None)
        return (
            None
            if reply is not None and reply.status in {200, 202}
            else self._lie("DELETE", job.id, reply)
        )

    def _ask(self, method: str, path: str, body: Any) -> Reply | None:
        """Repeat a request until something else than a 5xx answers it."""
        give_up_at = time.monotonic() + _ASK_FOR_S
        while time.monotonic() < give_up_at and not self._is_over.is_set():
            reply = self._send(method, path, body)
            if reply is not None and reply.status < 500:
                return reply
            self._is_over.wait(1)
        return None

    def _visit(self) -> None:
        """Look at accepted jobs all the time: none may ever be said not to be there."""
        dice = random.Random(f"{self._seed}:visitor")
        while not self._is_over.wait(0.5):
            if not self.seen.accepted:
                continue
            job_id = dice.choice(sorted(self.seen.accepted))
            began_at = time.monotonic()
            reply = self._send("GET", f"/{job_id}?tail=0", None)
            if reply is not None:
                self.seen.slowest_s = max(self.seen.slowest_s, time.monotonic() - began_at)
            if reply is not None and reply.status == 404:
                self._lie("GET", job_id, reply)

    def _send(self, method: str, path: str, body: Any) -> Reply | None:
        try:
            reply = send(method, f"{self._stack.base_url}/api/jobs{path}", body=body)
        except (NoAnswerError, ValueError):
            self.seen.answers[f"{method} nobody"] += 1
            return None
        self.seen.answers[f"{method} {reply.status}"] += 1
        return reply

    def _lie(self, method: str, job_id: str, reply: Reply | None) -> None:
        told = "no answer" if reply is None else f"{reply.status} {reply.body}"
        self.seen.lies.append(f"{method} of {job_id}: {told}")

    # ---- the faults ---------------------------------------------------------------------------

    def _do(self, fault: str) -> None:
        self.seen.faults.append(f"{time.monotonic() - self._began_at:.0f} s: {fault}")
        if fault == "storage":
            self._outage()
        elif fault == "held worker":  # what the engine has asked it by then is in hand
            self._stack.engine.suspend_worker()
            self._pause(1, 4)
            self._stack.engine.kill("worker")
        elif fault in {"host", "worker", "both"}:
            self._stack.engine.kill(*(("host", "worker") if fault == "both" else (fault,)))
        self._revive()

    def _outage(self) -> None:
        azurite = self._stack.azurite
        assert azurite is not None, "a storage outage needs a storage of the run's own"
        azurite.stop()
        self._pause(OUTAGE_S, OUTAGE_S)
        azurite.start()

    def _revive(self) -> None:
        if not self._stack.engine.runs:
            self._pause(1, 5)
            self._stack.engine.start()

    def _pause(self, least_s: float, most_s: float) -> None:
        time.sleep(self._dice.uniform(least_s, most_s))

    # ---- the end ------------------------------------------------------------------------------

    def _wait_until_settled(self, bound_s: float) -> None:
        last_at = reconciled_at = time.monotonic()
        while time.monotonic() < last_at + bound_s:
            self._revive()
            if self.is_settled:
                self.seen.settled_s = time.monotonic() - last_at
                break
            if self._reconciles and time.monotonic() > reconciled_at + _RECONCILE_EVERY_S:
                reconciled_at = time.monotonic()
                self.reconcile()
            time.sleep(1)

    def reconcile(self) -> None:
        """Ask for a round of the Reconciler."""
        with suppress(NoAnswerError):
            send("POST", f"{self._stack.base_url}/admin/functions/Reconcile", body={})
