"""A job ends once: its log collected, its row closed, its group deleted and seen gone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from acijobs.domain.codec import encode
from acijobs.domain.errors import BusyError, StorageError
from acijobs.domain.messages import (
    LOG_NOT_READ,
    Busy,
    Created,
    CreateRequest,
    DeleteRequest,
    Deleting,
    Finished,
    Reply,
    Retrying,
    Superseded,
)
from acijobs.domain.outcome import Outcome, Phase
from acijobs.domain.progress import CleanUp, LogState
from acijobs.domain.reasons import Reason
from acijobs.usecases.answering import answer
from acijobs.usecases.create_group import create_group
from acijobs.usecases.finish_job import End, end_job, finish_job
from acijobs_interleaving import RUN, TWIN, accept, at_call, let_pass
from acijobs_world import World
from manual_clock import START
from scripted_azure import AfterWork, busy, denied

FAILED = Outcome.failed(Reason.EXIT_CODE, "it exited with 3", exit_code=3, has_ended=True)
POINTS = [
    *("rows.read", "azure.read_log", "rows.swap:1", "azure.delete", "azure.get", "rows.swap:2"),
]
"""Before the row is read, the log, the close, the deletion, the look after it, the settling."""


@pytest.fixture
def world() -> World:
    """Return a world in which the job's container has just ended with 0."""
    world = World()
    accept(world)
    create_group(world, CreateRequest(run=RUN))
    let_pass(world, 26)
    return world


def finish(world: World, outcome: Outcome | None = None, **asked: Any) -> Reply:
    known: dict[str, Any] = {"run": RUN, "outcome": outcome or Outcome.succeeded()}
    return finish_job(world, DeleteRequest(**known | asked))


def end_elsewhere(world: World, outcome: Outcome, **known: Any) -> Reply:
    """End the job as others do that do not drive it, like DELETE."""
    stored = world.rows().read("j")
    assert stored is not None
    return end_job(world, stored, End(outcome=outcome, **known))


def test_a_job_ends_with_its_log_its_outcome_and_no_group(world: World) -> None:
    """In one step where nothing is refused: three requests, two writes."""
    calls, writes = world.azure.calls.copy(), world.memory_rows.writes.copy()
    reply = finish(world, times={"containerStarted": START})
    row = world.memory_rows.now_of("j")
    assert isinstance(reply, Finished)
    assert (reply.outcome, reply.clean_up) == (Outcome.succeeded(), CleanUp.DELETED)
    assert (row.outcome, row.clean_up, row.settled) == (reply.outcome, reply.clean_up, True)
    assert world.azure.alive == {}
    assert world.azure.calls - calls == {"read_log": 1, "delete": 1, "get": 1}
    assert world.memory_rows.writes - writes == {"swap": 2}
    assert (reply.log.complete, reply.log.truncated) == (True, False)
    (log,) = world.memory_logs.logs.values()
    assert log.count(b"\n") == 22
    assert {
        "creating",
        "groupCreated",
        "containerStarted",
        "collecting",
        "cleaning",
        "deleted",
    } == set(row.times)


def test_the_log_is_collected_before_the_row_is_closed_and_the_group_deleted(world: World) -> None:
    """Azure keeps no log of a group that is gone."""
    order: list[str] = []
    at_call(world, "azure.read_log", lambda: order.append("log"))
    at_call(world, "rows.swap", lambda: order.append("close"))
    at_call(world, "azure.delete", lambda: order.append("delete"))
    finish(world)
    assert order == ["log", "close", "delete"]


def test_finishing_twice_is_finishing_once(world: World) -> None:
    """The second finds all done, and says the same."""
    first = finish(world)
    calls, writes = world.azure.calls.copy(), world.memory_rows.writes.copy()
    assert finish(world, FAILED) == first
    assert (world.azure.calls, world.memory_rows.writes) == (calls, writes)


@pytest.mark.parametrize("point", POINTS)
def test_finishing_at_once_is_finishing_once(world: World, point: str) -> None:
    """A redelivered step, at any point of the first one: both say how the row ended."""
    others: list[Reply] = []
    at_call(world, point, lambda: others.append(finish(world)))
    reply = finish(world)
    row = world.memory_rows.now_of("j")
    assert row.settled
    for finished in (reply, *others):
        assert isinstance(finished, Finished)
        assert (finished.outcome, finished.clean_up) == (row.outcome, CleanUp.DELETED)
    (log,) = world.memory_logs.logs.values()
    assert log.count(b"\n") == 22


@pytest.mark.parametrize(
    "run", [TWIN, replace(RUN, offer=2), replace(RUN, offer=0), replace(RUN, job_id="other")]
)
def test_another_runs_finish_is_superseded_and_deletes_nothing(world: World, run: Any) -> None:
    """Not even where it has the group's name."""
    calls = world.azure.calls.copy()
    assert finish(world, run=run) == Superseded()
    assert world.azure.calls == calls
    assert not world.memory_rows.now_of("j").is_closed


