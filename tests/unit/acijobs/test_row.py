"""Every transition of a job's row, from every state that allows it and from those that refuse it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from acijobs.domain.attempt import Attempt
from acijobs.domain.candidates import Candidate, Candidates
from acijobs.domain.group import GroupRef, Scope
from acijobs.domain.observation import (
    ContainerEvent,
    ContainerState,
    Observation,
    with_details,
)
from acijobs.domain.outcome import Outcome, Phase
from acijobs.domain.progress import CleanUp, ContainerLog, LogState
from acijobs.domain.reasons import Reason
from acijobs.domain.retry import Again
from acijobs.domain.row import (
    Cancel,
    Row,
    Run,
    asked,
    cancelled,
    claimed,
    cleaned,
    closed,
    created,
    retried,
)
from acijobs.domain.terms import RetryRule, RetryTerms, Terms
from acijobs.domain.told import Told
from acijobs.rows.packing import pack_row, unpack_row

START = datetime(2026, 11, 23, 10, tzinfo=UTC)
SCOPE = Scope(subscription_id="s", resource_group="rg", app="a", store="st")
HERE = (Candidate(scope=SCOPE, location="eastus"),)
MINE = Run(job_id="j", offer=1, execution="x")
TWIN = Run(job_id="j", offer=1, execution="another execution of the same offer")
LATER = Run(job_id="j", offer=2, execution="y")
GROUP = GroupRef(scope=SCOPE, job_id="j", attempt=1, nonce="n1", location="eastus")
SUCCEEDED = Outcome.succeeded()
FAILED = Outcome.failed(Reason.EXIT_CODE, "it exited with 3", exit_code=3)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


ACCEPTED = Row(job_id="j", accepted_at=START)
WITH_CANCEL = replace(ACCEPTED, cancel=Cancel(at=at(1), why="too slow"))
CLAIMED = replace(ACCEPTED, claim=MINE, group=GROUP, asked_at=at(2))
CREATED = replace(CLAIMED, created_at=at(3))
CLOSED_UNASKED = replace(ACCEPTED, outcome=FAILED, closed_at=at(4), settled=True)
CLOSED = replace(CREATED, outcome=SUCCEEDED, closed_at=at(4))
SETTLED = replace(CLOSED, settled=True, clean_up=CleanUp.DELETED)
ENDS = [CLOSED_UNASKED, CLOSED, SETTLED]


def claim(row: Row, run: Run = MINE, where: Candidates = HERE) -> Row | None:
    return claimed(row, run, candidates=where, nonce="n2", now=at(9))


def test_a_job_needs_the_scopes_that_a_group_of_it_may_be_in() -> None:
    """Not those that it has left for good: the operator may delete them, while it owes a callback."""
    other = replace(SCOPE, resource_group="other")
    earlier = Attempt(group=replace(GROUP, scope=other), clean_up=CleanUp.PENDING)
    gone = replace(earlier, clean_up=CleanUp.DELETED)
    assert ACCEPTED.scopes == frozenset()
    assert CLAIMED.scopes == CREATED.scopes == CLOSED.scopes == {SCOPE}
    assert replace(CREATED, attempts=(earlier,)).scopes == {SCOPE, other}
    assert replace(CREATED, attempts=(gone,)).scopes == {SCOPE}
    assert replace(SETTLED, settled=False).scopes == frozenset()


def test_the_first_execution_of_an_offer_claims_the_job_and_fixes_its_group() -> None:
    """The group's name and the ask stand in the row before Azure hears of them."""
    row = claim(ACCEPTED)
    assert row is not None
    assert (row.claim, row.asked_at, row.created_at) == (MINE, at(9), None)
    assert row.group == replace(GROUP, nonce="n2")
    assert row.times == {"creating": at(9)}
    assert row.is_driven_by(MINE)
    assert not row.is_driven_by(TWIN)


