"""One group per attempt, however late, often and at once its creation is asked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from acijobs.domain.codec import encode
from acijobs.domain.errors import BusyError, RefusedError, StorageError
from acijobs.domain.messages import (
    Busy,
    Created,
    CreateRequest,
    DeleteRequest,
    Finished,
    Refused,
    Reply,
    Superseded,
)
from acijobs.domain.outcome import Outcome, Phase
from acijobs.domain.progress import CleanUp
from acijobs.domain.reasons import Reason
from acijobs.domain.retry import Again
from acijobs.domain.row import cancelled, claimed, retried
from acijobs.usecases.answering import answer
from acijobs.usecases.changing import change
from acijobs.usecases.create_group import create_group
from acijobs.usecases.finish_job import End, end_job, finish_job
from acijobs_interleaving import RUN, TWIN, accept, at_call, let_pass
from acijobs_world import HERE, World
from manual_clock import START
from scripted_azure import AfterWork, busy, denied

if TYPE_CHECKING:
    from datetime import datetime

POINTS = ["rows.read", "rows.swap:1", "azure.create", "rows.swap:2"]
"""Before the row is read, before the claim, after it, before the PUT, after it."""

FAILED = Outcome.failed(Reason.INTERNAL, "a defect")


@pytest.fixture
def world() -> World:
    world = World()
    accept(world)
    return world


def create(world: World, run: Any = RUN, refused_ask: datetime | None = None) -> Reply:
    return create_group(world, CreateRequest(run=run, refused_ask=refused_ask))


def close(world: World, outcome: Outcome = FAILED) -> None:
    stored = world.rows().read("j")
    assert stored is not None
    end_job(world, stored, End(outcome=outcome, collects_log=False))


def cancel(world: World) -> None:
    stored = world.rows().read("j")
    assert stored is not None
    change(world.rows(), stored, lambda row: cancelled(row, why="slow", now=START))


def test_a_claimed_job_has_one_group_of_its_own(world: World) -> None:
    """`asked` stands in the row before the PUT, and `created` after it."""
    rows = world.memory_rows
    at_call(world, "azure.create", lambda: seen.append(rows.now_of("j")))
    seen: list[Any] = []
    reply = create(world)
    before, after = seen[0], rows.now_of("j")
    assert isinstance(reply, Created)
    assert (before.claim, before.created_at) == (RUN, None)
    assert before.asked_at is not None
    assert after.created_at is not None
    assert after.group is not None
    assert world.azure.created == [reply.group] == [after.group.name]
    assert after.group.owns(world.azure.tags[reply.group])
    assert (reply.accepted_at, reply.created_at) == (after.accepted_at, after.created_at)
    assert rows.writes["swap"] == 2


@pytest.mark.parametrize(
    ("locations", "asked"), [([], "eastus"), (["northeurope", "eastus"], "northeurope")]
)
def test_a_group_is_asked_for_in_the_jobs_first_location(locations: list[str], asked: str) -> None:
    """In the operator's where the job names none."""
    world = World()
    accept(world, locations=locations)
    assert isinstance(create(world), Created)
    assert list(world.azure.locations.values()) == [asked]


def test_a_job_that_is_not_known_is_superseded() -> None:
    """Its row was deleted, or it never was a job."""
    world = World()
    assert create(world) == Superseded()
    assert not world.azure.calls


@pytest.mark.parametrize("point", POINTS)
def test_a_first_episode_that_runs_again_makes_no_second_group(world: World, point: str) -> None:
    """The same run twice at once, the second at any point of the first."""
    others: list[Reply] = []
    at_call(world, point, lambda: others.append(create(world)))
    reply = create(world)
    assert isinstance(reply, Created)
    assert isinstance(others[0], Created | Busy)
    assert world.azure.created == [reply.group]
    assert create(world) == reply
    assert world.azure.created == [reply.group]


@pytest.mark.parametrize("point", POINTS)
def test_of_two_executions_with_one_offer_one_drives(world: World, point: str) -> None:
    """Whichever claims first; the other does nothing at all."""
    others: list[Reply] = []
    at_call(world, point, lambda: others.append(create(world, TWIN)))
    reply = create(world)
    replies = [reply, *others]
    assert replies.count(Superseded()) == 1
    assert len(world.azure.created) == 1
    winner = RUN if isinstance(reply, Created) else TWIN
    assert world.memory_rows.now_of("j").claim == winner
    assert len(world.azure.alive) == 1