@pytest.mark.parametrize("point", ["rows.read", "azure.read_log", "rows.swap:1"])
def test_a_run_that_loses_the_close_adopts_the_rows_outcome(world: World, point: str) -> None:
    """The first to decide has decided; the clean-up goes on."""
    at_call(world, point, lambda: end_elsewhere(world, FAILED, collects_log=False))
    reply = finish(world)
    assert isinstance(reply, Finished)
    assert reply.outcome == FAILED == world.memory_rows.now_of("j").outcome


@pytest.mark.parametrize("trouble", [busy("HTTP 502", is_refused=False), denied()])
@pytest.mark.parametrize("where", ["azure", "archive", "settings"])
def test_a_log_that_cannot_be_read_leaves_all_as_it_was(
    world: World, trouble: Exception, where: str
) -> None:
    """The run asks for it again for a while, and the group must live that long."""
    if where == "azure":
        world.azure.troubles["read_log"] = [trouble]
    elif where == "archive":
        world.memory_logs.troubles = [StorageError("down")]
    else:
        world.logs_problem = "LogArchiveUrl is missing"
    writes = world.memory_rows.writes.copy()
    reply = finish(world)
    assert isinstance(reply, Busy)
    assert reply.code == LOG_NOT_READ
    assert world.azure.calls["delete"] == 0
    assert world.memory_rows.writes == writes
    world.logs_problem = ""
    again = finish(world)
    assert isinstance(again, Finished)
    assert again.log.complete


def test_a_log_that_was_given_up_does_not_hold_the_end_up(world: World) -> None:
    """What the run knows of it is kept in the row."""
    known = LogState(archived_bytes=7, truncated=True, trouble="Denied: no right")
    reply = finish(world, collects_log=False, log=known)
    assert isinstance(reply, Finished)
    assert reply.log == known == world.memory_rows.now_of("j").log
    assert world.azure.calls["read_log"] == 0


def test_the_log_of_a_container_that_was_restarted_may_have_lost_lines(world: World) -> None:
    """Each start begins it anew."""
    reply = finish(world, restarts=2)
    assert isinstance(reply, Finished)
    assert reply.log.truncated
    assert world.memory_rows.now_of("j").restarts == 2


def test_a_cancel_that_comes_after_the_container_ended_changes_nothing() -> None:
    """Its exit code decides, whoever asked for the end meanwhile."""
    for script, phase, exit_code in (
        ({"exit_code": 3}, Phase.FAILED, 3),
        ({"exit_code": 0}, Phase.SUCCEEDED, 0),
        ({"exit_code": None}, Phase.CANCELLED, None),
        ({"end_after_s": 99}, Phase.CANCELLED, None),
    ):
        world = World(script=script)
        accept(world)
        create_group(world, CreateRequest(run=RUN))
        let_pass(world, 26)
        reply = finish(world, Outcome.cancelled("too slow"))
        assert isinstance(reply, Finished)
        assert (reply.outcome.phase, reply.outcome.exit_code) == (phase, exit_code)


def test_a_cancel_is_not_held_up_by_an_azure_that_does_not_answer(world: World) -> None:
    """The look is a kindness, not a condition."""
    world.azure.troubles["get"] = [busy()]
    reply = finish(world, Outcome.cancelled())
    assert isinstance(reply, Finished)
    assert reply.outcome.phase is Phase.CANCELLED


def test_a_deletion_that_azure_has_not_finished_is_not_thought_done(world: World) -> None:
    """`Deleted` is said of a group that was asked to go and is gone."""
    world.azure.delete_takes = 2
    for _ in range(2):
        reply = finish(world)
        assert isinstance(reply, Deleting)
        assert reply.outcome == Outcome.succeeded()
        assert not world.memory_rows.now_of("j").settled
    last = finish(world)
    assert isinstance(last, Finished)
    assert last.clean_up is CleanUp.DELETED


@pytest.mark.parametrize("method", ["delete", "get"])
def test_a_clean_up_that_is_busy_goes_on_where_it_was(world: World, method: str) -> None:
    """The row is closed by then: the outcome is safe."""
    world.azure.troubles[method] = [busy("HTTP 500", is_refused=False)]
    with pytest.raises(BusyError):
        finish(world)
    row = world.memory_rows.now_of("j")
    assert (row.outcome, row.settled) == (Outcome.succeeded(), False)
    assert row.progress.clean_up is CleanUp.PENDING
    reply = finish(world)
    assert isinstance(reply, Finished)
    assert reply.clean_up is CleanUp.DELETED


def test_a_deletion_whose_answer_was_lost_is_done(world: World) -> None:
    """The next attempt finds the group gone."""
    world.azure.troubles["delete"] = [AfterWork(error=busy(is_refused=False))]
    with pytest.raises(BusyError):
        finish(world)
    reply = finish(world)
    assert isinstance(reply, Finished)
    assert reply.clean_up is CleanUp.DELETED


