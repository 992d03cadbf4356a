"""A repeated POST with the same Idempotency-Key is the same job."""

from __future__ import annotations

import pytest

from acijobs.domain.errors import StorageError
from acijobs.domain.job_id import is_valid
from job_calls import ALPINE, Calls, pointers

KEY = "8e03978e-40d5-43dd-bc93-6894a57f9324"


@pytest.fixture
def calls() -> Calls:
    return Calls()


async def test_the_same_request_is_the_same_job(calls: Calls) -> None:
    """Its id is valid, tells nothing of the key, and is the same every time."""
    first = await calls.post(ALPINE, Idempotency_Key=KEY)
    again = await calls.post(dict(reversed(ALPINE.items())), Idempotency_Key=f'"{KEY}"')
    assert (first.status, again.status) == (202, 202)
    assert first.body["id"] == again.body["id"]
    assert is_valid(first.body["id"])
    assert KEY.replace("-", "") not in first.body["id"]
    assert len(calls.world.memory_rows.rows) == 1


async def test_a_job_that_has_ended_is_not_run_again(calls: Calls) -> None:
    """The answer is as it was."""
    first = await calls.post(ALPINE, Idempotency_Key=KEY)
    calls.close(first.body["id"])
    again = await calls.post(ALPINE, Idempotency_Key=KEY)
    assert (again.status, again.body["id"]) == (202, first.body["id"])
    assert calls.instances.started == [first.body["id"]]


async def test_another_body_under_the_same_key_is_422(calls: Calls) -> None:
    """As the IETF's draft has it; the job that there is stays as it was."""
    first = await calls.post(ALPINE, Idempotency_Key=KEY)
    other = await calls.post(ALPINE | {"cpu": 2}, Idempotency_Key=KEY)
    assert (other.status, pointers(other)) == (422, ["Idempotency-Key"])
    assert calls.instances.started == [first.body["id"]]


async def test_another_key_is_another_job(calls: Calls) -> None:
    """Also with the same body; without a key, each request is one."""
    ids = {
        (await calls.post(ALPINE, **headers)).body["id"]
        for headers in ({"Idempotency_Key": "a"}, {"Idempotency_Key": "b"}, {}, {})
    }
    assert len(ids) == 4


async def test_an_id_and_a_key_are_one_too_many(calls: Calls) -> None:
    """Which of them would count?"""
    answer = await calls.post(ALPINE | {"id": "j"}, Idempotency_Key=KEY)
    assert (answer.status, pointers(answer)) == (400, ["#/id"])


@pytest.mark.parametrize("key", ["", '""', "a b", "x" * 256, "é", "a\tb", '"" "'])
async def test_a_key_is_visible_ascii_of_bounded_length(calls: Calls, key: str) -> None:
    """An empty one is a mistake of the client, and not the wish for none."""
    answer = await calls.post(ALPINE, Idempotency_Key=key)
    assert (answer.status, pointers(answer)) == (400, ["Idempotency-Key"])


async def test_storage_that_is_down_asks_for_the_same_key_again(calls: Calls) -> None:
    """The id is made of a key that storage has."""

    def fail() -> None:
        raise StorageError("down")

    calls.world.memory_rows.before["store"] = fail
    answer = await calls.post(ALPINE, Idempotency_Key=KEY)
    assert answer.status == 503
    assert "Idempotency-Key" in answer.body["detail"]


async def test_a_job_that_is_removed_meanwhile_is_asked_for_again(calls: Calls) -> None:
    """503, and not that the key belongs to another job: then it is free."""
    first = await calls.post(ALPINE, Idempotency_Key=KEY)
    calls.close(first.body["id"])

    def forgotten() -> None:
        calls.world.memory_rows.rows.pop(first.body["id"], None)

    calls.world.memory_rows.before["read"] = forgotten
    assert (await calls.post(ALPINE, Idempotency_Key=KEY)).status == 503
    assert (await calls.post(ALPINE, Idempotency_Key=KEY)).status == 202
