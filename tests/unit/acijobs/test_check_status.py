"""One poll of a job's group: what it shows, and whether the run still drives the job."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from acijobs.domain.errors import RefusedError, StorageError
from acijobs.domain.messages import (
    Absent,
    Busy,
    CheckRequest,
    CreateRequest,
    Refused,
    Reply,
    Seen,
    Superseded,
)
from acijobs.domain.observation import ContainerState
from acijobs.domain.outcome import Outcome
from acijobs.domain.row import cancelled
from acijobs.domain.watch import Watch
from acijobs.usecases.changing import change
from acijobs.usecases.check_status import check_status
from acijobs.usecases.create_group import create_group
from acijobs_interleaving import RUN, TWIN, accept, let_pass
from acijobs_world import World
from manual_clock import START
from scripted_azure import busy, denied


@pytest.fixture
def world() -> World:
    """Return a world in which the job's group has just been created."""
    world = World()
    accept(world)
    create_group(world, CreateRequest(run=RUN))
    return world


def check(world: World, **asked: Any) -> Reply:
    return check_status(world, CheckRequest(**{"run": RUN} | asked))


def cancel(world: World) -> None:
    stored = world.rows().read("j")
    assert stored is not None
    change(world.rows(), stored, lambda row: cancelled(row, why="slow", now=START))


def test_a_poll_is_one_read_of_the_row_and_one_of_azure(world: World) -> None:
    """Messages and requests are what a job costs."""
    before = world.azure.calls.copy()
    writes = world.memory_rows.writes.copy()
    assert isinstance(check(world), Seen)
    assert (world.azure.calls - before) == {"get": 1}
    assert world.memory_rows.writes == writes


@pytest.mark.parametrize(
    ("after_s", "stage"), [(0, "creating"), (2, "pulling"), (5, "running"), (26, "ended")]
)
def test_a_poll_tells_the_stage_that_the_group_shows(
    world: World, after_s: float, stage: str
) -> None:
    """And how it ended, once it has."""
    let_pass(world, after_s)
    reply = check(world)
    assert isinstance(reply, Seen)
    assert reply.stage == stage
    if stage != "ended":
        assert reply.outcome is None
        return
    assert reply.outcome is not None
    assert replace(reply.outcome, containers=(), events=()) == Outcome.succeeded()
    assert [(c.name, c.exit_code) for c in reply.outcome.containers] == [("job", 0)]
    assert [event.name for event in reply.outcome.events] == ["Pulling"]


@pytest.mark.parametrize(
    ("run", "row"),
    [
        (TWIN, {}),
        (replace(RUN, offer=2), {}),
        (replace(RUN, job_id="unknown"), {}),
        (RUN, {"offer": 2}),
        (RUN, {"claim": None}),
        (RUN, {"group": None}),
        (RUN, {"outcome": Outcome.succeeded(), "closed_at": START}),
    ],
)
def test_a_run_that_does_not_drive_the_job_sees_nothing_of_it(
    world: World, run: Any, row: dict[str, Any]
) -> None:
    """Nothing is asked of Azure for it."""
    stored = world.memory_rows.read("j")
    assert stored is not None
    world.memory_rows.swap(stored, replace(stored.row, **row))
    calls = world.azure.calls.copy()
    assert check(world, run=run) == Superseded()
    assert world.azure.calls == calls


def test_an_absence_needs_the_list(world: World) -> None:
    """Reads answer 404 for groups that exist; the list is asked only when a run wants to be sure."""
    world.azure.invisible_until = START + timedelta(hours=1)
    assert check(world) == Absent(is_confirmed=False)
    assert world.azure.calls["listed"] == 0
    assert check(world, confirm_absence=True) == Absent(is_confirmed=False)
    assert world.azure.calls["listed"] == 1
    world.azure.vanish()
    assert check(world, confirm_absence=True) == Absent(is_confirmed=True)
    assert check(world) == Absent(is_confirmed=False)


