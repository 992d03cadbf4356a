"""The API of logs: parameters, parts, cursors, and headers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from acijobs.domain.errors import StorageError
from acijobs.domain.outcome import Outcome
from acijobs.domain.progress import LogState
from acijobs.domain.reasons import Reason
from acijobs.domain.retry import Again
from acijobs.domain.row import retried
from acijobs.usecases.finish_job import End, end_job
from acijobs.web import log_view
from acijobs_interleaving import accept
from log_readers import ONE, OTHERS, TIME, TWO, LogAnswer, LogReaders

if TYPE_CHECKING:
    from acijobs.logs.window import ArchivedEnd


def ended(readers: LogReaders, log: str | bytes = ONE + TWO) -> None:
    """Let the job end with this log."""
    readers.run(after_s=1)
    readers.write(log)
    readers.end()


def errors(answer: LogAnswer) -> dict[str, str]:
    """Return what is wrong, by its pointer."""
    return {error["pointer"]: error["detail"] for error in json.loads(answer.body)["errors"]}


async def test_the_whole_log_of_an_ended_job_is_one_answer(readers: LogReaders) -> None:
    """As the container wrote it, with all that a follower needs."""
    ended(readers)
    answer = await readers.get()
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


async def test_an_offset_goes_on_within_a_line(readers: LogReaders) -> None:
    """No time is shown."""
    ended(readers)
    assert (await readers.get(offset=ONE.index("ne"))).text == "ne\nzwei €\n"
    assert (await readers.get(offset=len((ONE + TWO).encode()))).text == ""


async def test_with_times_the_answer_is_the_archive(readers: LogReaders) -> None:
    """Byte by byte."""
    ended(readers)
    answer = await readers.get(timestamps="true")
    assert answer.text == ONE + TWO
    assert answer.headers["accept-ranges"] == "bytes"
    assert (await readers.get(timestamps="true", offset=5)).text == (ONE + TWO)[5:]


@pytest.mark.parametrize(("tail", "text"), [(0, ""), (1, "zwei €\n"), (9, "one\nzwei €\n")])
async def test_the_last_lines_lead_on_from_the_end(
    readers: LogReaders, tail: int, text: str
) -> None:
    """So that a follower need not read what came before."""
    ended(readers)
    answer = await readers.get(tail=tail)
    assert answer.text == text
    assert answer.headers["x-next-offset"] == answer.headers["x-log-bytes"]
    shown = (ONE + TWO).encode()[int(answer.headers["x-log-offset"]) :]
    assert shown.count(b"\n") == text.count("\n")


@pytest.mark.parametrize("timestamps", ["true", "false"])
async def test_a_long_log_comes_in_parts(
    readers: LogReaders, monkeypatch: pytest.MonkeyPatch, timestamps: str
) -> None:
    """No answer has more than it may, none ends within a character, and all of it comes."""
    monkeypatch.setattr(log_view, "MAX_ANSWER_BYTES", 100)
    log = "".join(TIME.format(n) + "漢字" * n + "\n" for n in range(20))
    ended(readers, log)
    got, query = "", {"offset": "0", "attempt": "1"}
    for _ in range(200):
        answer = await readers.get(timestamps=timestamps, **query)
        assert len(answer.body) <= 100
        got, query = got + answer.text, answer.next_part
        if answer.is_complete:
            break
    expected = log if timestamps == "true" else "".join("漢字" * n + "\n" for n in range(20))
    assert got == expected


async def test_every_wrong_parameter_is_named(readers: LogReaders) -> None:
    """With what would be right."""
    ended(readers)
    answer = await readers.get(attempt="0", offset="-1", tail="x", wait="26", timestamps="yes")
    assert answer.status == 400
    found = errors(answer)
    assert set(found) == {"?attempt", "?offset", "?tail", "?wait", "?timestamps"}
    assert "0 to 25, not '26'" in found["?wait"]


async def test_an_offset_beyond_the_end_is_refused_with_the_size(readers: LogReaders) -> None:
    """It belongs to another attempt, or another container."""
    ended(readers, ONE)
    answer = await readers.get(offset=len(ONE) + 1)
    assert answer.status == 400
    assert f"which has {len(ONE)} bytes" in errors(answer)["?offset"]
    assert (await readers.get(offset=10**6)).status == 400


async def test_an_unknown_job_attempt_or_container_is_404_and_the_known_ones_are_named(
    readers: LogReaders,
) -> None:
    """A typing error is found at once."""
    assert (await readers.get()).status == 404
    for job_id in ("", "..", "A", "a/b", "é", "x" * 101):
        assert (await readers.get_of(job_id)).status == 404
    ended(readers)
    answer = await readers.get(attempt=2)
    assert (answer.status, errors(answer)) == (
        404,
        {"?attempt": "the job has no attempt 2; it has attempt 1"},
    )
    answer = await readers.get(container="web")
    assert (answer.status, errors(answer)) == (
        404,
        {"?container": "the job has no container 'web'; it has job"},
    )


async def test_the_containers_of_the_specification_are_known(readers: LogReaders) -> None:
    """Those before the job's own, and those beside it."""
    readers.run(after_s=1, **OTHERS)
    readers.end()
    readers.write(TIME.format(3) + "ready\n", container="proxy")
    assert (await readers.get(container="proxy")).text == "ready\n"
    assert (await readers.get(container="fetch")).text == ""
    assert "it has job, fetch, proxy" in errors(await readers.get(container="web"))["?container"]


