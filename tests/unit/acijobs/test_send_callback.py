"""One try to tell whom it concerns how a job is: what is said, what the row remembers of it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from acijobs.domain.callback.state import PAUSES_S, CallbackStatus, Delivery
from acijobs.domain.errors import BusyError, StorageError
from acijobs.domain.job_account import account
from acijobs.domain.job_view import view_job
from acijobs.domain.messages import CallbackRequest, CalledBack, Superseded
from acijobs.domain.outcome import Outcome, Phase
from acijobs.domain.progress import CleanUp
from acijobs.domain.row import Row, Run, claimed, cleaned, closed
from acijobs.instances import Instance
from acijobs.usecases.send_callback import call_back, send_callback
from acijobs_world import HERE, World
from manual_clock import START
from orchestration_runs import accept
from scripted_callbacks import CALLBACK_KEY

JOB = "j"
RUN = Run(job_id=JOB, offer=1, execution="x")
URL = "https://example.com/hook"
OTHER_KEY = "whsec_" + "A" * 40


def world_with(
    *, is_ended: bool = True, is_clean: bool = True, outcome: Outcome | None = None, **callback: Any
) -> World:
    """Return a world with one job, driven by RUN, that has a callback."""
    world = World()
    accept(world, JOB, {"image": "alpine:3.20", "callback": {"url": URL} | callback})
    rows = world.memory_rows
    change(world, lambda row: claimed(row, RUN, candidates=HERE, nonce="n", now=START))
    if is_ended:
        change(world, lambda row: closed(row, outcome or Outcome.succeeded(), now=START))
    if is_ended and is_clean:
        change(world, lambda row: cleaned(row, CleanUp.DELETED, now=START))
    rows.writes.clear()
    return world


def change(world: World, transition: Any) -> None:
    stored = world.memory_rows.read(JOB)
    assert stored is not None
    changed = transition(stored.row)
    assert changed is not None
    world.memory_rows.swap(stored, changed)


def row_of(world: World) -> Row:
    return world.memory_rows.now_of(JOB)


def test_a_job_that_ended_is_told_in_a_signed_cloudevent() -> None:
    """As the job is shown, but for its callback; verified by the standard's own library."""
    world = world_with()
    assert send_callback(world, CallbackRequest(run=RUN)) == CalledBack(is_over=True)
    [post] = world.scripted_callbacks.posts
    assert post.url == URL
    assert post.headers["Content-Type"].startswith("application/cloudevents+json")
    event = post.event
    data = event.pop("data")
    assert event == {
        "specversion": "1.0",
        "id": post.headers["webhook-id"],
        "source": "https://jobs.example.com/api/jobs/j",
        "type": "acijobs.job.succeeded",
        "subject": "j",
        "time": "2026-01-01T00:00:00Z",
        "datacontenttype": "application/json",
    }
    shown = view_job(row_of(world), Instance()).fields
    del shown["callback"]
    shown |= account(row_of(world), START, shown["timeline"])
    assert data == json.loads(json.dumps(shown))
    assert "logs" not in data
    sent_at = START  # the library compares with the time of the machine
    signature = Webhook(CALLBACK_KEY).sign(event["id"], sent_at, post.body.decode())
    assert post.headers["webhook-signature"] == signature


def test_a_delivered_callback_settles_the_row() -> None:
    """By one swap; a job whose group is gone already has nothing left to do then."""
    world = world_with()
    assert not row_of(world).settled
    send_callback(world, CallbackRequest(run=RUN))
    row = row_of(world)
    assert row.settled
    assert (row.callback.status, row.callback.tries) == (CallbackStatus.DELIVERED, 1)
    assert world.memory_rows.writes["swap"] == 1


def test_a_row_whose_group_is_left_is_not_settled_by_a_delivery() -> None:
    """Both are needed, in either order."""
    world = world_with(is_clean=False)
    send_callback(world, CallbackRequest(run=RUN))
    assert not row_of(world).settled
    change(world, lambda row: cleaned(row, CleanUp.DELETED, now=START))
    assert row_of(world).settled


def test_a_step_that_runs_again_sends_nothing() -> None:
    """Durable may give an activity twice."""
    world = world_with()
    replies = [send_callback(world, CallbackRequest(run=RUN)) for _ in range(3)]
    assert replies == [CalledBack(is_over=True)] * 3
    assert len(world.scripted_callbacks.posts) == 1


