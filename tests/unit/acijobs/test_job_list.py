"""The list of jobs, and how its pages and filters behave."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from acijobs.domain.errors import StorageError
from acijobs.domain.listing import first_key_at, is_key, job_of_key, list_key
from acijobs.domain.outcome import Outcome
from acijobs.domain.reasons import Reason
from acijobs.domain.row import Row, Run
from acijobs.instances import Instance
from acijobs.usecases.ports import Listed
from acijobs.web import job_list
from job_calls import ALPINE, Calls, pointers

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.fixture
def calls() -> Calls:
    return Calls()


async def start(calls: Calls, job_id: str, **fields: Any) -> None:
    calls.let_pass(1)
    answer = await calls.post(ALPINE | {"id": job_id} | fields)
    assert answer.status == 202, answer


async def test_the_newest_job_is_first(calls: Calls) -> None:
    """With what one wants to see of many jobs."""
    await start(calls, "a-first")
    await start(calls, "b-second")
    calls.close("a-first", Outcome.failed(Reason.EXIT_CODE, "no", exit_code=3))
    newest, oldest = (await calls.page()).body["jobs"]
    assert (newest["id"], newest["state"], newest["phase"]) == ("b-second", "Pending", "Queued")
    assert newest["endedAt"] is None
    assert oldest["id"] == "a-first"
    assert (oldest["state"], oldest["exitCode"]) == ("Failed", 3)
    assert oldest["reason"] == Reason.EXIT_CODE.value
    assert oldest["acceptedAt"] < oldest["endedAt"]
    assert set(newest) == set(oldest)


async def test_pages_go_through_all_jobs_once(calls: Calls) -> None:
    """Whatever is submitted meanwhile, which is on no later page."""
    for number in range(7):
        await start(calls, f"job-{number}")
    seen, after, pages = [], "", 0
    while pages < 10:
        answer = await calls.page(f"?limit=3&after={after}" if after else "?limit=3")
        seen += [job["id"] for job in answer.body["jobs"]]
        pages += 1
        await start(calls, f"late-{pages}")
        if answer.body["next"] is None:
            break
        after = answer.body["next"]
    assert seen == [f"job-{number}" for number in reversed(range(7))]
    assert pages == 3


async def test_a_label_finds_its_jobs_without_reading_others(calls: Calls) -> None:
    """All labels that are asked for must be there; the list's own entries have them."""
    for number in range(20):
        team = "red" if number % 5 == 0 else "blue"
        await start(calls, f"job-{number}", labels={"team": team, "n": str(number)})
    reads = 0

    def count() -> None:
        nonlocal reads
        reads += 1

    calls.world.memory_rows.before["read"] = count
    assert await calls.ids("?label=team:red") == ["job-15", "job-10", "job-5", "job-0"]
    assert reads == 4
    assert await calls.ids("?label=team:red,n:10") == ["job-10"]
    assert await calls.ids("?label=team:red&label=n:10") == ["job-10"]
    assert await calls.ids("?label=team:re") == []


async def test_a_value_of_a_label_may_have_colons(calls: Calls) -> None:
    """The first one parts it from the name. A comma in it is sent as `%2C`."""
    await start(calls, "j", labels={"run": "a:b", "who": "Doe, Jane+é"})
    assert await calls.ids("?label=run:a:b") == ["j"]
    assert await calls.ids("?label=who:Doe%2C+Jane%2B%C3%A9,run:a%3Ab") == ["j"]


async def test_states_are_found_in_any_letter_case(calls: Calls) -> None:
    """One, or several at once."""
    for job_id in ("open", "good", "bad"):
        await start(calls, job_id)
    calls.close("good")
    calls.close("bad", Outcome.failed(Reason.EXIT_CODE, "no", exit_code=3))
    assert await calls.ids("?state=Succeeded") == ["good"]
    assert await calls.ids("?state=failed,pending") == ["bad", "open"]
    assert await calls.ids("?state=Failed&state=Succeeded") == ["bad", "good"]


async def test_a_job_that_runs_is_listed_as_its_run_shows_it(calls: Calls) -> None:
    """The row alone does not tell Pending from Running."""
    await start(calls, "j")
    run = Run(job_id="j", offer=1, execution="x")
    calls.run(run)
    shown = {"run": "x", "phase": "Running"}
    calls.instances.shown["j"] = Instance(runtime_status="Running", custom_status=shown)
    assert (await calls.page()).body["jobs"][0]["phase"] == "Running"
    assert await calls.ids("?state=Running") == ["j"]
    assert await calls.ids("?state=Pending") == []