async def test_storage_that_is_down_is_503(readers: LogReaders) -> None:
    """Rows or archive; never "there is no job"."""
    ended(readers)
    readers.world.memory_logs.troubles = [StorageError("down")]
    answer = await readers.get()
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    readers.world.storage_down = True
    assert (await readers.get()).status == 503


async def test_settings_that_are_wrong_are_the_operators_fault(readers: LogReaders) -> None:
    """500, and what is wrong."""
    ended(readers)
    readers.world.logs_problem = "LogArchiveUrl is missing"
    answer = await readers.get()
    assert (answer.status, b"LogArchiveUrl" in answer.body) == (500, True)


async def test_a_job_that_has_not_begun_has_an_empty_log_that_is_not_complete(
    readers: LogReaders,
) -> None:
    """A follower may begin with the submission."""
    accept(readers.world)
    answer = await readers.get()
    assert (answer.status, answer.text, answer.is_complete) == (200, "", False)
    assert answer.next_part == {"attempt": "1", "offset": "0"}
    assert "etag" not in answer.headers
    stored = readers.world.memory_rows.read("j")
    assert stored is not None
    end_job(readers.world, stored, End(outcome=Outcome.cancelled("")))
    assert (await readers.get(wait=25)).is_complete


async def test_what_is_known_to_be_lost_is_told_in_a_header(readers: LogReaders) -> None:
    """By the row, and by the mark in the part that is shown."""
    readers.run(after_s=1)
    readers.write(
        ONE + "[acijobs] log lines may be missing here: Azure keeps only the newest part of a log\n"
    )
    assert (await readers.get()).headers["x-log-truncated"] == "true"
    assert (await readers.get(tail=0)).headers["x-log-truncated"] == "true"
    stored = readers.world.memory_rows.read("j")
    assert stored is not None
    end = End(outcome=Outcome.succeeded(), collects_log=False, log=LogState(truncated=True))
    end_job(readers.world, stored, end)
    assert (await readers.get(offset=len(ONE))).headers["x-log-truncated"] == "true"


