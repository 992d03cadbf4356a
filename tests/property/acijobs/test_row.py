"""Whatever runs do to a row, in whatever order and however late, the row stays one job's home."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from acijobs.domain.callback.state import Delivery
from acijobs.domain.calling_back import called_back
from acijobs.domain.candidates import Candidate
from acijobs.domain.codec import decode, encode
from acijobs.domain.group import Scope
from acijobs.domain.outcome import Outcome
from acijobs.domain.progress import CleanUp
from acijobs.domain.reasons import Reason
from acijobs.domain.row import Row, Run, asked, cancelled, claimed, cleaned, closed, created
from acijobs.domain.terms import Terms

if TYPE_CHECKING:
    from collections.abc import Callable

START = datetime(2026, 11, 23, 10, tzinfo=UTC)
SCOPE = Scope(subscription_id="s", resource_group="rg", app="a", store="st")
HERE = (Candidate(scope=SCOPE, location="eastus"),)
EXECUTIONS = ["x", "y", "z"]
OUTCOMES = [
    Outcome.succeeded(),
    Outcome.failed(Reason.EXIT_CODE, "3", exit_code=3),
    Outcome.cancelled("why"),
]


@dataclass(frozen=True, kw_only=True)
class Read:
    """What a run has read, and may act on much later."""

    row: Row
    version: int


RUNS = st.builds(
    Run, job_id=st.just("j"), offer=st.integers(0, 4), execution=st.sampled_from(EXECUTIONS)
)


class _RowIsAHome(RuleBasedStateMachine):
    """Several runs, each with its own copy of the row, however old: only swaps change the row."""

    def __init__(self) -> None:
        super().__init__()
        terms = Terms(callback_phases=("Succeeded", "Failed"))
        self.row = Row(job_id="j", accepted_at=START, terms=terms)
        self.version = 0
        self.read: dict[Run, Read] = {}
        self.seconds = 0
        self.nonces = 0
        self.outcome: Outcome | None = None
        self.group_name = ""
        self.drivers: dict[int, Run] = {}
        self.was_created = False

    def now(self) -> datetime:
        self.seconds += 1
        return START + timedelta(seconds=self.seconds)

    def swap(self, run: Run, transition: Callable[[Row], Row | None]) -> Row | None:
        """Make a transition of what the run has read, if the row is still that."""
        seen = self.read.get(run) or Read(row=self.row, version=self.version)
        changed = transition(seen.row)
        if changed is None or seen.version != self.version:
            return None
        self.row, self.version = changed, self.version + 1
        self.read[run] = Read(row=changed, version=self.version)
        return changed

    @rule(run=RUNS)
    def read_the_row(self, run: Run) -> None:
        self.read[run] = Read(row=self.row, version=self.version)

    @rule(run=RUNS, knows_where=st.booleans())
    def claim(self, run: Run, *, knows_where: bool) -> None:
        self.nonces += 1
        nonce, now = f"n{self.nonces}", self.now()
        where = HERE if knows_where else ()
        before = self.row
        changed = self.swap(
            run, lambda row: claimed(row, run, candidates=where, nonce=nonce, now=now)
        )
        if changed is None:
            return
        assert self.drivers.setdefault(run.offer, run) == run, "two runs claimed one offer"
        if changed.asked_at != before.asked_at:
            self.put()

    @rule(run=RUNS)
    def ask_again(self, run: Run) -> None:
        now = self.now()
        if self.swap(run, lambda row: asked(row, run, now=now)) is not None:
            assert self.drivers[run.offer] == run, "asked by a run that does not drive"
            self.put()

    def put(self) -> None:
        """A swap that permits a PUT has just been made."""
        assert self.outcome is None, "a PUT after the close"
        assert not self.was_created, "a PUT after the group was created"

    @rule(run=RUNS)
    def note_created(self, run: Run) -> None:
        now = self.now()
        if self.swap(run, lambda row: created(row, run, now=now)) is not None:
            assert self.outcome is None
            assert self.drivers[run.offer] == run
            self.was_created = True

    @rule(run=RUNS, why=st.text(max_size=9))
    def cancel(self, run: Run, why: str) -> None:
        now = self.now()
        before = self.row.cancel
        if self.swap(run, lambda row: cancelled(row, why=why, now=now)) is not None:
            assert before is None
            assert self.outcome is None

    @rule(run=RUNS)
    def offer_anew(self, run: Run) -> None:
        """As a reconciler does to an open job whose driver is lost."""
        if not self.row.is_closed:
            self.swap(run, lambda row: None if row.is_closed else replace(row, offer=row.offer + 1))

    @rule(run=RUNS, outcome=st.sampled_from(OUTCOMES))
    def close(self, run: Run, outcome: Outcome) -> None:
        now = self.now()
        if self.swap(run, lambda row: closed(row, outcome, now=now)) is not None:
            assert self.outcome is None, "closed twice"
            self.outcome = outcome

    @rule(run=RUNS, clean_up=st.sampled_from(CleanUp))
    def clean(self, run: Run, clean_up: CleanUp) -> None:
        now = self.now()
        before = self.row
        if self.swap(run, lambda row: cleaned(row, clean_up, now=now)) is not None:
            assert not before.settled

    @rule(run=RUNS, status=st.sampled_from([200, 410, 500]))
    def call_back(self, run: Run, status: int) -> None:
        now = self.now()
        before = self.row
        delivery = Delivery(status=status)
        if self.swap(run, lambda row: called_back(row, delivery, now=now)) is not None:
            assert before.owes_callback
            assert self.row.callback.tries == before.callback.tries + 1

    @invariant()
    def a_row_is_settled_when_its_group_is_gone_and_nobody_waits_to_be_told(self) -> None:
        assert self.row.settled is (self.row.is_clean and not self.row.owes_callback)

    @invariant()
    def a_closed_row_stays_closed_with_its_outcome(self) -> None:
        assert self.row.outcome == self.outcome

    @invariant()
    def at_most_one_run_drives(self) -> None:
        drivers = [
            run
            for offer in range(6)
            for execution in EXECUTIONS
            if self.row.is_driven_by(run := Run(job_id="j", offer=offer, execution=execution))
        ]
        assert len(drivers) <= 1

    @invariant()
    def the_group_never_changes(self) -> None:
        if self.row.group is not None:
            self.group_name = self.group_name or self.row.group.name
            assert self.row.group.name == self.group_name
        else:
            assert not self.group_name

    @invariant()
    def what_was_created_stays_created_and_was_asked_for(self) -> None:
        assert (self.row.created_at is not None) is self.was_created
        if self.row.asked_at is not None:
            assert self.row.group is not None

    @invariant()
    def only_a_closed_row_is_settled(self) -> None:
        if self.row.settled:
            assert self.row.is_closed
        if self.row.progress.clean_up is CleanUp.NOT_NEEDED and self.row.clean_up is not (
            CleanUp.NOT_NEEDED
        ):
            assert self.row.asked_at is None

    @invariant()
    def the_row_survives_its_store(self) -> None:
        assert decode(Row, json.loads(json.dumps(encode(self.row)))) == self.row


TestRowIsAHome = _RowIsAHome.TestCase
TestRowIsAHome.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
