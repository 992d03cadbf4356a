"""Logs made new while their containers run, within Azure's budget of reads."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest

from acijobs.domain.errors import RefusedError
from acijobs.domain.group import GroupRef
from acijobs.usecases.find_log import FoundLog
from acijobs_interleaving import let_pass
from acijobs_world import SCOPE
from log_readers import ONE, OTHERS, LogReaders
from scripted_azure import busy, denied


async def test_reading_a_running_job_makes_its_log_new(readers: LogReaders) -> None:
    """No watch need have fetched anything."""
    readers.run(after_s=6.5)
    assert (await readers.get()).text == "line 0\nline 1\nline 2\n"
    assert readers.world.azure.calls["read_log"] == 1


async def test_a_log_is_read_from_azure_at_most_once_a_second(readers: LogReaders) -> None:
    """However many read it, and however often."""
    readers.run(after_s=5)
    readers.world.azure.calls.clear()
    for _ in range(20):
        await asyncio.gather(*(readers.get() for _ in range(5)))
        let_pass(readers.world, 0.25)
    assert 4 <= readers.world.azure.calls["read_log"] <= 6


async def test_the_containers_of_a_job_share_its_reads(readers: LogReaders) -> None:
    """Each has its turn, and the job's are one a second."""
    readers.run(after_s=5, **OTHERS)
    asked: list[str] = []

    def read_log(name: str, container: str) -> str:
        asked.append(container)
        return ""

    readers.world.azure.read_log = read_log  # type: ignore[method-assign]
    for _ in range(40):
        await readers.get()
        await readers.get(container="proxy")
        let_pass(readers.world, 0.25)
    assert 9 <= len(asked) <= 11
    assert abs(asked.count("job") - asked.count("proxy")) <= 1


@pytest.mark.parametrize("trouble", [busy(), denied(), OSError("s3cret"), busy(is_brief=True)])
async def test_azures_trouble_fails_no_read(readers: LogReaders, trouble: Exception) -> None:
    """What is archived is shown, a header says why it is not newer, and Azure is left alone a while."""
    readers.run(after_s=5)
    readers.write(ONE)
    readers.world.azure.troubles["read_log"] = [trouble]
    answer = await readers.get()
    assert (answer.status, answer.text) == (200, "one\n")
    assert type(trouble).__name__ in answer.headers["x-log-trouble"]
    let_pass(readers.world, 2)
    assert "x-log-trouble" in (await readers.get()).headers
    assert readers.world.azure.calls["read_log"] == 1
    let_pass(readers.world, 5)
    assert "x-log-trouble" not in (await readers.get()).headers


@pytest.mark.parametrize(("trouble", "told"), [(ValueError("a defect"), 1), (busy(), 0)])
async def test_a_defect_is_told_to_the_operator_too(
    readers: LogReaders, caplog: pytest.LogCaptureFixture, trouble: Exception, told: int
) -> None:
    """The reader cannot mend it; what Azure refuses or is too busy for is told by the watch."""
    caplog.set_level(logging.INFO, "acijobs")
    readers.run(after_s=5)
    readers.world.azure.troubles["read_log"] = [trouble]
    await readers.get()
    lines = [r for r in caplog.records if json.loads(r.message)["event"] == "logNotRead"]
    assert [r.levelname for r in lines] == ["ERROR"] * told
    assert all("ValueError: a defect" in r.message and '"job": "' in r.message for r in lines)


async def test_a_log_that_azure_does_not_have_yet_is_asked_for_more_seldom(
    readers: LogReaders,
) -> None:
    """An image may be pulled for minutes, and each question counts."""
    readers.run(after_s=1)
    readers.world.azure.read_log = lambda *_: asked.append(1)  # type: ignore[method-assign, func-returns-value]
    asked: list[int] = []
    for _ in range(30):
        await readers.get()
        let_pass(readers.world, 1)
    assert 8 <= len(asked) <= 11


async def test_trouble_of_any_letters_is_told_in_a_header(readers: LogReaders) -> None:
    """Headers are ASCII, without control characters; else the host would answer 500."""
    readers.run(after_s=5)
    readers.world.azure.troubles["read_log"] = [
        RefusedError("Nein", "nicht erlaubt: \x1b[1m\x00é\r\n漢")
    ]
    answer = await readers.get()
    assert (answer.status, answer.headers["x-log-trouble"].isprintable()) == (200, True)
    assert answer.headers["x-log-trouble"].isascii()


async def test_azures_retry_after_is_obeyed(readers: LogReaders) -> None:
    """For all logs, where Azure is busy: its budget of reads is everybody's."""
    readers.run(after_s=5)
    readers.world.azure.troubles["read_log"] = [busy(is_brief=True, retry_after_s=30)]
    await readers.get()
    for _ in range(28):
        let_pass(readers.world, 1)
        await readers.get()
    assert readers.world.azure.calls["read_log"] == 1
    let_pass(readers.world, 3)
    await readers.get()
    assert readers.world.azure.calls["read_log"] == 2


async def test_an_ended_job_is_not_asked_of_azure(readers: LogReaders) -> None:
    """Its archive is all there is."""
    readers.run(after_s=5)
    readers.end(collects_log=True)
    before = readers.world.azure.calls.copy()
    assert (await readers.get(wait=5)).text == "line 0\nline 1\n"
    assert readers.world.azure.calls == before


async def test_many_logs_that_are_followed_leave_azures_budget_to_others(
    readers: LogReaders,
) -> None:
    """Five reads a second, however many jobs are followed in one process."""
    readers.run(after_s=5)
    await readers.get()
    readers.world.azure.calls.clear()
    logs = [
        FoundLog(
            job_id=f"{n}",
            attempt=1,
            container="job",
            is_live=True,
            group=GroupRef(scope=SCOPE, nonce=f"{n}"),
        )
        for n in range(50)
    ]
    for _ in range(40):
        for log in logs:
            await readers.live.refresh(readers.world, log)
        let_pass(readers.world, 0.5)
    assert 20 * 5 <= readers.world.azure.calls["read_log"] <= 20 * 5 + len(logs)