async def test_an_ended_log_that_is_known_is_not_sent_again(readers: LogReaders) -> None:
    """304, for one byte of the archive."""
    ended(readers)
    etag = (await readers.get()).headers["etag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        answer = await readers.get({"If-None-Match": known})
        assert (answer.status, answer.body, answer.headers["etag"]) == (304, b"", etag)
    assert (await readers.get({"If-None-Match": '"other"'})).status == 200


async def test_a_log_that_grew_has_another_etag(readers: LogReaders) -> None:
    """And one that ended, since its end is shown as it is then."""
    readers.run(after_s=1)
    readers.write(ONE)
    first = (await readers.get()).headers["etag"]
    assert (await readers.get({"If-None-Match": first})).status == 304
    readers.write(TWO)
    second = await readers.get({"If-None-Match": first})
    assert (second.status, second.headers["cache-control"]) == (200, "no-store")
    readers.end()
    assert len({first, second.headers["etag"], (await readers.get()).headers["etag"]}) == 3


@pytest.mark.parametrize(
    ("asked", "content_range", "text"),
    [
        ("bytes=0-3", "bytes 0-3/70", "2026"),
        ("bytes=66-", "bytes 66-69/70", "two\n"),
        ("bytes=66-999", "bytes 66-69/70", "two\n"),
        ("Bytes = 66-69", "bytes 66-69/70", "two\n"),
        ("bytes=-4", "bytes 66-69/70", "two\n"),
        ("bytes=-999", "bytes 0-69/70", ONE + TIME.format(2) + "two\n"),
    ],
)
async def test_a_part_of_the_archive_is_206(
    readers: LogReaders, asked: str, content_range: str, text: str
) -> None:
    """So that wget goes on with a file that it has the beginning of."""
    ended(readers, ONE + TIME.format(2) + "two\n")
    answer = await readers.get({"Range": asked}, timestamps="true")
    assert (answer.status, answer.headers["content-range"]) == (206, content_range)
    assert answer.text == text
    etag = answer.headers["etag"]
    same = await readers.get({"Range": asked, "If-Range": etag}, timestamps="true")
    other = await readers.get({"Range": asked, "If-Range": '"other"'}, timestamps="true")
    assert (same.status, other.status) == (206, 200)


@pytest.mark.parametrize("asked", ["bytes=70-", "bytes=70-80", "bytes=-0"])
async def test_a_part_that_the_archive_does_not_have_is_416(
    readers: LogReaders, asked: str
) -> None:
    """With its size."""
    ended(readers, ONE + TIME.format(2) + "two\n")
    answer = await readers.get({"Range": asked}, timestamps="true")
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
    readers: LogReaders, asked: str, query: dict[str, str]
) -> None:
    """As HTTP lets a server do: the text is made from the archive, and has no bytes of its own."""
    ended(readers)
    assert (await readers.get({"Range": asked}, **query)).status == 200


async def test_an_attempt_that_was_followed_leads_on_to_the_next(readers: LogReaders) -> None:
    """Its log is final, though the job is not over; without a number the newest is meant."""
    readers.run(after_s=5)
    readers.write(ONE)
    stored = readers.world.memory_rows.read("j")
    assert stored is not None
    failed = Outcome.failed(Reason.EXIT_CODE, "it exited", exit_code=3, has_ended=True)
    again = retried(stored.row, Again(delay_s=60), failed, now=readers.world.clock.now())
    assert again is not None
    stored = readers.world.memory_rows.swap(stored, again)
    pausing = await readers.get()
    assert (pausing.text, pausing.headers["x-log-attempt"], pausing.is_complete) == (
        "one\n",
        "1",
        False,
    )
    assert pausing.next_part == {"attempt": "2", "offset": "0"}
    following = await readers.get(**pausing.next_part)
    assert (following.text, following.next_part) == ("", pausing.next_part)
    readers.end()
    assert (await readers.get(wait=5, **pausing.next_part)).is_complete
    assert (await readers.get(attempt=1)).next_part == pausing.next_part
    detail = errors(await readers.get(attempt=3))["?attempt"]
    assert detail == "the job has no attempt 3; it has attempts 1 to 2"


async def test_the_last_lines_of_a_large_log_are_read_alone(readers: LogReaders) -> None:
    """And more of it, only where its lines are long."""
    readers.run(after_s=1)
    readers.write("".join(f"{TIME.format(n)}{n:01000d}\n" for n in range(3_000)))
    read: list[int] = []
    read_end = readers.world.memory_logs.read_end

    def noting(key: str, max_bytes: int, *, known_bytes: int = 0) -> ArchivedEnd:
        read.append(max_bytes)
        return read_end(key, max_bytes, known_bytes=known_bytes)

    readers.world.memory_logs.read_end = noting  # type: ignore[method-assign]
    readers.end()
    assert (await readers.get(tail=2)).text == f"{2998:01000d}\n{2999:01000d}\n"
    assert read == [256 * 1024]
    assert (await readers.get(tail=2_000)).text.count("\n") == 2_000
    assert read[1:] == [256 * 1024, 4 * 1024 * 1024]