@pytest.mark.parametrize("most", ["MAX_READ", "MAX_LISTED"])
async def test_an_answer_takes_bounded_work_and_says_where_to_go_on(
    calls: Calls, monkeypatch: pytest.MonkeyPatch, most: str
) -> None:
    """A page may be empty though there is another one."""
    for number in range(12):
        await start(calls, f"job-{number}")
    calls.close("job-0")
    monkeypatch.setattr(job_list, most, 5)
    found, after, pages = [], "", 0
    while after is not None:
        answer = await calls.page(f"?state=Succeeded&limit=5&after={after}")
        found += [job["id"] for job in answer.body["jobs"]]
        after = answer.body["next"]
        pages += 1
    assert (found, pages) == (["job-0"], 3)


async def test_entries_without_their_job_are_not_shown(calls: Calls) -> None:
    """An insert that was cut short, a job that was forgotten, an id that is another job by now."""
    await start(calls, "j")
    for job_id, seconds in (("gone", 0), ("j", -60)):
        at = calls.world.clock.current + timedelta(seconds=seconds)
        key = list_key(job_id, at)
        calls.world.memory_rows.entries[key] = Listed(key=key, job_id=job_id, accepted_at=at)
    assert await calls.ids() == ["j"]


async def test_wrong_parameters_are_named_all_at_once(calls: Calls) -> None:
    """Each with what would be right."""
    answer = await calls.page("?state=Done&label=team&limit=0&after=x")
    assert answer.status == 400
    assert pointers(answer) == ["?state", "?label", "?limit", "?after"]
    assert "Succeeded" in answer.body["errors"][0]["detail"]


async def test_a_misspelt_parameter_lists_nothing(calls: Calls) -> None:
    """Passed over, it would list every job, to whoever asks for the failed ones."""
    await start(calls, "j")
    answer = await calls.page("?sate=Failed&%6Cimits=5&code=k&clientId=default&sate=Lost")
    assert answer.status == 400
    assert pointers(answer) == ["?sate", "?limits"]
    assert "known are state, label, limit, after" in answer.body["errors"][0]["detail"]
    assert await calls.ids("?code=k&clientId=default&&Subscription-Key=k") == ["j"]
    assert await calls.ids("?st%61te=Failed") == []


@pytest.mark.parametrize("limit", ["", "-1", "201", "1e1", "\u0661", "9" * 30])
async def test_a_limit_is_a_number_from_1_to_200(calls: Calls, limit: str) -> None:
    """And nothing else."""
    assert pointers(await calls.page(f"?limit={limit}")) == ["?limit"]


async def test_storage_that_is_down_is_503(calls: Calls) -> None:
    """However far the list had come."""
    await start(calls, "j")

    def fail() -> None:
        raise StorageError("down")

    for point in ("listed", "read"):
        calls.world.memory_rows.before = {point: fail}
        answer = await calls.page()
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")


@pytest.mark.parametrize("microseconds", [0, 1, 999_999])
def test_a_key_tells_its_job_and_time(microseconds: int) -> None:
    """To the microsecond; a later job has a lesser key."""
    at = NOON + timedelta(microseconds=microseconds)
    assert job_of_key(list_key("render-42", at)) == ("render-42", at)
    assert list_key("a", at + timedelta(microseconds=1)) < list_key("a", at) < list_key("b", at)
    assert first_key_at(at) < list_key("a", at)
    assert list_key("z", at + timedelta(microseconds=1)) < first_key_at(at)


@pytest.mark.parametrize("text", ["", "x", "1-j", "0" * 17, "0" * 17 + "-J", "0" * 17 + "-j'x"])
def test_what_is_no_key_is_known(text: str) -> None:
    """It goes into a query of storage."""
    assert not is_key(text)
    assert job_of_key(text) is None


def test_an_entry_tells_of_one_job_only() -> None:
    """Not of a later one of the same id."""
    entry = Listed(key="k", job_id="j", accepted_at=NOON)
    assert entry.tells_of(Row(job_id="j", accepted_at=NOON))
    assert not entry.tells_of(Row(job_id="j", accepted_at=NOON + timedelta(days=1)))
