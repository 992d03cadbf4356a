"""The API of logs: parameters, parts, cursors, and headers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from typing import TYPE_CHECKING

import pytest

from acijobs.domain.errors import RefusedError, StorageError
from acijobs.domain.group import GroupRef
from acijobs.domain.outcome import Outcome
from acijobs.domain.progress import LogState
from acijobs.domain.reasons import Reason
from acijobs.domain.retry import Again
from acijobs.domain.row import retried
from acijobs.usecases.find_log import FoundLog
from acijobs.usecases.finish_job import End, end_job
from acijobs.web import log_view
from acijobs_interleaving import accept, let_pass
from acijobs_world import NEVER, SCOPE, World, busy, denied
from log_readers import LogAnswer, LogReaders

if TYPE_CHECKING:
    from acijobs.logs.window import ArchivedEnd

T = "2026-11-23T10:00:00.{:09d}Z "
OTHERS = {
    "initContainers": [{"name": "fetch", "image": "alpine"}],
    "sidecars": [{"name": "proxy", "image": "alpine", "cpu": 1, "memoryGb": 1}],
}
ONE, TWO = T.format(1) + "one\n", T.format(2) + "zwei €\n"


@pytest.fixture
def api() -> LogReaders:
    """The API, and a job that has not been submitted."""
    return LogReaders()


def ended(api: LogReaders, log: str | bytes = ONE + TWO) -> None:
    """Let the job end with this log."""
    api.run(after_s=1)
    api.write(log)
    api.end()


def errors(answer: LogAnswer) -> dict[str, str]:
    """Return what is wrong, by its pointer."""
    return {error["pointer"]: error["detail"] for error in json.loads(answer.body)["errors"]}


async def test_the_whole_log_of_an_ended_job_is_one_answer(api: LogReaders) -> None:
    """As the container wrote it, with all that a follower needs."""
    ended(api)
    answer = await api.get()
    assert (answer.status, answer.text) == (200, "one\nzwei €\n")
    size = str(len((ONE + TWO).encode()))
    assert {name: answer.headers[name] for name in answer.headers if name.startswith("x-")} == {
        "x-log-container": "job",
        "x-log-attempt": "1",
        "x-log-offset": "0",
        "x-log-bytes": size,
        "x-next-attempt": "1",
        "x-next-offset": size,
        "x-log-complete": "true",
        "x-log-truncated": "false",
        "x-content-type-options": "nosniff",
    }
    assert answer.headers["cache-control"] == "private, no-cache"


async def test_an_offset_goes_on_within_a_line(api: LogReaders) -> None:
    """No time is shown."""
    ended(api)
    assert (await api.get(offset=ONE.index("ne"))).text == "ne\nzwei €\n"
    assert (await api.get(offset=len((ONE + TWO).encode()))).text == ""


async def test_with_times_the_answer_is_the_archive(api: LogReaders) -> None:
    """Byte by byte."""
    ended(api)
    answer = await api.get(timestamps="true")
    assert answer.text == ONE + TWO
    assert answer.headers["accept-ranges"] == "bytes"
    assert (await api.get(timestamps="true", offset=5)).text == (ONE + TWO)[5:]


@pytest.mark.parametrize(("tail", "text"), [(0, ""), (1, "zwei €\n"), (9, "one\nzwei €\n")])
async def test_the_last_lines_lead_on_from_the_end(api: LogReaders, tail: int, text: str) -> None:
    """So that a follower need not read what came before."""
    ended(api)
    answer = await api.get(tail=tail)
    assert answer.text == text
    assert answer.headers["x-next-offset"] == answer.headers["x-log-bytes"]
    shown = (ONE + TWO).encode()[int(answer.headers["x-log-offset"]) :]
    assert shown.count(b"\n") == text.count("\n")


@pytest.mark.parametrize("timestamps", ["true", "false"])
async def test_a_long_log_comes_in_parts(
    api: LogReaders, monkeypatch: pytest.MonkeyPatch, timestamps: str
) -> None:
    """No answer has more than it may, none ends within a character, and all of it comes."""
    monkeypatch.setattr(log_view, "MAX_ANSWER_BYTES", 100)
    log = "".join(T.format(n) + "漢字" * n + "\n" for n in range(20))
    ended(api, log)
    got, query = "", {"offset": "0", "attempt": "1"}
    for _ in range(200):
        answer = await api.get(timestamps=timestamps, **query)
        assert len(answer.body) <= 100
        got, query = got + answer.text, answer.next_part
        if answer.is_complete:
            break
    expected = log if timestamps == "true" else "".join("漢字" * n + "\n" for n in range(20))
    assert got == expected


async def test_every_wrong_parameter_is_named(api: LogReaders) -> None:
    """With what would be right."""
    ended(api)
    answer = await api.get(attempt="0", offset="-1", tail="x", wait="26", timestamps="yes")
    assert answer.status == 400
    found = errors(answer)
    assert set(found) == {"?attempt", "?offset", "?tail", "?wait", "?timestamps"}
    assert "0 to 25, not '26'" in found["?wait"]


async def test_an_offset_beyond_the_end_is_refused_with_the_size(api: LogReaders) -> None:
    """It belongs to another attempt, or another container."""
    ended(api, ONE)
    answer = await api.get(offset=len(ONE) + 1)
    assert answer.status == 400
    assert f"which has {len(ONE)} bytes" in errors(answer)["?offset"]
    assert (await api.get(offset=10**6)).status == 400


async def test_an_unknown_job_attempt_or_container_is_404_and_the_known_ones_are_named(
    api: LogReaders,
) -> None:
    """A typing error is found at once."""
    assert (await api.get()).status == 404
    for job_id in ("", "..", "A", "a/b", "é", "x" * 101):
        assert (await api.get_of(job_id)).status == 404
    ended(api)
    answer = await api.get(attempt=2)
    assert (answer.status, errors(answer)) == (
        404,
        {"?attempt": "the job has no attempt 2; it has attempt 1"},
    )
    answer = await api.get(container="web")
    assert (answer.status, errors(answer)) == (
        404,
        {"?container": "the job has no container 'web'; it has job"},
    )


async def test_the_containers_of_the_specification_are_known(api: LogReaders) -> None:
    """Those before the job's own, and those beside it."""
    api.run(after_s=1, **OTHERS)
    api.end()
    api.write(T.format(3) + "ready\n", container="proxy")
    assert (await api.get(container="proxy")).text == "ready\n"
    assert (await api.get(container="fetch")).text == ""
    assert "it has job, fetch, proxy" in errors(await api.get(container="web"))["?container"]


