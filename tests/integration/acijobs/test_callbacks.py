"""Callbacks in a job's life: by the run that ended it, and by the Reconciler where there is none."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from acijobs.domain.callback.state import OWN_TRIES, PAUSES_S, CallbackStatus, Delivery
from acijobs.domain.errors import StorageError
from acijobs.domain.messages import Function
from functions_host.durable.faults import ActivityRedelivered, OrchestratorKilled, ReplySwallowed
from manual_clock import START
from orchestration_runs import TWIN_REPLIES, Event, Run, run_job
from reconciler_runs import JOB, Stage, assert_right
from scripted_azure import NEVER

if TYPE_CHECKING:
    from pathlib import Path

    from acijobs_world import World
    from scripted_callbacks import Post

CALLBACK = {"callback": {"url": "https://example.com/hook"}}
SPEC = {"image": "alpine:3.20"}
WITH_CALLBACK = SPEC | CALLBACK
CALL_BACK = Function.CALL_BACK.value
DOWN = Delivery(trouble="the receiver did not answer within 10 s")


def answering(*answers: Delivery, always: Delivery | None = None) -> Any:
    """Return what prepares receivers that answer like this."""

    def prepare(world: World) -> None:
        world.scripted_callbacks.answers = list(answers)
        world.scripted_callbacks.always = always

    return prepare


def posts_of(run: Run | Stage) -> list[Post]:
    return run.world.scripted_callbacks.posts


def phases_of(run: Run | Stage) -> list[str]:
    return [post.phase for post in posts_of(run)]


# By the run that ended the job.


@pytest.mark.parametrize(
    ("script", "phase"), [({}, "Succeeded"), ({"exit_code": 3}, "Failed")], ids=["0", "3"]
)
async def test_the_end_is_told_once_the_group_is_gone(
    tmp_path: Path, script: dict[str, Any], phase: str
) -> None:
    """By one activity, and the row is settled by it."""
    run = await run_job(tmp_path, WITH_CALLBACK, **script)
    [post] = posts_of(run)
    assert post.phase == phase
    assert post.event["data"]["cleanUp"] == "Deleted"
    assert run.functions.calls[CALL_BACK] == 1
    assert run.row is not None
    assert run.row.settled
    assert run.status == ("Completed" if phase == "Succeeded" else "Failed")


async def test_a_cancelled_job_is_told_too(tmp_path: Path) -> None:
    """However it ended."""
    run = await run_job(tmp_path, WITH_CALLBACK, Event(after_s=9), end_after_s=NEVER)
    assert phases_of(run) == ["Cancelled"]


async def test_a_job_without_a_callback_makes_not_one_message_more(tmp_path: Path) -> None:
    """The same activities, the same history; one with a callback makes one more."""
    plain = await run_job(tmp_path / "plain", SPEC)
    other = await run_job(tmp_path / "other", WITH_CALLBACK)
    unwanted = await run_job(
        tmp_path / "unwanted", SPEC | {"callback": CALLBACK["callback"] | {"phases": ["Failed"]}}
    )
    assert plain.functions.calls[CALL_BACK] == unwanted.functions.calls[CALL_BACK] == 0
    assert plain.messages == unwanted.messages == other.messages - 1
    assert all(run.row is not None and run.row.settled for run in (plain, other, unwanted))


async def test_a_receiver_that_answers_500_and_then_200(tmp_path: Path) -> None:
    """Tried again after five seconds, under the same id."""
    run = await run_job(tmp_path, WITH_CALLBACK, prepare=answering(Delivery(status=500)))
    first, second = posts_of(run)
    assert 5 <= (second.at - first.at).total_seconds() <= 7
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert run.row is not None
    assert run.row.callback.status is CallbackStatus.DELIVERED
    assert run.row.callback.tries == 2
    assert run.row.settled


async def test_a_receiver_that_is_gone_is_asked_once(tmp_path: Path) -> None:
    """It answered 410."""
    run = await run_job(tmp_path, WITH_CALLBACK, prepare=answering(always=Delivery(status=410)))
    assert len(posts_of(run)) == 1
    assert run.row is not None
    assert run.row.settled


async def test_a_run_tries_four_times_in_two_minutes_and_ends(tmp_path: Path) -> None:
    """The result is the job's; the row is left to the Reconciler."""
    run = await run_job(tmp_path, WITH_CALLBACK, prepare=answering(always=DOWN))
    posts = posts_of(run)
    assert len(posts) == OWN_TRIES
    assert (posts[-1].at - posts[0].at).total_seconds() < 120
    assert run.status == "Completed"
    assert run.row is not None
    assert not run.row.settled
    assert run.row.callback.tries == OWN_TRIES


