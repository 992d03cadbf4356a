"""What a job tells of itself from inside."""

from __future__ import annotations

import asyncio
import itertools
from functools import reduce
from typing import Any

import pytest

from acijobs.domain.errors import StorageError
from acijobs.domain.nesting import MAX_LEVELS
from acijobs.domain.outcome import Outcome
from acijobs.domain.row import Run
from acijobs.domain.told import MAX_LOOKS, MAX_OUTPUTS_BYTES, Told, with_outputs
from acijobs.usecases.finish_job import End, end_job
from acijobs.web.event_body import MAX_BODY_BYTES, JobEvent
from acijobs.web.pace import Pace
from job_calls import ALPINE, Calls, pointers

RUN = Run(job_id="j", offer=1, execution="x")


@pytest.fixture
async def calls() -> Calls:
    """The job `j` runs."""
    calls = Calls()
    await calls.post(ALPINE | {"id": "j"})
    calls.run(RUN)
    return calls


async def test_progress_shows_at_once(calls: Calls) -> None:
    """The row is not written for it."""
    writes = calls.world.memory_rows.writes["swap"]
    answer = await calls.tell("j", {"progress": 0.5, "message": "frame 120\nof 240"})
    assert (answer.status, answer.body) == (202, {"id": "j"})
    shown = (await calls.get("j")).body["progress"]
    assert (shown["value"], shown["message"]) == (0.5, "frame 120 of 240")
    assert shown["at"].startswith("2026-01-01T00:00")
    assert calls.world.memory_rows.writes["swap"] == writes


async def test_what_an_event_does_not_say_stays(calls: Calls) -> None:
    """A message alone does not take the progress back, nor the other way round."""
    calls.pace = Pace(steady_s=itertools.count().__next__)
    await calls.tell("j", {"progress": 0.5, "message": "half"})
    await calls.tell("j", {"message": "more"})
    assert (await calls.get("j")).body["progress"]["value"] == 0.5
    await calls.tell("j", {"progress": 1})
    assert (await calls.get("j")).body["progress"]["message"] == "more"


async def test_outputs_are_merged_by_name(calls: Calls) -> None:
    """The last value of each name counts, whole."""
    await calls.tell("j", {"outputs": {"a": {"b": 1}, "n": None}})
    await calls.tell("j", {"outputs": {"a": {"c": 2}, "ü": ["x"]}})
    assert (await calls.get("j")).body["outputs"] == {"a": {"c": 2}, "n": None, "ü": ["x"]}


async def test_outputs_stay_with_the_ended_job(calls: Calls) -> None:
    """They are copied into the row when it is closed, with the last progress."""
    await calls.tell("j", {"outputs": {"a": 1}, "progress": 1, "done": True})
    stored = calls.world.memory_rows.read("j")
    assert stored is not None
    end_job(calls.world, stored, End(outcome=Outcome.succeeded(), collects_log=False))
    assert calls.row("j").told.outputs == {"a": 1}
    del calls.world.memory_rows.all_told["j"]
    shown = (await calls.get("j")).body
    assert (shown["outputs"], shown["progress"]["value"]) == ({"a": 1}, 1)


async def test_outputs_have_16_kb_in_all(calls: Calls) -> None:
    """413, and nothing of that event is kept; what was kept before stays."""
    await calls.tell("j", {"outputs": {"a": "x" * (MAX_OUTPUTS_BYTES - 20)}})
    answer = await calls.tell("j", {"outputs": {"b": "x" * 20}, "progress": 0.5})
    assert (answer.status, pointers(answer)) == (413, ["#/outputs"])
    shown = (await calls.get("j")).body
    assert (list(shown["outputs"]), shown["progress"]) == (["a"], None)
    assert (await calls.tell("j", {"outputs": {"a": 1, "b": 2}})).status == 202


@pytest.mark.parametrize("character", ["x", "é", "☀", "🏖"])
def test_the_limit_is_in_bytes_of_utf8(character: str) -> None:
    """Compact JSON, and no escape for what has none."""
    count = (MAX_OUTPUTS_BYTES - len('{"a":""}')) // len(character.encode())
    assert with_outputs(Told(), {"a": character * count}) is not None
    assert with_outputs(Told(), {"a": character * (count + 1)}) is None