async def test_storage_that_is_down_is_503(api: LogReaders) -> None:
    """Rows or archive; never "there is no job"."""
    ended(api)
    api.world.memory_logs.troubles = [StorageError("down")]
    answer = await api.get()
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    api.world.storage_down = True
    assert (await api.get()).status == 503


async def test_settings_that_are_wrong_are_the_operators_fault(api: LogReaders) -> None:
    """500, and what is wrong."""
    ended(api)
    api.world.logs_problem = "LogArchiveUrl is missing"
    answer = await api.get()
    assert (answer.status, b"LogArchiveUrl" in answer.body) == (500, True)


async def test_a_job_that_has_not_begun_has_an_empty_log_that_is_not_complete(
    api: LogReaders,
) -> None:
    """A follower may begin with the submission."""
    accept(api.world)
    answer = await api.get()
    assert (answer.status, answer.text, answer.is_complete) == (200, "", False)
    assert answer.next_part == {"attempt": "1", "offset": "0"}
    assert "etag" not in answer.headers
    stored = api.world.memory_rows.read("j")
    assert stored is not None
    end_job(api.world, stored, End(outcome=Outcome.cancelled("")))
    assert (await api.get(wait=25)).is_complete


async def test_what_is_known_to_be_lost_is_told_in_a_header(api: LogReaders) -> None:
    """By the row, and by the mark in the part that is shown."""
    api.run(after_s=1)
    api.write(
        ONE + "[acijobs] log lines may be missing here: Azure keeps only the newest part of a log\n"
    )
    assert (await api.get()).headers["x-log-truncated"] == "true"
    assert (await api.get(tail=0)).headers["x-log-truncated"] == "true"
    stored = api.world.memory_rows.read("j")
    assert stored is not None
    end = End(outcome=Outcome.succeeded(), collects_log=False, log=LogState(truncated=True))
    end_job(api.world, stored, end)
    assert (await api.get(offset=len(ONE))).headers["x-log-truncated"] == "true"


