"""The job API, on the SDK's own Durable client: a job cancelled."""

from __future__ import annotations

from typing import Any

import pytest

from acijobs.domain.messages import CreateRequest
from acijobs.domain.outcome import Outcome
from acijobs.usecases.create_group import create_group
from acijobs.usecases.finish_job import End, end_job
from acijobs_interleaving import RUN, accept, at_call
from job_api import Api, fail, storage_fails
from scripted_azure import busy

pytestmark = pytest.mark.filterwarnings("ignore:enable_cleanup_closed:DeprecationWarning")


async def test_a_request_to_cancel_is_in_the_row_before_the_event_is_raised(api: Api) -> None:
    """The event only makes it quicker; its data is in the form in which the SDK sends objects."""
    api.running()
    seen: list[Any] = []
    api.durable.before_event = lambda: seen.append(api.row().cancel)
    answer = await api.delete("j", "?reason=too%20slow")
    assert answer.status == 202
    assert [cancel.why for cancel in seen] == ["too slow"]
    assert api.durable.events == [("j", "Cancel", {"reason": "too slow"})]


async def test_cancelling_twice_is_cancelling_once(api: Api) -> None:
    """The first request stays; the second may still help a lost event."""
    api.running()
    assert (await api.delete("j", "?reason=first")).status == 202
    first = api.row()
    assert (await api.delete("j", "?reason=second")).status == 202
    assert api.row() == first
    assert first.cancel is not None
    assert first.cancel.why == "first"


async def test_an_event_that_is_lost_costs_nothing_but_a_poll(api: Api) -> None:
    """The request is in the row, and the answer is the same."""
    api.running()
    api.durable.before_event = fail
    assert (await api.delete()).status == 202
    assert api.row().cancel is not None
    assert api.durable.events == []


async def test_a_job_that_has_not_been_claimed_yet_is_cancelled_by_its_row(api: Api) -> None:
    """Its first step finds the request, and asks nothing of Azure."""
    api.accepted()
    assert (await api.delete()).status == 202
    create_group(api.world, CreateRequest(run=RUN))
    assert not api.world.azure.calls


async def test_a_cancel_of_an_ended_job_changes_nothing(api: Api) -> None:
    """200, with how it ended."""
    api.ended()
    row, calls = api.row(), api.world.azure.calls.copy()
    answer = await api.delete()
    assert (answer.status, answer.body["state"]) == (200, "Succeeded")
    assert (api.row(), api.world.azure.calls, api.durable.events) == (row, calls, [])


@pytest.mark.parametrize("is_over", [False, True])
async def test_a_cancel_answers_the_whole_job_but_its_log(api: Api, is_over: bool) -> None:  # noqa: FBT001
    """Whether it runs or has ended, with its attempts and what it cost."""
    if is_over:
        api.ended()
    else:
        api.running()
    shown = (await api.get()).body
    assert set((await api.delete()).body) == set(shown) - {"logs"}


async def test_a_job_that_ends_while_it_is_cancelled_has_ended(api: Api) -> None:
    """The close came between the look and the request."""
    api.running()

    def end() -> None:
        stored = api.world.memory_rows.read("j")
        assert stored is not None
        end_job(api.world, stored, End(outcome=Outcome.succeeded(), collects_log=False))

    at_call(api.world, "rows.swap", end)
    answer = await api.delete()
    assert (answer.status, answer.body["state"]) == (200, "Succeeded")
    assert api.row().cancel is None
    assert api.durable.events == []


@pytest.mark.parametrize("runtime", ["Terminated", "Failed", "Completed", None])
async def test_a_job_whose_orchestration_is_dead_is_ended_by_its_cancel(
    api: Api, runtime: str | None
) -> None:
    """Durable runs no code for it: log, outcome and deletion are made here."""
    api.running(runtimeStatus=runtime or "Running")
    if runtime is None:
        del api.durable.instances["j"]
    answer = await api.delete("j", "?reason=stuck")
    assert (answer.status, answer.body["state"]) == (200, "Cancelled")
    assert answer.body["cleanUp"] == "Deleted"
    assert answer.body["reason"]["message"] == "cancelled: stuck"
    assert answer.body["logState"]["archivedBytes"] > 0
    assert api.world.azure.alive == {}
    assert api.row().settled


async def test_a_job_that_was_never_started_is_ended_by_its_cancel(api: Api) -> None:
    """Nothing was asked of Azure, so nothing is to be cleaned up."""
    accept(api.world)
    answer = await api.delete()
    assert (answer.status, answer.body["cleanUp"]) == (200, "NotNeeded")
    assert not api.world.azure.calls


async def test_a_dead_job_that_azure_does_not_let_go_is_told_so(api: Api) -> None:
    """202: the outcome is decided, and the clean-up goes on."""
    api.running(runtimeStatus="Terminated")
    api.world.azure.troubles["delete"] = [busy("TooManyRequests")]
    answer = await api.delete()
    assert (answer.status, answer.body["cleanUp"]) == (202, "Pending")
    assert "TooManyRequests" in answer.body["cleanUpDetail"]
    assert (await api.delete()).body["cleanUp"] == "Deleted"


async def test_a_closed_job_that_is_not_settled_asks_azure_again(api: Api) -> None:
    """Whoever cancels it wants the group gone; the outcome stays."""
    api.ended(is_settled=False)
    assert api.row().clean_up.value == "Failed"
    answer = await api.delete()
    assert (answer.status, answer.body["state"], answer.body["cleanUp"]) == (
        *(200, "Succeeded", "Deleted"),
    )
    assert api.world.azure.alive == {}


@pytest.mark.parametrize("point", ["rows.swap:1", "rows.swap:2", "rows.swap:3"])
async def test_a_store_that_fails_within_a_cancel_is_503(api: Api, point: str) -> None:
    """The request, the close and the settling; the next one goes on where it was."""
    api.running(runtimeStatus="Terminated")

    def go_down() -> None:
        api.world.storage_down = True
        storage_fails()

    at_call(api.world, point, go_down)
    answer = await api.delete()
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    api.world.storage_down = False
    assert (await api.delete()).body["cleanUp"] == "Deleted"


async def test_a_row_that_others_change_all_the_time_is_503(api: Api) -> None:
    """It is no defect, and will be over."""
    api.running()

    def touch() -> None:
        found = api.world.memory_rows.rows["j"]
        api.world.memory_rows.rows["j"] = (found[0], found[1] + 1)

    api.world.memory_rows.before["swap"] = touch
    assert (await api.delete()).status == 503