def test_a_clean_up_that_fails_in_the_end_is_noted_and_never_changes_the_outcome(
    world: World,
) -> None:
    """The row stays unsettled, so that somebody comes back to it."""
    world.azure.troubles["delete"] = [denied()]
    reply = finish(world, gives_up=True)
    row = world.memory_rows.now_of("j")
    assert isinstance(reply, Finished)
    assert (reply.outcome, reply.clean_up) == (Outcome.succeeded(), CleanUp.FAILED)
    assert "no right" in reply.clean_up_detail
    assert not row.settled
    later = end_elsewhere(world, FAILED)
    assert isinstance(later, Finished)
    assert (later.outcome, later.clean_up) == (Outcome.succeeded(), CleanUp.DELETED)


def test_a_group_that_will_not_go_is_noted_in_the_end(world: World) -> None:
    """It may cost money, and that is said."""
    world.azure.delete_takes = 5
    finish(world)
    reply = finish(world, gives_up=True)
    assert isinstance(reply, Finished)
    assert (reply.clean_up, reply.clean_up_detail) == (
        CleanUp.FAILED,
        "Azure still shows the group",
    )


def test_a_group_that_may_exist_is_deleted_though_azure_never_answered(world: World) -> None:
    """Asked for and not known to be created: its log is not looked for, the group is."""
    world = World()
    accept(world)
    world.azure.troubles["create"] = [AfterWork(error=busy("HTTP 500", is_refused=False))]
    create_group(world, CreateRequest(run=RUN))
    assert len(world.azure.alive) == 1
    reply = finish(world, Outcome.timed_out(Reason.PROVISION_TIMEOUT, "too late"))
    assert isinstance(reply, Finished)
    assert reply.clean_up is CleanUp.DELETED
    assert world.azure.alive == {}


def test_a_job_that_nobody_claimed_is_ended_without_azure() -> None:
    """It was cancelled while the engine had not started it."""
    world = World()
    accept(world)
    reply = end_elsewhere(world, Outcome.cancelled())
    assert isinstance(reply, Finished)
    assert reply.clean_up is CleanUp.NOT_NEEDED
    assert world.memory_rows.now_of("j").settled
    assert not world.azure.calls


def test_a_clean_up_that_is_refused_crosses_to_the_orchestration_as_data(world: World) -> None:
    """Exception types do not."""
    world.azure.troubles["delete"] = [busy("TooManyRequests", retry_after_s=7)]
    request = encode(DeleteRequest(run=RUN, outcome=Outcome.succeeded()))
    reply = answer(DeleteRequest, request, lambda asked: finish_job(world, asked))
    assert (reply["kind"], reply["code"]) == (Busy.kind, "TooManyRequests")
    assert reply["retryAfterS"] == 7


def test_a_row_that_others_change_again_and_again_is_busy(world: World) -> None:
    """Eight swaps lost in a row are a reason to come back later, not to loop for ever."""

    def touch() -> None:
        found = world.memory_rows.rows["j"]
        world.memory_rows.rows["j"] = (found[0], found[1] + 1)

    world.memory_rows.before["swap"] = touch
    with pytest.raises(BusyError, match="RowContended"):
        finish(world)
    assert not world.memory_rows.now_of("j").is_closed
    assert world.azure.calls["delete"] == 0


@pytest.mark.parametrize("point", ["azure.read_log", "rows.swap:1"])
def test_the_end_of_an_attempt_that_is_delivered_twice_at_once_ends_one_attempt(point: str) -> None:
    """The slower of the two does not end the next attempt, whose container runs by then."""
    world = World()
    accept(world, retry={"attempts": 3, "backoffSeconds": 0})
    create_group(world, CreateRequest(run=RUN))
    let_pass(world, 26)

    def end_and_begin_the_next() -> None:
        assert isinstance(finish(world, FAILED), Retrying)
        assert isinstance(create_group(world, CreateRequest(run=RUN)), Created)

    at_call(world, point, end_and_begin_the_next)
    reply = finish(world, FAILED)
    row = world.memory_rows.now_of("j")
    assert isinstance(reply, Retrying)
    assert (reply.attempt, row.attempt, row.is_closed) == (2, 2, False)
    assert row.group is not None
    assert list(world.azure.alive) == [row.group.name]


@pytest.mark.parametrize("ends", [FAILED, Outcome.timed_out(Reason.RUN_TIMEOUT, "too long")])
def test_an_end_that_was_judged_by_an_earlier_attempt_is_overtaken(ends: Outcome) -> None:
    """The Reconciler has read the row before, and acts after the next attempt has begun."""
    world = World()
    accept(world, retry={"attempts": 3, "backoffSeconds": 0})
    create_group(world, CreateRequest(run=RUN))
    let_pass(world, 26)
    stored = world.rows().read("j")
    assert stored is not None
    finish(world, FAILED)
    create_group(world, CreateRequest(run=RUN))
    reply = end_job(world, stored, End(outcome=ends, judged=stored.row, asks_container=True))
    row = world.memory_rows.now_of("j")
    assert isinstance(reply, Superseded)
    assert (row.attempt, row.is_closed, len(world.azure.alive)) == (2, False, 1)