def test_a_try_whose_note_was_lost_is_repeated_under_the_same_id() -> None:
    """The receiver can drop it: the same id, the same body."""
    world = world_with()

    def down() -> None:
        raise StorageError("down")

    world.memory_rows.before["swap"] = down
    with pytest.raises(StorageError):
        send_callback(world, CallbackRequest(run=RUN))
    del world.memory_rows.before["swap"]
    send_callback(world, CallbackRequest(run=RUN))
    first, second = world.scripted_callbacks.posts
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body


def test_a_failed_try_says_when_the_next_one_is() -> None:
    """And nothing is sent before."""
    world = world_with()
    world.scripted_callbacks.answers = [Delivery(status=500)]
    reply = send_callback(world, CallbackRequest(run=RUN))
    assert isinstance(reply, CalledBack)
    assert not reply.is_over
    row = row_of(world)
    assert reply.again_at == row.callback.next_at
    assert not row.settled
    assert row.callback.trouble == "the receiver answered 500"
    assert send_callback(world, CallbackRequest(run=RUN)) == reply
    assert len(world.scripted_callbacks.posts) == 1


def test_two_tries_at_once_both_count() -> None:
    """A run and a Reconciler that met; nothing of what either knows is lost."""
    world = world_with()
    world.scripted_callbacks.always = Delivery(status=500)

    def meet() -> None:
        world.scripted_callbacks.before = lambda: None
        call_back(world, JOB)

    world.scripted_callbacks.before = meet
    send_callback(world, CallbackRequest(run=RUN))
    assert row_of(world).callback.tries == 2


def test_a_try_that_was_put_off_is_none() -> None:
    """It is made some seconds later, and nothing is written for it."""
    world = world_with()
    world.scripted_callbacks.answers = [Delivery(was_made=False, trouble="too many")]
    reply = send_callback(world, CallbackRequest(run=RUN))
    assert isinstance(reply, CalledBack)
    assert reply.again_at is not None
    assert 5 <= (reply.again_at - START).total_seconds() <= 10
    assert not world.memory_rows.writes
    assert send_callback(world, CallbackRequest(run=RUN)) == CalledBack(is_over=True)


def test_410_and_the_end_of_patience_settle_the_row() -> None:
    """With what went wrong."""
    world = world_with()
    world.scripted_callbacks.always = Delivery(status=410)
    call_back(world, JOB)
    assert row_of(world).settled
    assert row_of(world).callback.status is CallbackStatus.REFUSED

    world = world_with()
    world.scripted_callbacks.always = Delivery(trouble="nobody there")
    for _ in range(len(PAUSES_S) + 1):
        call_back(world, JOB)
        world.clock.current = row_of(world).callback.next_at or world.clock.current
    row = row_of(world)
    assert (row.settled, row.callback.status) == (True, CallbackStatus.GIVEN_UP)
    assert row.callback.trouble == "nobody there"
    assert row.outcome == Outcome.succeeded()


@pytest.mark.parametrize("phase", [Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED, Phase.TIMED_OUT])
def test_only_the_ends_that_were_asked_for_are_told(phase: Phase) -> None:
    """A job that ends otherwise is settled at once."""
    outcome = replace(Outcome.cancelled(), phase=phase)
    world = world_with(phases=["Failed", "TimedOut"], outcome=outcome)
    is_wanted = phase in {Phase.FAILED, Phase.TIMED_OUT}
    assert row_of(world).settled is not is_wanted
    call_back(world, JOB)
    assert len(world.scripted_callbacks.posts) == is_wanted
    state = view_job(row_of(world), Instance()).fields["callback"]["state"]
    assert state == ("Delivered" if is_wanted else "NotNeeded")


def test_who_does_not_drive_the_job_tells_nothing() -> None:
    """An orchestration may have been started by anybody with a key."""
    world = world_with()
    stranger = replace(RUN, execution="y")
    assert send_callback(world, CallbackRequest(run=stranger)) == Superseded()
    assert send_callback(world, CallbackRequest(run=replace(RUN, job_id="k"))) == Superseded()
    assert world.scripted_callbacks.posts == []


def test_an_open_job_is_not_told_to_have_ended() -> None:
    """Whoever asks."""
    world = world_with(is_ended=False)
    assert send_callback(world, CallbackRequest(run=RUN)) == CalledBack(is_over=True)
    assert call_back(world, JOB) == call_back(world, "none") == CalledBack(is_over=True)
    assert world.scripted_callbacks.posts == []
    assert not row_of(world).settled


# The key.


def test_a_jobs_own_key_goes_before_the_operators() -> None:
    """Here from a key vault."""
    vault = "https://my.vault.azure.net/secrets/hook"
    world = world_with(secret={"keyVault": vault})
    world.vault.secrets[vault] = OTHER_KEY
    call_back(world, JOB)
    [post] = world.scripted_callbacks.posts
    signature = Webhook(OTHER_KEY).sign(post.headers["webhook-id"], START, post.body.decode())
    assert post.headers["webhook-signature"] == signature