async def test_a_retry_after_of_minutes_is_left_to_the_reconciler(tmp_path: Path) -> None:
    """The run does not stay for it."""
    asked = Delivery(status=429, retry_after_s=600)
    run = await run_job(tmp_path, WITH_CALLBACK, prepare=answering(always=asked))
    assert len(posts_of(run)) == 1
    assert run.took_s < 120


@pytest.mark.parametrize(
    "trouble", [RuntimeError("worker"), {"kind": "unheard-of"}], ids=["raises", "odd"]
)
async def test_an_activity_that_fails_never_fails_the_job(tmp_path: Path, trouble: Any) -> None:
    """It is asked again, as after a try that failed."""
    run = await run_job(tmp_path, WITH_CALLBACK, step_troubles={CALL_BACK: [trouble] * 2})
    assert run.status == "Completed"
    assert phases_of(run) == ["Succeeded"]
    assert run.row is not None
    assert run.row.settled


# That the job runs.

RUNNING = SPEC | {"callback": CALLBACK["callback"] | {"phases": ["Running", "Succeeded"]}}


async def test_running_is_told_when_it_begins(tmp_path: Path) -> None:
    """Once, and then the end."""
    run = await run_job(tmp_path, RUNNING, run_after_s=20, end_after_s=90)
    assert phases_of(run) == ["Running", "Succeeded"]
    at = (posts_of(run)[0].at - START).total_seconds()
    assert 20 <= at <= 30
    assert run.functions.calls[CALL_BACK] == 2


async def test_running_is_told_by_the_watch_of_a_job_that_was_slow_to_start(tmp_path: Path) -> None:
    """After the job handed over its polls."""
    run = await run_job(tmp_path, RUNNING, run_after_s=300, end_after_s=400)
    assert phases_of(run) == ["Running", "Succeeded"]


async def test_a_container_that_was_never_seen_to_run_is_only_told_to_have_ended(
    tmp_path: Path,
) -> None:
    """It was over between two polls."""
    run = await run_job(tmp_path, RUNNING, run_after_s=1, end_after_s=1)
    assert phases_of(run) == ["Succeeded"]


async def test_a_receiver_that_fails_delays_no_poll_for_long(tmp_path: Path) -> None:
    """Running is tried twice, and the job ends as it does."""
    run = await run_job(
        tmp_path, RUNNING, prepare=answering(Delivery(status=500), Delivery(status=500))
    )
    assert phases_of(run) == ["Running", "Running", "Succeeded"]
    assert run.functions.calls[CALL_BACK] == 2


# By the Reconciler.


async def test_what_a_run_could_not_deliver_is_delivered_later(tmp_path: Path) -> None:
    """By the Reconciler, minutes after the run ended."""
    async with Stage(tmp_path, spec=CALLBACK) as stage:
        stage.world.scripted_callbacks.answers = [DOWN] * 5
        await stage.play()
    assert_right(stage, "Succeeded")
    assert len(posts_of(stage)) == 6
    assert stage.row.callback.status is CallbackStatus.DELIVERED
    assert {post.headers["webhook-id"] for post in posts_of(stage)} == {
        posts_of(stage)[0].headers["webhook-id"]
    }


async def test_it_is_given_up_after_a_day(tmp_path: Path) -> None:
    """With growing pauses; the job's result stays."""
    async with Stage(tmp_path, spec=CALLBACK) as stage:
        stage.world.scripted_callbacks.always = DOWN
        await stage.play(rounds=60 * 30)
    assert_right(stage, "Succeeded")
    assert len(posts_of(stage)) == len(PAUSES_S) + 1
    assert stage.row.callback.status is CallbackStatus.GIVEN_UP
    took = posts_of(stage)[-1].at - posts_of(stage)[0].at
    assert timedelta(hours=23) < took < timedelta(hours=27)


