"""The log in what GET shows of a job."""

from __future__ import annotations

import pytest

from acijobs.domain.outcome import Outcome
from acijobs.domain.reasons import Reason
from acijobs.domain.retry import Again
from acijobs.domain.row import retried
from acijobs.web.job_logs import MAX_READ_BYTES, MAX_TEXT_BYTES
from acijobs.web.jobs import read_job
from job_api import Api, request
from job_calls import decoded

pytestmark = pytest.mark.filterwarnings("ignore:enable_cleanup_closed:DeprecationWarning")

T = "2026-11-23T10:00:00.000000001Z "


@pytest.mark.parametrize(
    ("query", "logs"),
    [
        ("", "one\ntwo\rhalf\nthree\n"),
        ("?tail=0", ""),
        ("?tail=1", "three\n"),
        ("?tail=2", "two\rhalf\nthree\n"),
        ("?tail=3", "one\ntwo\rhalf\nthree\n"),
        ("?tail=999999999", "one\ntwo\rhalf\nthree\n"),
    ],
)
async def test_the_log_is_shown_as_the_container_wrote_it(api: Api, query: str, logs: str) -> None:
    """Whole or its last lines, without times; a carriage return ends no line."""
    api.running()
    api.write_log(f"{T}one\n{T}two\rhalf\n{T}three\n")
    answer = await api.get("j", query)
    assert (answer.status, answer.body["logs"]) == (202, logs)
    assert answer.body["logState"]["archivedBytes"] > 0


async def test_a_job_without_a_group_has_an_empty_log(api: Api) -> None:
    """Nothing was created yet."""
    api.accepted()
    answer = await api.get()
    assert (answer.body["logs"], answer.body["logState"]["archivedBytes"]) == ("", 0)


async def test_a_last_line_without_an_end_is_a_line(api: Api) -> None:
    """A container need not end its output with a line end."""
    api.running()
    api.write_log(f"{T}one\n{T}two")
    assert (await api.get("j", "?tail=1")).body["logs"] == "two"
    assert (await api.get("j", "?tail=0")).body["logs"] == ""


@pytest.mark.parametrize("tail", ["-1", "1.5", "x", "1e3", "٣", "9" * 10])
async def test_a_wrong_tail_is_refused(api: Api, tail: str) -> None:
    """With the value that was given."""
    api.running()
    assert (await api.get("j", f"?tail={tail}")).status == 400


async def test_a_long_log_is_shown_from_a_line_start(api: Api) -> None:
    """The answer carries the last 64 KB of it, the times not counted, and says so."""
    api.running()
    line = f"{T}{'x' * 100}é\n"
    api.write_log(line * (MAX_TEXT_BYTES // 100))
    body = (await api.get()).body
    assert set(body["logs"].split("\n")) == {"x" * 100 + "é", ""}
    assert MAX_TEXT_BYTES - len(line) < len(body["logs"].encode()) <= MAX_TEXT_BYTES
    assert body["logState"]["partial"]


async def test_a_log_of_very_short_lines_is_read_far_back(api: Api) -> None:
    """Most of what is read are times, so that there is less text than in other logs."""
    api.running()
    line = f"{T}y\n"
    api.write_log(line * (2 * MAX_READ_BYTES // len(line)))
    body = (await api.get()).body
    assert body["logs"] == "y\n" * (MAX_TEXT_BYTES // len("y\n") - 1)
    assert body["logState"]["partial"]


@pytest.mark.parametrize(
    ("log", "query", "logs", "partial"),
    [
        (f"{T}one\n{T}two\n", "", "one\ntwo\n", False),
        (f"{T}one\n{T}two\n", "?tail=2", "one\ntwo\n", False),
        (f"{T}one\n{T}two\n", "?tail=1", "two\n", True),
        (f"{T}one\n", "?tail=0", "", True),
        ("", "?tail=0", "", False),
        (T + "é" * MAX_TEXT_BYTES, "", "é" * (MAX_TEXT_BYTES // 2), True),
        (T + "z" * MAX_TEXT_BYTES + f"\n{T}end\n", "", "end\n", True),
    ],
)
async def test_a_part_of_a_log_is_said_to_be_one(
    api: Api, log: str, query: str, logs: str, *, partial: bool
) -> None:
    """Whether it was asked for or is all that one answer carries."""
    api.running()
    api.write_log(log)
    body = (await api.get("j", query)).body
    assert body["logs"] == logs
    assert body["logState"]["partial"] is partial


async def test_a_part_of_a_log_says_where_the_rest_is(api: Api) -> None:
    """At the address that callers know, without the key that was sent."""
    api.running()
    asked = request("/api/jobs/j?code=K&tail=1", id="j")
    for public_url, host in (("", "app.example"), ("https://jobs.example", "jobs.example")):
        answer = await read_job(asked, api.instances, api.world, public_url=public_url)
        url = decoded(answer).body["logState"]["url"]
        assert url == f"https://{host}/api/jobs/j/logs"


async def test_between_two_attempts_the_log_of_the_last_one_is_shown(api: Api) -> None:
    """The next one has none yet, and a job that is cancelled then never will."""
    api.running()
    api.write_log(f"{T}one\n")
    stored = api.world.memory_rows.read("j")
    assert stored is not None
    failed = Outcome.failed(Reason.EXIT_CODE, "it exited", exit_code=3, has_ended=True)
    again = retried(stored.row, Again(delay_s=60), failed, now=api.world.clock.now())
    assert again is not None
    api.world.memory_rows.swap(stored, again)
    assert (await api.get()).body["logs"] == "one\n"


async def test_a_log_store_that_is_down_does_not_look_like_a_failed_job(api: Api) -> None:
    """How the job is, is shown all the same; why there is no log, without its secrets."""
    api.running()
    api.world.memory_logs.troubles = [OSError("disk s3cret")]
    answer = await api.get()
    assert (answer.status, answer.body["logs"]) == (202, None)
    assert "OSError" in answer.body["logsError"]
    assert "s3cret" not in answer.body["logsError"]