@pytest.mark.parametrize("row", [CLAIMED, CREATED])
def test_the_same_execution_that_claims_again_finds_the_row_its_own(row: Row) -> None:
    """A first episode may run again, later and with another nonce: nothing of the row changes."""
    assert claim(row) == row


def test_a_claim_that_could_not_fix_a_group_fixes_it_when_it_is_made_again() -> None:
    """Wrong settings were corrected meanwhile, which restarts the app and delivers the step again."""
    unplaced = claim(ACCEPTED, where=())
    assert unplaced is not None
    assert (unplaced.claim, unplaced.group, unplaced.asked_at) == (MINE, None, None)
    row = claim(unplaced)
    assert row is not None
    assert (row.group is not None, row.asked_at) == (True, at(9))


@pytest.mark.parametrize("row", [CLAIMED, CREATED])
def test_another_execution_with_the_same_offer_is_refused(row: Row) -> None:
    """A restart at Durable's own URL finds its offer used."""
    assert claim(row, TWIN) is None


@pytest.mark.parametrize("offer", [0, 2, -1])
def test_an_offer_that_is_not_the_rows_is_refused(offer: int) -> None:
    """Neither an older one nor one that was never made."""
    assert claim(ACCEPTED, replace(MINE, offer=offer)) is None


@pytest.mark.parametrize("row", [ACCEPTED, CLAIMED, CREATED])
def test_a_newer_offer_supersedes_whoever_drives(row: Row) -> None:
    """The new run adopts the attempt's group, and the old one may do nothing more."""
    offered = replace(row, offer=2)
    assert claim(offered, MINE) is None
    assert asked(offered, MINE, now=at(9)) is None
    assert created(offered, MINE, now=at(9)) is None
    taken = claim(offered, LATER)
    assert taken is not None
    assert taken.claim == LATER
    assert (taken.group or GROUP).attempt == 1
    if row.group is not None:
        assert (taken.group, taken.asked_at, taken.created_at) == (
            row.group,
            row.asked_at,
            row.created_at,
        )


@pytest.mark.parametrize("row", ENDS)
@pytest.mark.parametrize("run", [MINE, TWIN])
def test_a_closed_job_cannot_be_claimed(row: Row, run: Run) -> None:
    """Not even by the run that drove it, nor with a new offer."""
    assert claim(row, run) is None
    assert claim(replace(row, offer=2), LATER) is None


def test_a_job_cancelled_before_its_claim_asks_nothing_of_azure() -> None:
    """The claim stands, so that the run can end the job; there is no group."""
    row = claim(WITH_CANCEL)
    assert row is not None
    assert (row.claim, row.group, row.asked_at) == (MINE, None, None)
    assert claim(row) == row


def test_azure_is_asked_again_by_the_driver_only_and_until_it_accepted() -> None:
    """After `created`, an absence means that the group vanished."""
    again = asked(CLAIMED, MINE, now=at(9))
    assert again == replace(CLAIMED, asked_at=at(9))
    assert asked(CREATED, MINE, now=at(9)) is None
    assert asked(ACCEPTED, MINE, now=at(9)) is None
    assert asked(CLAIMED, TWIN, now=at(9)) is None
    assert asked(replace(CLOSED, created_at=None), MINE, now=at(9)) is None


def test_created_is_noted_once_by_the_driver_of_an_open_job() -> None:
    """The first time stays."""
    assert created(CLAIMED, MINE, now=at(9)) == replace(CLAIMED, created_at=at(9)).at(
        groupCreated=at(9)
    )
    assert created(CREATED, MINE, now=at(9)) == CREATED
    assert created(CLAIMED, TWIN, now=at(9)) is None
    assert created(replace(CLOSED, created_at=None), MINE, now=at(9)) is None


