"""The job API, on the SDK's own Durable client: a job read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from acijobs.domain.outcome import Outcome
from acijobs.domain.reasons import Reason
from acijobs_interleaving import RUN, accept
from job_api import Api, fail

pytestmark = pytest.mark.filterwarnings("ignore:enable_cleanup_closed:DeprecationWarning")

ODD_IDS = ["none", "a/b", "..", "", "a?b", "%2e%2e", "a#b", "a b", "x" * 101, "é", "a\n", "-a"]


@pytest.mark.parametrize(
    ("phase", "http", "state"),
    [
        ("Queued", 202, "Pending"),
        ("Creating", 202, "Pending"),
        ("Pulling", 202, "Pending"),
        ("Running", 202, "Running"),
        ("Collecting", 202, "Running"),
        ("Cleaning", 202, "Running"),
    ],
)
@pytest.mark.parametrize("runtime", ["Pending", "Running", "Suspended"])
async def test_a_driven_job_is_shown_as_its_run_shows_it(
    api: Api, runtime: str, phase: str, http: int, state: str
) -> None:
    """In the words of jobs, 202 while it runs."""
    shown = {"run": RUN.execution, "phase": phase, "restarts": 7, "unknown": 1}
    api.running(runtimeStatus=runtime, customStatus=shown)
    answer = await api.get()
    assert (answer.status, answer.body["id"], answer.body["state"]) == (http, "j", state)
    assert (answer.body["phase"], answer.body["restarts"]) == (phase, 7)
    assert (answer.body["cleanUp"], answer.headers["Retry-After"]) == ("Pending", "5")
    assert not {"run", "group", "unknown"} & set(answer.body)


@pytest.mark.parametrize(
    "shown",
    [
        *(None, [], "x", {}, {"phase": "Running"}, {"run": "another", "phase": "Running"}),
        {"superseded": True},
    ],
)
async def test_a_status_of_another_run_is_ignored(api: Api, shown: Any) -> None:
    """The row tells what it knows."""
    api.running(customStatus=shown)
    answer = await api.get()
    assert (answer.status, answer.body["state"], answer.body["phase"]) == (
        202,
        "Pending",
        "Creating",
    )
    assert set(answer.body["timeline"]) == {"queued", "creating", "groupCreated"}


async def test_no_status_is_believed_before_a_run_has_claimed_the_job(api: Api) -> None:
    """An instance of an earlier life of the id may still be shown."""
    accept(api.world)
    api.durable.add("j", runtimeStatus="Failed", customStatus={"run": "", "phase": "Running"})
    answer = await api.get()
    assert (answer.status, answer.body["state"], answer.body["phase"]) == (202, "Pending", "Queued")


@pytest.mark.parametrize("runtime", ["Failed", "Terminated", "Canceled", "Completed"])
async def test_a_job_whose_orchestration_is_dead_is_not_over(api: Api, runtime: str) -> None:
    """Its row is open: the Reconciler takes it over, or ends it."""
    api.running(runtimeStatus=runtime)
    answer = await api.get()
    assert (answer.status, answer.body["cleanUp"]) == (202, "Pending")
    assert answer.body["state"] in {"Pending", "Running"}
    assert answer.body["reason"] is None


@pytest.mark.parametrize(
    ("outcome", "http", "state"),
    [
        (Outcome.succeeded(), 200, "Succeeded"),
        (Outcome.cancelled("slow"), 200, "Cancelled"),
        (Outcome.refused("InaccessibleImage", "no"), 500, "Failed"),
        (Outcome.timed_out(Reason.RUN_TIMEOUT, "late"), 500, "TimedOut"),
    ],
)
async def test_an_ended_job_is_answered_from_its_row_alone(
    api: Api, outcome: Outcome, http: int, state: str
) -> None:
    """The engine is not asked, and may have forgotten it."""
    api.ended(outcome)
    del api.durable.instances["j"]
    asked: list[int] = []
    api.durable.before_status = lambda: asked.append(1)
    answer = await api.get()
    assert (answer.status, answer.body["state"], answer.body["phase"]) == (http, state, state)
    assert (answer.body["cleanUp"], answer.body["exitCode"]) == ("Deleted", outcome.exit_code)
    assert (answer.body["reason"] or {}).get("message", "") == outcome.message
    assert "Retry-After" not in answer.headers
    assert asked == []


async def test_a_timeline_is_shown_in_the_order_of_a_jobs_life(api: Api) -> None:
    """However the store kept it."""
    api.ended()
    stored = api.world.memory_rows.read("j")
    assert stored is not None
    at = stored.row.accepted_at
    names = ["queued", "creating", "containerStarted", "running", "collecting", "succeeded"]
    row = replace(stored.row, times=dict.fromkeys(sorted(names), at))
    api.world.memory_rows.swap(stored, row)
    shown = list((await api.get()).body["timeline"])
    assert [name for name in shown if name in names] == names


async def test_an_engine_that_does_not_answer_hides_no_job(api: Api) -> None:
    """What the row knows is shown."""
    api.running()
    api.durable.before_status = fail
    answer = await api.get()
    assert (answer.status, answer.body["phase"]) == (202, "Creating")


async def test_a_store_that_is_down_is_not_an_unknown_job(api: Api) -> None:
    """503 with Retry-After, never 404."""
    api.running()
    api.world.storage_down = True
    for answer in (await api.get(), await api.delete()):
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert api.durable.events == []


@pytest.mark.parametrize("job_id", ODD_IDS)
async def test_an_unknown_job_is_404_however_odd_its_id(api: Api, job_id: str) -> None:
    """An id that no job can have is looked for nowhere."""
    api.durable.add("b")
    assert (await api.get(job_id)).status == 404
    assert (await api.delete(job_id)).status == 404
    assert api.durable.events == []


async def test_an_instance_without_a_row_is_no_job(api: Api) -> None:
    """The watch of a job, for instance, or one that was started past the API."""
    api.durable.add("w", name="WatchOrchestrator")
    assert (await api.get("w")).status == 404
    assert (await api.delete("w")).status == 404
    assert api.durable.events == []