async def test_a_job_that_was_terminated_is_told_by_the_round_that_ends_it(tmp_path: Path) -> None:
    """Its orchestration runs no code any more."""
    async with Stage(tmp_path, spec=CALLBACK, end_after_s=NEVER) as stage:
        stage.at(20, lambda: stage.engine.client.terminate(JOB, "people"))
        await stage.play()
    assert_right(stage, "Cancelled", lines=None)
    assert phases_of(stage) == ["Cancelled"]
    assert posts_of(stage)[0].event["data"]["reason"]["code"] == "Terminated"
    assert stage.settled_after == 1


async def test_a_run_terminated_between_its_tries_is_made_up_for(tmp_path: Path) -> None:
    """The row knows what is owed, and since when."""
    async with Stage(tmp_path, spec=CALLBACK) as stage:
        stage.world.scripted_callbacks.answers = [DOWN] * 2
        stage.at(40, lambda: stage.engine.client.terminate(JOB, "people"))
        await stage.play()
    assert_right(stage, "Succeeded")
    assert phases_of(stage) == ["Succeeded"] * 3


async def test_a_kept_group_does_not_keep_anybody_from_being_told(tmp_path: Path) -> None:
    """The Reconciler tells while the group is kept, and settles when it is gone."""
    spec = CALLBACK | {"keepGroupSeconds": 900}
    async with Stage(tmp_path, spec=spec) as stage:
        stage.world.scripted_callbacks.answers = [DOWN] * OWN_TRIES
        await stage.play(rounds=40)
    assert stage.row.settled
    told_at = posts_of(stage)[-1].at
    assert len(posts_of(stage)) == OWN_TRIES + 1
    assert told_at < stage.row.times["deleted"]


async def test_a_group_that_comes_late_does_not_wait_for_the_callback(tmp_path: Path) -> None:
    """A create in flight, say: it is swept though the row is not settled yet."""
    async with Stage(tmp_path, spec=CALLBACK) as stage:
        stage.world.scripted_callbacks.always = DOWN
        azure = stage.world.azure

        def come_late() -> None:
            assert not azure.alive
            azure.deleted.clear()  # it is another group than the one that was deleted
            azure.alive[azure.created[0]] = stage.clock.now()

        stage.at(200, come_late)
        await stage.play(rounds=20)
    assert not stage.row.settled
    assert not azure.alive
    assert sum(done.swept for done in stage.rounds) == 1


async def test_the_reconciler_leaves_the_tries_of_a_run_to_it(tmp_path: Path) -> None:
    """A round between two of them does nothing."""
    async with Stage(tmp_path, spec=CALLBACK, end_after_s=45) as stage:
        stage.world.scripted_callbacks.answers = [DOWN] * 3
        await stage.play()
    assert len(posts_of(stage)) == 4
    assert not any(done.acts for done in stage.rounds)


async def test_storage_that_fails_during_a_round_ends_it(tmp_path: Path) -> None:
    """And the next one makes the callback."""
    async with Stage(tmp_path, spec=CALLBACK) as stage:
        stage.world.scripted_callbacks.answers = [DOWN] * OWN_TRIES

        def fail() -> None:
            stage.world.memory_rows.before.pop("read_with_spec")
            raise StorageError("down")

        stage.at(330, lambda: stage.world.memory_rows.before.update(read_with_spec=fail))
        await stage.play()
    assert_right(stage, "Succeeded")
    assert [done.is_whole for done in stage.rounds].count(False) == 1


@pytest.mark.parametrize(
    "fault",
    [
        ActivityRedelivered(function=CALL_BACK),
        ReplySwallowed(function=CALL_BACK),
        *(OrchestratorKilled(occurrence=call) for call in (8, 9, 10, 11)),
    ],
    ids=lambda fault: f"{type(fault).__name__}-{getattr(fault, 'occurrence', 1)}",
)
@TWIN_REPLIES
async def test_whatever_befalls_the_engine_it_is_told_under_one_id(
    tmp_path: Path, fault: Any
) -> None:
    """At least once; a receiver that drops what it has seen hears it exactly once."""
    async with Stage(tmp_path, fault, spec=CALLBACK) as stage:
        await stage.play(rounds=60)
    assert stage.row.settled
    assert len({post.headers["webhook-id"] for post in posts_of(stage)}) == 1
    assert stage.row.callback.status is CallbackStatus.DELIVERED