@pytest.mark.parametrize("row", [ACCEPTED, CLAIMED, CREATED])
def test_an_open_job_is_cancelled_once(row: Row) -> None:
    """The first request stays, with its reason in one short and public line."""
    first = cancelled(row, why=f"too\nslow key=s3cret {'x' * 999}", now=at(9))
    assert first is not None
    assert first.cancel is not None
    assert first.cancel.at == at(9)
    assert first.cancel.why.startswith("too slow [hidden] x")
    assert len(first.cancel.why) == 200
    assert cancelled(first, why="again", now=at(10)) is None


@pytest.mark.parametrize("row", ENDS)
def test_a_closed_job_cannot_be_cancelled(row: Row) -> None:
    """It has an outcome already."""
    assert cancelled(row, why="", now=at(9)) is None


@pytest.mark.parametrize("row", [ACCEPTED, WITH_CANCEL, CLAIMED, CREATED])
def test_the_first_to_close_decides_the_outcome(row: Row) -> None:
    """Whoever comes second changes nothing."""
    row_closed = closed(row, FAILED, now=at(9), restarts=2)
    assert row_closed is not None
    assert (row_closed.outcome, row_closed.closed_at, row_closed.restarts) == (FAILED, at(9), 2)
    assert row_closed.is_closed
    assert closed(row_closed, SUCCEEDED, now=at(10)) is None


@pytest.mark.parametrize(
    ("row", "settled", "clean_up"),
    [
        (ACCEPTED, True, CleanUp.NOT_NEEDED),
        (WITH_CANCEL, True, CleanUp.NOT_NEEDED),
        (replace(ACCEPTED, claim=MINE), True, CleanUp.NOT_NEEDED),
        (CLAIMED, False, CleanUp.PENDING),
        (CREATED, False, CleanUp.PENDING),
    ],
)
def test_a_clean_up_is_not_needed_only_where_azure_was_never_asked(
    row: Row, *, settled: bool, clean_up: CleanUp
) -> None:
    """A request that was refused, or whose answer was lost, may have worked."""
    row_closed = closed(row, FAILED, now=at(9))
    assert row_closed is not None
    assert (row_closed.settled, row_closed.progress.clean_up) == (settled, clean_up)


@pytest.mark.parametrize(
    ("clean_up", "settled"),
    [
        (CleanUp.DELETED, True),
        (CleanUp.NOT_OURS, True),
        (CleanUp.FAILED, False),
        (CleanUp.PENDING, False),
    ],
)
def test_a_row_is_settled_once_the_group_is_known_to_be_gone(
    clean_up: CleanUp, *, settled: bool
) -> None:
    """A clean-up that failed stays to be done."""
    row = cleaned(CLOSED, clean_up, now=at(9), detail="a\nb ?sig=s3cret")
    assert row is not None
    assert (row.clean_up, row.settled) == (clean_up, settled)
    assert row.clean_up_detail == "a b [hidden]"
    assert ("deleted" in row.times) is (clean_up is CleanUp.DELETED)
    assert row.outcome == CLOSED.outcome


@pytest.mark.parametrize("row", [ACCEPTED, CLAIMED, CREATED, CLOSED_UNASKED, SETTLED])
def test_only_a_closed_and_unsettled_row_is_cleaned(row: Row) -> None:
    """A settled one stays as it was first settled."""
    assert cleaned(row, CleanUp.FAILED, now=at(9)) is None


def test_a_clean_up_that_failed_may_succeed_later() -> None:
    """Whoever tries again notes it."""
    failed = cleaned(CLOSED, CleanUp.FAILED, now=at(9), detail="busy")
    assert failed is not None
    done = cleaned(failed, CleanUp.DELETED, now=at(10))
    assert done is not None
    assert (done.settled, done.clean_up, done.clean_up_detail) == (True, CleanUp.DELETED, "")