def test_somebody_elses_group_of_the_name_is_not_the_jobs(world: World) -> None:
    """Its state says nothing of the job."""
    for tags in world.azure.tags.values():
        tags["acijobs-attempt"] = "another"
    assert isinstance(check(world), Absent)


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [(None, Seen), (denied(), Refused), (busy("TooManyRequests", retry_after_s=9), Busy)],
)
def test_a_request_to_cancel_comes_with_every_reply(
    world: World, trouble: Exception | None, kind: type[Any]
) -> None:
    """A lost event costs one poll, whatever Azure answers."""
    cancel(world)
    world.azure.troubles["get"] = [trouble]
    reply = check(world)
    assert isinstance(reply, kind)
    assert reply.cancel.why == "slow"
    assert getattr(reply, "retry_after_s", None) == (9 if kind is Busy else None)
    world.azure.vanish()
    absent = check(world)
    assert isinstance(absent, Absent)
    assert absent.cancel is not None


def test_a_log_that_is_due_is_fetched_in_the_same_step(world: World) -> None:
    """While the container runs; before and after that there is none, or the end collects it."""
    assert check(world, log_is_due=True).log is None  # type: ignore[union-attr]
    let_pass(world, 10)
    assert check(world).log is None  # type: ignore[union-attr]
    reply = check(world, log_is_due=True)
    assert isinstance(reply, Seen)
    assert reply.log is not None
    assert reply.log.found
    assert reply.log.added_bytes == reply.log.archived_bytes > 0
    let_pass(world, 20)
    assert check(world, log_is_due=True).log is None  # type: ignore[union-attr]


@pytest.mark.parametrize("where", ["azure", "archive", "settings"])
def test_a_log_that_cannot_be_read_does_not_disturb_the_poll(world: World, where: str) -> None:
    """What was archived is kept in mind; the trouble is told, without its credentials."""
    let_pass(world, 10)
    if where == "azure":
        world.azure.troubles["read_log"] = [RefusedError("Denied", "no ?sig=s3cret here")]
    elif where == "archive":
        world.memory_logs.troubles = [StorageError("no ?sig=s3cret here")]
    else:
        world.logs_problem = "no ?sig=s3cret here"
    reply = check(world, log_is_due=True, log_bytes=42)
    assert isinstance(reply, Seen)
    assert reply.stage == "running"
    assert reply.log is not None
    assert (reply.log.archived_bytes, reply.log.found) == (42, False)
    assert "no [hidden] here" in reply.log.trouble


@pytest.mark.parametrize(
    ("polls", "restarts"),
    [
        ([(0, 9), (0, 9), (0, None), (0, 9)], 0),
        ([(0, 9), (0, 20)], 1),
        ([(0, 9), (0, None), (0, 20), (0, 31)], 2),
        ([(0, 9), (1, 20), (2, 31), (2, 31)], 2),
        ([(0, 9), (1, None), (1, 20), (1, 20)], 1),
        ([(0, 9), (1, 9), (1, 20), (1, 31)], 2),
        ([(0, 9), (1, 20), (0, None), (0, 50)], 2),
        ([(0, 9), (3, 30)], 3),
        ([(0, 9), (0, 8), (0, 9)], 0),
        ([(0, None), (0, 9)], 0),
    ],
)
def test_a_start_at_another_time_is_a_restart(
    world: World, polls: list[tuple[int, float | None]], restarts: int
) -> None:
    """Azure counts neither one from outside nor those before it took the group away."""
    watch = Watch(run=RUN, stage="running")
    for count, started_s in polls:
        started_at = None if started_s is None else START + timedelta(seconds=started_s)
        state = "Waiting" if started_at is None else "Running"
        world.azure.main = ContainerState(
            name="job", state=state, restart_count=count, started_at=started_at
        )
        watch, _ = watch.see(check_status(world, watch.request(START)), START)
    assert watch.restarts == restarts