@pytest.mark.parametrize("is_busy", [True, False])
def test_a_key_that_cannot_be_read_is_a_failed_try(is_busy: bool) -> None:  # noqa: FBT001
    """The vault may be there the next time; the trouble says which secret."""
    vault = "https://my.vault.azure.net/secrets/hook"
    world = world_with(secret={"keyVault": vault})
    world.vault.troubles = [BusyError("Throttled", "later")] if is_busy else []
    call_back(world, JOB)
    callback = row_of(world).callback
    assert (callback.tries, callback.status) == (1, CallbackStatus.PENDING)
    assert "#/callback/secret" in callback.trouble
    assert world.scripted_callbacks.posts == []


@pytest.mark.parametrize("text", ["not a key", "whsec_short", ""])
def test_what_is_no_key_is_a_failed_try_and_not_shown(text: str) -> None:
    """Whoever put it there can mend it."""
    world = world_with()
    world.operators_key = text
    call_back(world, JOB)
    trouble = row_of(world).callback.trouble
    assert "whsec_" in trouble
    assert not text or text not in trouble


def test_a_defect_is_given_up_some_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts as a failed try, and its text, which may hold anything, is not shown."""
    world = world_with()

    def fail(*_: object) -> None:
        raise KeyError("secret")

    monkeypatch.setattr("acijobs.usecases.send_callback.account", fail)
    call_back(world, JOB)
    callback = row_of(world).callback
    assert callback.tries == 1
    assert callback.trouble == "the message could not be made: KeyError"


# The id.


def test_the_id_is_of_one_job_and_one_phase() -> None:
    """Another submission under the same id, as after retention, has another; so has another store."""
    world = world_with(phases=["Running", "Succeeded"], is_ended=False)
    send_callback(world, CallbackRequest(run=RUN, phase=Phase.RUNNING, at=START))
    change(world, lambda row: closed(row, Outcome.succeeded(), now=START))
    call_back(world, JOB)
    later = World()
    later.clock.current = START.replace(year=2027)
    accept(later, JOB, {"image": "alpine:3.20", "callback": {"url": URL}})
    change(later, lambda row: closed(row, Outcome.succeeded(), now=START))
    call_back(later, JOB)
    posts = [*world.scripted_callbacks.posts, *later.scripted_callbacks.posts]
    ids = [post.headers["webhook-id"] for post in posts]
    assert len(set(ids)) == len(ids) == 3
    assert all(known.startswith(f"{JOB}-") for known in ids)


# Running.


def running(world: World) -> Any:
    return send_callback(world, CallbackRequest(run=RUN, phase=Phase.RUNNING, at=START))


def test_that_a_job_runs_is_told_once() -> None:
    """Also where the step runs again, or another run takes the job over."""
    world = world_with(phases=["Running"], is_ended=False)
    assert [running(world), running(world)] == [CalledBack(is_over=True)] * 2
    [post] = world.scripted_callbacks.posts
    assert post.event["type"] == "acijobs.job.running"
    assert (post.event["data"]["state"], post.phase) == ("Running", "Running")
    assert post.event["data"]["timeline"]["running"] == "2026-01-01T00:00:00Z"
    assert row_of(world).callback.running_at is not None
    assert row_of(world).callback.tries == 0


def test_that_a_job_runs_is_tried_twice_at_most() -> None:
    """And then it counts as told: the job must not wait."""
    world = world_with(phases=["Running"], is_ended=False)
    world.scripted_callbacks.always = Delivery(status=500)
    running(world)
    running(world)
    assert len(world.scripted_callbacks.posts) == 2
    assert sum(world.clock.slept) <= 1


def test_that_a_job_runs_is_tried_once_where_the_receiver_hangs() -> None:
    """Polls wait for it meanwhile."""
    world = world_with(phases=["Running"], is_ended=False)
    world.scripted_callbacks.always = Delivery(trouble="no answer")

    def hang() -> None:
        world.clock.current = START.replace(second=10)

    world.scripted_callbacks.before = hang
    running(world)
    assert len(world.scripted_callbacks.posts) == 1


def test_that_a_job_runs_is_told_to_who_asked_for_it_only() -> None:
    """Nor once it has ended."""
    world = world_with(is_ended=False)
    running(world)
    ended = world_with(phases=["Running"])
    running(ended)
    assert world.scripted_callbacks.posts == ended.scripted_callbacks.posts == []