@pytest.mark.parametrize("ends_before", [False, True])
def test_a_restart_finds_its_offer_used(world: World, *, ends_before: bool) -> None:
    """Durable's own restart keeps the input and makes a new execution."""
    create(world)
    if ends_before:
        close(world)
    calls = world.azure.calls.copy()
    assert create(world, TWIN) == Superseded()
    assert world.azure.calls == calls


def test_a_create_that_comes_after_the_end_does_nothing(world: World) -> None:
    """However late it is delivered: no PUT, no deletion, no write."""
    create(world)
    close(world)
    calls, writes = world.azure.calls.copy(), world.memory_rows.writes.copy()
    assert create(world) == Superseded()
    assert (world.azure.calls, world.memory_rows.writes) == (calls, writes)


def test_a_job_that_ended_unclaimed_is_never_created(world: World) -> None:
    """It was cancelled while the engine had not started it."""
    close(world, Outcome.cancelled())
    assert create(world) == Superseded()
    assert not world.azure.calls


@pytest.mark.parametrize("point", ["azure.create", "rows.swap:2"])
def test_a_create_that_finds_the_job_closed_takes_its_group_away(world: World, point: str) -> None:
    """The close came while Azure was being asked; nobody else knows of this group for certain."""
    at_call(world, point, lambda: close(world))
    assert create(world) == Superseded()
    assert world.azure.alive == {}
    assert world.azure.deleted == world.azure.created
    row = world.memory_rows.now_of("j")
    assert (row.outcome, row.created_at) == (FAILED, None)


def test_a_create_that_may_have_worked_takes_its_group_away_from_a_closed_job(world: World) -> None:
    """The next attempt would be superseded at once, and look for nothing."""
    world.azure.troubles["create"] = [AfterWork(error=busy("HTTP 500", is_refused=False))]
    at_call(world, "azure.create", lambda: close(world))
    assert create(world) == Superseded()
    assert world.azure.alive == {}
    assert len(world.azure.created) == 1


def test_a_create_that_is_superseded_leaves_the_group_to_the_newer_run(world: World) -> None:
    """A newer offer drives the same attempt, and adopts its group."""

    def offer_anew() -> None:
        stored = world.memory_rows.read("j")
        assert stored is not None
        world.memory_rows.swap(stored, replace(stored.row, offer=2))

    at_call(world, "rows.swap:2", offer_anew)
    assert create(world) == Superseded()
    newer = replace(RUN, offer=2, execution="z")
    reply = create(world, newer)
    assert isinstance(reply, Created)
    assert world.azure.created == [reply.group]
    assert list(world.azure.alive) == [reply.group]


@pytest.mark.parametrize("point", ["azure.create", "rows.swap:2"])
def test_a_cancel_between_claim_and_created_comes_with_the_reply(world: World, point: str) -> None:
    """The event may be lost; the run sees the request all the same."""
    at_call(world, point, lambda: cancel(world))
    reply = create(world)
    assert isinstance(reply, Created)
    assert reply.cancel is not None
    assert reply.cancel.why == "slow"


@pytest.mark.parametrize("point", ["rows.read", "rows.swap:1"])
def test_a_cancel_before_the_claim_asks_nothing_of_azure(world: World, point: str) -> None:
    """The run has the job, and only its end is left to do."""
    at_call(world, point, lambda: cancel(world))
    reply = create(world)
    assert isinstance(reply, Busy)
    assert reply.cancel is not None
    assert not world.azure.calls
    request = DeleteRequest(run=RUN, outcome=Outcome.cancelled("slow"))
    end = finish_job(world, request)
    assert isinstance(end, Finished)
    assert (end.outcome.phase, end.clean_up) == (Phase.CANCELLED, CleanUp.NOT_NEEDED)
    assert not world.azure.calls


def test_a_group_that_reads_do_not_show_for_half_a_minute_is_adopted(world: World) -> None:
    """The answer was lost, and ARM's replicas answer 404 for a group that exists."""
    world.azure.troubles["create"] = [AfterWork(error=busy(is_refused=False))]
    world.azure.invisible_until = START + timedelta(seconds=30)
    assert isinstance(create(world), Busy)
    for _ in range(5):
        let_pass(world, 5)
        reply = create(world)
        assert isinstance(reply, Busy)
        assert (reply.code, reply.retry_after_s) == ("GroupNotSeen", 5)
        assert reply.refused_ask is None
        assert reply.deadline == world.memory_rows.now_of("j").queue_deadline
    let_pass(world, 6)
    adopted = create(world)
    assert isinstance(adopted, Created)
    assert world.azure.created == [adopted.group]