def test_a_row_alone_tells_the_jobs_progress() -> None:
    """What no custom status is needed for: phase, group, timeline, outcome."""
    assert ACCEPTED.progress.phase is Phase.QUEUED
    assert ACCEPTED.progress.times == {"queued": START}
    assert CLAIMED.progress.phase is Phase.CREATING
    assert (CLAIMED.progress.run, CLAIMED.progress.group) == ("x", "job-j-n1")
    assert CLOSED.progress.phase is Phase.SUCCEEDED
    assert CLOSED.progress.times["succeeded"] == at(4)
    settled = cleaned(CLOSED, CleanUp.DELETED, now=at(9))
    assert settled is not None
    assert settled.progress.times["succeeded"] == at(9)


def test_a_point_of_the_timeline_keeps_its_first_time() -> None:
    """A step that is repeated does not move it."""
    assert CLAIMED.at(creating=at(5)).at(creating=at(6), x=at(7)).times == {
        "creating": at(5),
        "x": at(7),
    }


def test_a_job_is_over_at_the_sum_of_its_deadlines() -> None:
    """Provisioning, running and the clean-up: a group that is older may be reaped."""
    row = replace(ACCEPTED, terms=Terms(queue_seconds=5, provision_seconds=10, run_seconds=20))
    assert row.queue_deadline == at(5)
    assert row.provision_deadline == at(15)
    assert row.over_at == at(35) + timedelta(seconds=Terms().clean_up_seconds)


MOST_STATE_CHARS = 10 * 32_000
"""As many as a table keeps of a row."""


@pytest.mark.parametrize("letter", ["x", "\u5b57", "\U0001f680"], ids=["ascii", "cjk", "emoji"])
def test_the_largest_row_fits_into_a_table(letter: str) -> None:
    """One that did not could never be closed, and would end every round of the Reconciler.

    Sixty containers, thirty attempts, all the words that Azure may say, and all that a user may.
    """
    words = (letter * 40 + " ") * 200
    names = tuple(f"{number:02}".ljust(63, "c") for number in range(60))
    seen = Observation(
        containers=tuple(
            ContainerState(name=name, state="Terminated", exit_code=1, detail=words)
            for name in names
        ),
        events=(ContainerEvent(name="Failed", message=words[:300], kind="Warning", first_at=START),)
        * 100,
    )
    outcome = with_details(Outcome.failed(Reason.EXIT_CODE, words, exit_code=1), seen)
    rule = RetryRule(on_exit_codes=(4_294_967_295,) * 255, on_reasons=("ExitCodeMissing",) * 50)
    terms = Terms(retry=RetryTerms(rules=(rule,) * 20), sidecars=names[1:])
    log = LogState(containers=dict.fromkeys(names, ContainerLog(archived_bytes=10**12)))
    times = {f"{name}HasBegunThen": at(1) for name in "abcdefgh"}
    outputs: dict[str, object] = {"o": letter * (16_000 // len(letter.encode()))}
    row = replace(
        CREATED,
        terms=terms,
        labels={f"{number:02}".ljust(63, "n"): letter * 128 for number in range(20)},
    )
    for _ in range(30):
        following = retried(row, Again(), outcome, now=at(9), log=log)
        assert following is not None
        row = replace(following, group=GROUP, asked_at=at(9), created_at=at(9), times=times)
    ended = closed(row, outcome, now=at(10), log=log, told=Told(outputs=outputs))
    assert ended is not None
    assert len(pack_row(ended)) < MOST_STATE_CHARS


@pytest.mark.parametrize("is_elsewhere", [True, False])
def test_an_attempt_remembers_whether_the_next_went_elsewhere(*, is_elsewhere: bool) -> None:
    """Then it used up nothing, and what is stored must say so."""
    again = Again(counts=False, is_elsewhere=is_elsewhere)
    following = retried(CREATED, again, Outcome.failed(Reason.CAPACITY, ""), now=at(9))
    assert following is not None
    stored = unpack_row(following.job_id, pack_row(following), "1").row
    assert [attempt.moved for attempt in stored.attempts] == [is_elsewhere]