async def test_a_body_has_64_kb(calls: Calls) -> None:
    """413 before anything is read of it."""
    assert (await calls.tell("j", b" " * MAX_BODY_BYTES + b"{}")).status == 413


@pytest.mark.parametrize(
    ("event", "wrong"),
    [
        ({"progress": 2}, ["#/progress"]),
        ({"progress": "0.5"}, ["#/progress"]),
        ({"progress": True}, ["#/progress"]),
        (b'{"progress": NaN}', ["#"]),
        (b'{"progress": 1e999}', ["#/progress"]),
        ({"message": 1, "outputs": [], "done": "yes"}, ["#/message", "#/outputs", "#/done"]),
        ({"outputs": {"": 1}}, ["#/outputs"]),
        ({"outputs": {"a": "\ud800"}}, ["#/outputs/a"]),
        ({"a/b~": 1}, ["#/a~1b~0"]),
        ({}, ["#"]),
        ([], ["#"]),
        (b"", ["#"]),
        (b"\xff", ["#"]),
        (b"[" * 60_000, ["#"]),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_a_wrong_event_is_refused_with_all_that_is_wrong(
    calls: Calls, event: Any, wrong: list[str]
) -> None:
    """400, and nothing of it is kept."""
    answer = await calls.tell("j", event)
    assert (answer.status, pointers(answer)) == (400, wrong)
    assert calls.world.memory_rows.all_told == {}


async def test_any_content_type_is_taken_but_no_chunks(calls: Calls) -> None:
    """`curl -d` and `wget --post-data` send that of a form."""
    form = "application/x-www-form-urlencoded"
    assert (await calls.tell("j", {"progress": 0}, Content_Type=form)).status == 202
    assert (await calls.tell("j", {"progress": 0}, Transfer_Encoding="chunked")).status == 411


async def test_a_closed_job_takes_no_more(calls: Calls) -> None:
    """410, with how it ended."""
    calls.close("j")
    answer = await calls.tell("j", {"progress": 0.5})
    assert (answer.status, "Succeeded" in answer.body["detail"]) == (410, True)
    assert calls.world.memory_rows.all_told == {}


@pytest.mark.parametrize("job_id", ["none", "a/b", "", "é"])
async def test_an_unknown_job_is_404(calls: Calls, job_id: str) -> None:
    """However odd its id."""
    assert (await calls.tell(job_id, {"progress": 0.5})).status == 404


async def test_done_asks_for_a_look_three_times_at_most(calls: Calls) -> None:
    """Later ones are taken and ignored: a job that cries wolf does not cost more polls."""
    for _ in range(MAX_LOOKS + 2):
        assert (await calls.tell("j", {"done": True})).status == 202
    assert calls.instances.looked == ["j"] * MAX_LOOKS
    assert (await calls.tell("j", {"done": False})).status == 202
    assert calls.instances.looked == ["j"] * MAX_LOOKS


async def test_two_events_at_once_lose_nothing(calls: Calls) -> None:
    """Outputs are merged into what is there by then."""
    rows = calls.world.memory_rows

    def meanwhile() -> None:
        del rows.before["swap_told"]
        rows.swap_told("j", rows.told("j"), Told(outputs={"theirs": 1}))

    rows.before["swap_told"] = meanwhile
    await calls.tell("j", {"outputs": {"mine": 2}})
    assert (await calls.get("j")).body["outputs"] == {"theirs": 1, "mine": 2}


async def test_storage_that_is_down_is_503(calls: Calls) -> None:
    """The container may try again."""

    def fail() -> None:
        raise StorageError("down")

    for point, event in (
        ("read", {"progress": 0}),
        ("tell_progress", {"progress": 0}),
        ("swap_told", {"done": True}),
    ):
        calls.world.memory_rows.before = {point: fail}
        assert (await calls.tell("j", event)).status == 503
    assert calls.instances.looked == []


class Turns:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.waiting: list[tuple[float, asyncio.Event]] = []

    def steady_s(self) -> float:
        """Return the time."""
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        """Wait until so much time has passed."""
        woken = asyncio.Event()
        self.waiting.append((self.now_s + seconds, woken))
        await woken.wait()

    async def pass_to(self, now_s: float) -> None:
        """Let time pass up to this moment, and all go on who waited for it."""
        self.now_s = now_s
        for due, woken in self.waiting:
            if due <= now_s:
                woken.set()
        for _ in range(5):
            await asyncio.sleep(0)  # whoever was woken goes on


async def test_one_write_a_second_and_the_newest_of_what_came_meanwhile() -> None:
    """The last that is told of each field is written; nobody waits, and each job has its turns."""
    turns, written = Turns(), list[Any]()
    pace = Pace(turns.steady_s, turns.sleep)

    async def write(event: JobEvent) -> None:
        written.append((event.progress, event.message))

    async def tell(job_id: str, progress: float | None = None, message: str | None = None) -> None:
        await pace.write(job_id, JobEvent(progress=progress, message=message), write)
        await turns.pass_to(turns.now_s)

    await tell("j", 0.1)
    await tell("j", 0.2, "two")
    await turns.pass_to(0.5)
    await tell("j", 0.3)
    await tell("other", 0.9)
    await turns.pass_to(0.9)
    assert written == [(0.1, None), (0.9, None)]
    await turns.pass_to(1.0)
    assert written[2:] == [(0.3, "two")]
    await tell("j", None, "four")
    await turns.pass_to(1.9)
    assert written[3:] == []
    await turns.pass_to(2.0)
    assert written[3:] == [(None, "four")]
    await turns.pass_to(9.0)
    await tell("j", 0.5)
    assert written[4:] == [(0.5, None)]


async def test_a_write_that_fails_later_does_not_keep_the_next_one() -> None:
    """Nobody waits for it: it is told in the log. One that fails at once is the caller's to know."""
    turns, written, event = Turns(), list[JobEvent](), JobEvent(progress=0.5)
    pace = Pace(turns.steady_s, turns.sleep)

    async def fail(event: JobEvent) -> None:
        raise StorageError("down")

    async def write(event: JobEvent) -> None:
        written.append(event)

    with pytest.raises(StorageError):
        await pace.write("j", event, fail)
    await pace.write("j", event, fail)
    await turns.pass_to(0.0)
    await turns.pass_to(1.0)
    await pace.write("j", event, write)
    await turns.pass_to(1.0)
    await turns.pass_to(2.0)
    assert written == [event]


async def test_a_process_remembers_a_bounded_number_of_jobs() -> None:
    """It lives for weeks."""
    turns = Turns()
    pace = Pace(turns.steady_s, turns.sleep)

    async def write(event: JobEvent) -> None:
        """Write nothing."""

    for number in range(10_050):
        await pace.write(str(number), JobEvent(progress=0), write)
    assert len(pace._written_at) == 10_000
    assert pace._waiting == {}


def _nested(levels: int) -> Any:
    return reduce(lambda inner, _: [inner], range(levels - 1), [])


async def test_outputs_that_are_nested_too_deep_are_refused(calls: Calls) -> None:
    """Kept, they could not be written again: the job could not be shown, nor closed."""
    for levels in (MAX_LEVELS, 700):
        body = {"outputs": {"a": _nested(levels)}}
        answer = await calls.tell("j", body)
        assert (answer.status, pointers(answer)) == (400, ["#"])
    deepest = _nested(MAX_LEVELS - 2)
    assert (await calls.tell("j", {"outputs": {"a": deepest}})).status == 202
    assert (await calls.get("j")).body["outputs"] == {"a": deepest}


async def test_a_progress_that_no_float_holds_is_refused(calls: Calls) -> None:
    """JSON's numbers have no end."""
    answer = await calls.tell("j", {"progress": 10**400})
    assert (answer.status, pointers(answer)) == (400, ["#/progress"])


async def test_of_many_wrong_fields_the_first_ones_are_told(calls: Calls) -> None:
    """An answer is not many times as large as its request."""
    answer = await calls.tell("j", {f"f{at}": 1 for at in range(4_000)})
    assert (answer.status, len(pointers(answer))) == (400, 20)