@pytest.mark.parametrize(
    "error",
    [busy(is_refused=False), busy("HTTP 500", is_refused=False), BusyError("ReadTimeout", "t")],
)
def test_a_create_whose_answer_was_lost_is_adopted(world: World, error: BusyError) -> None:
    """It worked, although it looked failed."""
    world.azure.troubles["create"] = [AfterWork(error=error)]
    first = create(world)
    assert isinstance(first, Busy)
    assert first.refused_ask is None
    assert isinstance(create(world), Created)
    assert len(world.azure.created) == 1


@pytest.mark.parametrize("error", [busy(), busy("TooManyRequests"), busy("ContainerGroupQuota")])
def test_what_azure_surely_did_not_take_is_asked_for_again_at_once(
    world: World, error: BusyError
) -> None:
    """Throttled, out of capacity: 429, 409 and 503 say that nothing was done."""
    world.azure.troubles["create"] = [error]
    first = create(world)
    assert isinstance(first, Busy)
    assert first.refused_ask == world.memory_rows.now_of("j").asked_at
    assert first.deadline is not None
    let_pass(world, 2)
    assert isinstance(create(world, refused_ask=first.refused_ask), Created)
    assert len(world.azure.created) == 1


def test_a_refusal_comes_with_the_ask_that_was_refused(world: World) -> None:
    """Rights that spread may make the same request work in a minute."""
    world.azure.troubles["create"] = [denied()]
    first = create(world)
    assert isinstance(first, Refused)
    assert first.code == "AuthorizationFailed"
    assert isinstance(create(world, refused_ask=first.refused_ask), Created)


def test_what_azure_may_have_taken_is_asked_for_again_after_a_minutes_absence(world: World) -> None:
    """Not before: the group may be there, and not shown yet."""
    world.azure.troubles["create"] = [busy("HTTP 500", is_refused=False)]
    assert isinstance(create(world), Busy)
    let_pass(world, 59)
    assert isinstance(create(world), Busy)
    assert world.azure.calls["create"] == 1
    let_pass(world, 2)
    reply = create(world)
    assert isinstance(reply, Created)
    assert world.azure.created == [reply.group]


def test_a_redelivered_create_with_an_old_refusal_asks_nothing(world: World) -> None:
    """What was refused is not the newest ask, whose group may exist unseen."""
    world.azure.troubles["create"] = [busy(), AfterWork(error=busy(is_refused=False))]
    first = create(world)
    assert isinstance(first, Busy)
    world.azure.invisible_until = START + timedelta(seconds=50)
    for _ in range(3):
        let_pass(world, 2)
        reply = create(world, refused_ask=first.refused_ask)
        assert isinstance(reply, Busy)
    assert len(world.azure.created) == 1


def test_once_created_a_group_is_never_asked_for_again(world: World) -> None:
    """It may have vanished, and a second one would run the job twice."""
    create(world)
    world.azure.vanish()
    let_pass(world, 300)
    assert isinstance(create(world), Created)
    assert len(world.azure.created) == 1


def test_a_read_that_fails_proves_no_absence(world: World) -> None:
    """The group is neither adopted nor asked for; what was refused before stays known."""
    world.azure.troubles["create"] = [busy()]
    first = create(world)
    assert isinstance(first, Busy)
    let_pass(world, 300)
    world.azure.troubles["get"] = [busy("HTTP 502", is_refused=False)]
    reply = create(world, refused_ask=first.refused_ask)
    assert isinstance(reply, Busy)
    assert (reply.code, reply.refused_ask) == ("HTTP 502", first.refused_ask)
    assert world.azure.calls["create"] == 1


def test_a_group_of_the_same_name_that_is_not_the_attempts_is_left_alone(world: World) -> None:
    """Neither adopted nor deleted."""
    world.azure.troubles["create"] = [AfterWork(error=busy(is_refused=False))]
    create(world)
    for tags in world.azure.tags.values():
        tags["acijobs-store"] = "another"
    cancel(world)
    reply = create(world)
    assert isinstance(reply, Refused)
    assert (reply.code, reply.cancel is not None) == ("NameTaken", True)
    assert world.azure.deleted == []


def test_a_cancelled_job_is_not_asked_for_again(world: World) -> None:
    """What is there is adopted and ended; what is not there is not wanted any more."""
    world.azure.troubles["create"] = [busy()]
    first = create(world)
    assert isinstance(first, Busy)
    cancel(world)
    let_pass(world, 90)
    reply = create(world, refused_ask=first.refused_ask)
    assert isinstance(reply, Busy)
    assert reply.cancel is not None
    assert world.azure.calls["create"] == 1