async def test_an_ended_log_that_is_known_is_not_sent_again(api: LogReaders) -> None:
    """304, for one byte of the archive."""
    ended(api)
    etag = (await api.get()).headers["etag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        answer = await api.get({"If-None-Match": known})
        assert (answer.status, answer.body, answer.headers["etag"]) == (304, b"", etag)
    assert (await api.get({"If-None-Match": '"other"'})).status == 200


async def test_a_log_that_grew_has_another_etag(api: LogReaders) -> None:
    """And one that ended, since its end is shown as it is then."""
    api.run(after_s=1)
    api.write(ONE)
    first = (await api.get()).headers["etag"]
    assert (await api.get({"If-None-Match": first})).status == 304
    api.write(TWO)
    second = await api.get({"If-None-Match": first})
    assert (second.status, second.headers["cache-control"]) == (200, "no-store")
    api.end()
    assert len({first, second.headers["etag"], (await api.get()).headers["etag"]}) == 3


@pytest.mark.parametrize(
    ("asked", "content_range", "text"),
    [
        ("bytes=0-3", "bytes 0-3/70", "2026"),
        ("bytes=66-", "bytes 66-69/70", "two\n"),
        ("bytes=66-999", "bytes 66-69/70", "two\n"),
        ("Bytes = 66-69", "bytes 66-69/70", "two\n"),
        ("bytes=-4", "bytes 66-69/70", "two\n"),
        ("bytes=-999", "bytes 0-69/70", ONE + T.format(2) + "two\n"),
    ],
)
async def test_a_part_of_the_archive_is_206(
    api: LogReaders, asked: str, content_range: str, text: str
) -> None:
    """So that wget goes on with a file that it has the beginning of."""
    ended(api, ONE + T.format(2) + "two\n")
    answer = await api.get({"Range": asked}, timestamps="true")
    assert (answer.status, answer.headers["content-range"]) == (206, content_range)
    assert answer.text == text
    etag = answer.headers["etag"]
    same = await api.get({"Range": asked, "If-Range": etag}, timestamps="true")
    other = await api.get({"Range": asked, "If-Range": '"other"'}, timestamps="true")
    assert (same.status, other.status) == (206, 200)


@pytest.mark.parametrize("asked", ["bytes=70-", "bytes=70-80", "bytes=-0"])
async def test_a_part_that_the_archive_does_not_have_is_416(api: LogReaders, asked: str) -> None:
    """With its size."""
    ended(api, ONE + T.format(2) + "two\n")
    answer = await api.get({"Range": asked}, timestamps="true")
    assert (answer.status, answer.headers["content-range"]) == (416, "bytes */70")
    assert "70 bytes" in json.loads(answer.body)["detail"]


@pytest.mark.parametrize(
    ("asked", "query"),
    [
        ("bytes=0-3", {}),
        ("bytes=0-3", {"timestamps": "false"}),
        ("bytes=0-3", {"timestamps": "true", "offset": "0"}),
        ("bytes=0-3,5-6", {"timestamps": "true"}),
        ("bytes=3-1", {"timestamps": "true"}),
        ("lines=1-2", {"timestamps": "true"}),
    ],
)
async def test_a_range_of_what_is_not_the_archive_is_ignored(
    api: LogReaders, asked: str, query: dict[str, str]
) -> None:
    """As HTTP lets a server do: the text is made from the archive, and has no bytes of its own."""
    ended(api)
    assert (await api.get({"Range": asked}, **query)).status == 200


async def test_reading_a_running_job_makes_its_log_new(api: LogReaders) -> None:
    """No watch need have fetched anything."""
    api.run(after_s=6.5)
    assert (await api.get()).text == "line 0\nline 1\nline 2\n"
    assert api.world.azure.calls["read_log"] == 1


async def test_a_log_is_read_from_azure_at_most_once_a_second(api: LogReaders) -> None:
    """However many read it, and however often."""
    api.run(after_s=5)
    api.world.azure.calls.clear()
    for _ in range(20):
        await asyncio.gather(*(api.get() for _ in range(5)))
        let_pass(api.world, 0.25)
    assert 4 <= api.world.azure.calls["read_log"] <= 6


async def test_the_containers_of_a_job_share_its_reads(api: LogReaders) -> None:
    """Each has its turn, and the job's are one a second."""
    api.run(after_s=5, **OTHERS)
    asked: list[str] = []

    def read_log(name: str, container: str) -> str:
        asked.append(container)
        return ""

    api.world.azure.read_log = read_log  # type: ignore[method-assign]
    for _ in range(40):
        await api.get()
        await api.get(container="proxy")
        let_pass(api.world, 0.25)
    assert 9 <= len(asked) <= 11
    assert abs(asked.count("job") - asked.count("proxy")) <= 1


@pytest.mark.parametrize("trouble", [busy(), denied(), OSError("s3cret"), busy(is_brief=True)])
async def test_azures_trouble_fails_no_read(api: LogReaders, trouble: Exception) -> None:
    """What is archived is shown, a header says why it is not newer, and Azure is left alone a while."""
    api.run(after_s=5)
    api.write(ONE)
    api.world.azure.troubles["read_log"] = [trouble]
    answer = await api.get()
    assert (answer.status, answer.text) == (200, "one\n")
    assert type(trouble).__name__ in answer.headers["x-log-trouble"]
    let_pass(api.world, 2)
    assert "x-log-trouble" in (await api.get()).headers
    assert api.world.azure.calls["read_log"] == 1
    let_pass(api.world, 5)
    assert "x-log-trouble" not in (await api.get()).headers


@pytest.mark.parametrize(("trouble", "told"), [(ValueError("a defect"), 1), (busy(), 0)])
async def test_a_defect_is_told_to_the_operator_too(
    api: LogReaders, caplog: pytest.LogCaptureFixture, trouble: Exception, told: int
) -> None:
    """The reader cannot mend it; what Azure refuses or is too busy for is told by the watch."""
    caplog.set_level(logging.INFO, "acijobs")
    api.run(after_s=5)
    api.world.azure.troubles["read_log"] = [trouble]
    await api.get()
    lines = [r for r in caplog.records if json.loads(r.message)["event"] == "logNotRead"]
    assert [r.levelname for r in lines] == ["ERROR"] * told
    assert all("ValueError: a defect" in r.message and '"job": "' in r.message for r in lines)


async def test_a_log_that_azure_does_not_have_yet_is_asked_for_more_seldom(api: LogReaders) -> None:
    """An image may be pulled for minutes, and each question counts."""
    api.run(after_s=1)
    api.world.azure.read_log = lambda *_: asked.append(1)  # type: ignore[method-assign, func-returns-value]
    asked: list[int] = []
    for _ in range(30):
        await api.get()
        let_pass(api.world, 1)
    assert 8 <= len(asked) <= 11


async def test_trouble_of_any_letters_is_told_in_a_header(api: LogReaders) -> None:
    """Headers are ASCII, without control characters; else the host would answer 500."""
    api.run(after_s=5)
    api.world.azure.troubles["read_log"] = [
        RefusedError("Nein", "nicht erlaubt: \x1b[1m\x00é\r\n漢")
    ]
    answer = await api.get()
    assert (answer.status, answer.headers["x-log-trouble"].isprintable()) == (200, True)
    assert answer.headers["x-log-trouble"].isascii()


async def test_an_attempt_that_was_followed_leads_on_to_the_next(api: LogReaders) -> None:
    """Its log is final, though the job is not over; without a number the newest is meant."""
    api.run(after_s=5)
    api.write(ONE)
    stored = api.world.memory_rows.read("j")
    assert stored is not None
    failed = Outcome.failed(Reason.EXIT_CODE, "it exited", exit_code=3, has_ended=True)
    again = retried(stored.row, Again(delay_s=60), failed, now=api.world.clock.now())
    assert again is not None
    stored = api.world.memory_rows.swap(stored, again)
    pausing = await api.get()
    assert (pausing.text, pausing.headers["x-log-attempt"], pausing.is_complete) == (
        "one\n",
        "1",
        False,
    )
    assert pausing.next_part == {"attempt": "2", "offset": "0"}
    following = await api.get(**pausing.next_part)
    assert (following.text, following.next_part) == ("", pausing.next_part)
    api.end()
    assert (await api.get(wait=5, **pausing.next_part)).is_complete
    assert (await api.get(attempt=1)).next_part == pausing.next_part
    detail = errors(await api.get(attempt=3))["?attempt"]
    assert detail == "the job has no attempt 3; it has attempts 1 to 2"


async def test_the_last_lines_of_a_large_log_are_read_alone(api: LogReaders) -> None:
    """And more of it, only where its lines are long."""
    api.run(after_s=1)
    api.write("".join(f"{T.format(n)}{n:01000d}\n" for n in range(3_000)))
    read: list[int] = []
    read_end = api.world.memory_logs.read_end

    def noting(key: str, max_bytes: int, *, known_bytes: int = 0) -> ArchivedEnd:
        read.append(max_bytes)
        return read_end(key, max_bytes, known_bytes=known_bytes)

    api.world.memory_logs.read_end = noting  # type: ignore[method-assign]
    api.end()
    assert (await api.get(tail=2)).text == f"{2998:01000d}\n{2999:01000d}\n"
    assert read == [256 * 1024]
    assert (await api.get(tail=2_000)).text.count("\n") == 2_000
    assert read[1:] == [256 * 1024, 4 * 1024 * 1024]


async def test_azures_retry_after_is_obeyed(api: LogReaders) -> None:
    """For all logs, where Azure is busy: its budget of reads is everybody's."""
    api.run(after_s=5)
    api.world.azure.troubles["read_log"] = [busy(is_brief=True, retry_after_s=30)]
    await api.get()
    for _ in range(28):
        let_pass(api.world, 1)
        await api.get()
    assert api.world.azure.calls["read_log"] == 1
    let_pass(api.world, 3)
    await api.get()
    assert api.world.azure.calls["read_log"] == 2


async def test_storage_that_fails_during_a_wait_ends_it(api: LogReaders) -> None:
    """With 503, for all who wait: they ask again at the same offset."""
    api.world = World(script={"lines": 1, "end_after_s": NEVER})
    api.run(after_s=5)
    end = (await api.get()).next_part
    waiting = [asyncio.create_task(api.get(wait=20, **end)) for _ in range(3)]
    await asyncio.sleep(0)
    api.world.storage_down = True
    assert {answer.status for answer in await asyncio.gather(*waiting)} == {503}
    api.world.storage_down = False
    assert (await api.get(**end)).status == 200


async def test_an_ended_job_is_not_asked_of_azure(api: LogReaders) -> None:
    """Its archive is all there is."""
    api.run(after_s=5)
    api.end(collects_log=True)
    before = api.world.azure.calls.copy()
    assert (await api.get(wait=5)).text == "line 0\nline 1\n"
    assert api.world.azure.calls == before


async def test_a_follower_that_waits_is_answered_with_the_next_line(api: LogReaders) -> None:
    """And not before."""
    api.run(after_s=5.5)
    first = await api.get()
    began = api.world.clock.current
    answer = await api.get(wait=25, **first.next_part)
    assert answer.text == "line 2\n"
    assert (api.world.clock.current - began).total_seconds() <= 2


async def test_a_follower_of_a_silent_job_is_answered_when_time_is_over(api: LogReaders) -> None:
    """With nothing, and the same offset."""
    api.world = World(script={"lines": 1, "end_after_s": NEVER})
    api.run(after_s=60)
    first = await api.get()
    answer = await api.get(wait=10, **first.next_part)
    assert (answer.status, answer.text, answer.is_complete) == (200, "", False)
    assert answer.next_part == first.next_part


async def test_a_follower_that_waits_hears_of_the_end(api: LogReaders) -> None:
    """As soon as the row is closed."""
    api.world = World(script={"lines": 0, "end_after_s": NEVER})
    api.run(after_s=60)
    waiting = asyncio.create_task(api.get(wait=25, offset=0))
    await asyncio.sleep(0)
    api.end()
    assert (await waiting).is_complete


async def test_a_follower_may_wait_before_the_job_has_begun(api: LogReaders) -> None:
    """Its first line ends the wait."""
    accept(api.world)
    waiting = asyncio.create_task(api.get(wait=25))
    await asyncio.sleep(0)
    api.world.memory_rows.rows.clear()
    api.run(after_s=4)
    assert (await waiting).text.startswith("line 0\n")


async def test_all_who_wait_for_a_log_share_its_looks(api: LogReaders) -> None:
    """A hundred cost what one costs."""
    api.world = World(script={"lines": 0, "end_after_s": NEVER})
    api.run(after_s=5)
    api.world.azure.calls.clear()
    reads: list[int] = []
    api.world.memory_rows.before["read"] = lambda: reads.append(1)
    answers = await asyncio.gather(*(api.get(wait=20) for _ in range(100)))
    assert {answer.text for answer in answers} == {""}
    assert api.world.azure.calls["read_log"] <= 60  # some begin to wait later than others
    assert len(reads) <= 100 + 60


async def test_many_logs_that_are_followed_leave_azures_budget_to_others(api: LogReaders) -> None:
    """Five reads a second, however many jobs are followed in one process."""
    api.run(after_s=5)
    await api.get()
    api.world.azure.calls.clear()
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
            await api.live.refresh(api.world, log)
        let_pass(api.world, 0.5)
    assert 20 * 5 <= api.world.azure.calls["read_log"] <= 20 * 5 + len(logs)


async def test_no_more_requests_wait_than_one_process_bears(api: LogReaders) -> None:
    """503 with Retry-After; who need not wait is answered all the same."""
    api.world = World(script={"lines": 1, "end_after_s": NEVER})
    api.run(after_s=5)
    api.live.max_waiting = 3
    end = (await api.get()).next_part
    with contextlib.ExitStack() as others:
        for number in range(3):
            assert (await api.get(wait=1, **end)).status == 200
            others.enter_context(api.live.waiting(f"another-{number}"))
        refused = await api.get(wait=1, **end)
        assert (refused.status, refused.headers["retry-after"]) == (503, "5")
        assert (await api.get(wait=5)).text == "line 0\n"
    assert (await api.get(wait=1, **end)).status == 200


async def test_those_who_wait_for_one_job_leave_room_for_others(api: LogReaders) -> None:
    """A link to one job must not keep those of other jobs from waiting."""
    api.world = World(script={"lines": 1, "end_after_s": NEVER})
    api.run(after_s=5)
    api.live.max_waiting_of_job = 2
    end = (await api.get()).next_part
    with api.live.waiting("another"), api.live.waiting("another"):
        assert (await api.get(wait=1, **end)).status == 200
    with api.live.waiting("j"), api.live.waiting("j"):
        assert (await api.get(wait=1, **end)).status == 503