def test_wrong_settings_refuse_the_job_which_can_still_be_ended(world: World) -> None:
    """Nothing was asked of Azure, so nothing is to be cleaned up."""
    world.settings_problem = "Location is missing"
    reply = create(world)
    assert isinstance(reply, Refused)
    assert reply.code == "InvalidSettings"
    assert "Location is missing" in reply.message
    outcome = Outcome.refused(reply.code, reply.message)
    end = finish_job(world, DeleteRequest(run=RUN, outcome=outcome))
    assert isinstance(end, Finished)
    assert (end.outcome.reason, end.clean_up) == ("InvalidSettings", CleanUp.NOT_NEEDED)
    assert world.memory_rows.now_of("j").settled
    assert not world.azure.calls


def test_a_job_that_was_cancelled_under_wrong_settings_is_cancelled(world: World) -> None:
    """The request comes with the refusal."""
    world.settings_problem = "Location is missing"
    cancel(world)
    reply = create(world)
    assert isinstance(reply, Busy)
    assert reply.cancel is not None


def test_settings_that_were_corrected_let_the_same_run_create_its_group(world: World) -> None:
    """The correction restarts the app, and the step whose reply was lost is delivered again."""
    world.settings_problem = "Location is missing"
    create(world)
    world.settings_problem = ""
    assert isinstance(create(world), Created)


def test_settings_changed_since_do_not_move_a_group(world: World) -> None:
    """It is looked for where the row says that it is."""
    world.azure.troubles["create"] = [AfterWork(error=busy(is_refused=False))]
    create(world)
    world.settings_problem = "ResourceGroupName is missing"
    assert isinstance(create(world), Created)


def test_a_store_that_does_not_answer_is_a_busy_reply(world: World) -> None:
    """No error crosses the durable boundary, and nothing is asked of Azure."""
    world.storage_down = True
    request = encode(CreateRequest(run=RUN))
    reply = answer(CreateRequest, request, lambda asked: create_group(world, asked))
    assert (reply["kind"], reply["code"]) == (Busy.kind, "StorageUnavailable")
    assert not world.azure.calls


@pytest.mark.parametrize("works", [True, False])
def test_a_claim_whose_answer_was_lost_is_found_again(world: World, *, works: bool) -> None:
    """The store may have made the change or not; the next attempt finds out."""

    def fail() -> None:
        if works:
            stored = world.memory_rows.read("j")
            assert stored is not None
            assert isinstance(create(world), Created)
        raise StorageError("the connection was lost")

    at_call(world, "rows.swap", fail)
    with pytest.raises(StorageError):
        create(world)
    assert isinstance(create(world), Created)
    assert len(world.azure.created) == 1


def test_a_refused_request_is_told_without_its_credentials(world: World) -> None:
    """A message of Azure's may quote what was sent."""
    world.azure.troubles["create"] = [RefusedError("InvalidRequest", "no\nkey=s3cret allowed")]
    reply = create(world)
    assert isinstance(reply, Refused)
    assert reply.message == "no [hidden] allowed"


def test_a_put_of_an_earlier_attempt_that_comes_late_is_undone(world: World) -> None:
    """It changes nothing of the attempt that followed, and its group is deleted again."""
    again = Again(delay_s=0)

    def next_attempt() -> None:
        for step in (
            lambda row: retried(row, again, Outcome.failed(Reason.CAPACITY, ""), now=START),
            lambda row: claimed(row, RUN, candidates=HERE, nonce="second", now=world.clock.now()),
        ):
            stored = world.memory_rows.read("j")
            assert stored is not None
            assert change(world.memory_rows, stored, step) is not None

    at_call(world, "azure.create", next_attempt)
    assert isinstance(create(world), Superseded)
    row = world.memory_rows.now_of("j")
    assert (row.attempt, row.created_at) == (2, None)
    assert row.group is not None
    assert row.group.nonce == "second"
    assert world.azure.alive == {}
    assert len(world.azure.created) == 1


def test_an_attempt_that_is_not_due_is_not_asked_for(world: World) -> None:
    """A create that comes early, as after a take-over, is told when to come again."""
    stored = world.memory_rows.read("j")
    assert stored is not None
    failed = Outcome.failed(Reason.EXIT_CODE, "")
    assert change(
        world.memory_rows,
        stored,
        lambda row: retried(row, Again(delay_s=60), failed, now=world.clock.now()),
    )
    reply = create(world)
    assert isinstance(reply, Busy)
    assert (reply.code, reply.attempt) == ("NotDue", 2)
    assert reply.retry_after_s == pytest.approx(60, abs=1)
    assert not world.azure.calls
    let_pass(world, 60)
    assert isinstance(create(world), Created)
