"""Timer schedules, and when a timer runs, on a clock of the test's own."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from functions_host.triggers.schedule import TimerSettings, parse_schedule
from functions_host.triggers.timer_status import TimerStatus
from functions_host.triggers.timers import Timer

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)  # a Thursday


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("0 */5 * * * *", "2026-01-01T12:05:00"),
        ("30 0 * * * *", "2026-01-01T12:00:30"),
        ("*/10 * * * * *", "2026-01-01T12:00:10"),
        ("0 0 4 * * *", "2026-01-02T04:00:00"),
        ("0 30 9 * Jan Mon", "2026-01-05T09:30:00"),
        ("0 30 9 * january monday", "2026-01-05T09:30:00"),
        ("0 0 0 1 * *", "2026-02-01T00:00:00"),
        ("0 0 0 13 * 5", "2026-02-13T00:00:00"),  # both days must match: the next Friday the 13th
        ("0 0 9-17 * * MON-FRI", "2026-01-01T13:00:00"),
        ("5 * * * *", "2026-01-01T12:05:00"),
        ("00:30:00", "2026-01-01T12:30:00"),
        ("1.00:00:00", "2026-01-02T12:00:00"),
    ],
)
def test_a_schedule_tells_its_next_occurrence(schedule: str, expected: str) -> None:
    """NCRONTAB with and without seconds, and time spans; UTC."""
    assert parse_schedule(schedule).next_after(NOON) == at(expected)


@pytest.mark.parametrize(
    "schedule",
    ["", "x", "* * * *", "* * * * * * *", "0 60 * * * *", "@daily", "0 0 0 L * *", "0 0 0 ? * *",
     "0 0 0 * * 5#2", "0 0 0 30 2 *", "00:00:00", "-00:01:00", "3000000", "MON * * * * *"],
)  # fmt: skip
def test_what_is_no_schedule_is_refused(schedule: str) -> None:
    """Also what croniter knows and NCRONTAB does not, and a day that never comes."""
    with pytest.raises(ValueError, match=r"."):
        parse_schedule(schedule)


class Trial:
    """A timer with a clock to move and a list of what it ran with."""

    def __init__(self, path: Path, schedule: str = "0 0 4 * * *", **changes: Any) -> None:
        self.now = NOON
        self.ran: list[dict[str, Any]] = []
        self.took = timedelta()
        parsed = parse_schedule(schedule)
        settings = {"run_on_startup": False, "use_monitor": True} | changes
        monitored = settings["use_monitor"]
        self.timer = Timer(
            TimerSettings(schedule=parsed, text=schedule, **settings),
            TimerStatus(path) if monitored else None,
            self._run,
            lambda: self.now,
        )

    async def _run(self, data: str) -> None:
        self.ran.append(json.loads(data))
        self.now += self.took


async def test_a_new_timer_waits_for_its_time(tmp_path: Path) -> None:
    """Nothing was missed by a timer that never ran."""
    trial = Trial(tmp_path / "t.json")
    await trial.timer.start()
    assert trial.ran == []
    assert trial.timer.due == at("2026-01-02T04:00:00")


async def test_a_timer_that_ran_remembers_it(tmp_path: Path) -> None:
    """The function sees the last and the next time; the file holds them."""
    trial = Trial(tmp_path / "t.json")
    await trial.timer.start()
    trial.now = trial.timer.due
    await trial.timer.fire()
    trial.now = trial.timer.due
    await trial.timer.fire()
    assert [run["IsPastDue"] for run in trial.ran] == [False, False]
    assert trial.ran[1]["ScheduleStatus"]["Last"] == "2026-01-02T04:00:00+00:00"
    stored = json.loads((tmp_path / "t.json").read_text())
    assert stored["Next"] == "2026-01-04T04:00:00+00:00"


async def test_a_missed_time_is_made_up_for_once_and_marked(tmp_path: Path) -> None:
    """Three days down are one run, past due."""
    first = Trial(tmp_path / "t.json")
    await first.timer.start()
    second = Trial(tmp_path / "t.json")
    second.now = NOON + timedelta(days=3)
    await second.timer.start()
    assert [run["IsPastDue"] for run in second.ran] == [True]
    assert second.timer.due == at("2026-01-05T04:00:00")
    third = Trial(tmp_path / "t.json")
    third.now = second.now + timedelta(hours=1)
    await third.timer.start()
    assert third.ran == []


async def test_without_monitor_nothing_is_missed_and_nothing_stored(tmp_path: Path) -> None:
    """UseMonitor false."""
    for days in (0, 3):
        trial = Trial(tmp_path / "t.json", use_monitor=False)
        trial.now += timedelta(days=days)
        await trial.timer.start()
        assert trial.ran == []
    assert not (tmp_path / "t.json").exists()


async def test_run_on_startup_runs_once_and_then_by_schedule(tmp_path: Path) -> None:
    """Not past due."""
    trial = Trial(tmp_path / "t.json", run_on_startup=True)
    await trial.timer.start()
    assert [run["IsPastDue"] for run in trial.ran] == [False]
    assert trial.timer.due == at("2026-01-02T04:00:00")


async def test_a_timer_never_overlaps_itself(tmp_path: Path) -> None:
    """Occurrences during a long run are left out."""
    trial = Trial(tmp_path / "t.json", "0 */5 * * * *")
    trial.took = timedelta(minutes=12)
    await trial.timer.start()
    trial.now = trial.timer.due
    await trial.timer.fire()
    assert trial.timer.due == at("2026-01-01T12:20:00")


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"Last": 3, "Next": "x", "LastUpdated": ""}']
)
async def test_an_unreadable_memory_starts_anew(
    tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With a warning that names the file."""
    (tmp_path / "t.json").write_text(content)
    trial = Trial(tmp_path / "t.json")
    await trial.timer.start()
    assert trial.ran == []
    assert "t.json is not readable" in caplog.text
    assert json.loads((tmp_path / "t.json").read_text())["Next"]


async def test_a_clock_set_back_does_not_put_a_timer_off(tmp_path: Path) -> None:
    """It is due at its next time by the clock as it shows now."""
    trial = Trial(tmp_path / "t.json", "0 */5 * * * *")
    await trial.timer.start()
    trial.now -= timedelta(hours=3)
    trial.timer.replan(trial.now)
    assert trial.timer.due == at("2026-01-01T09:05:00")
    trial.timer.replan(trial.now + timedelta(minutes=1))
    assert trial.timer.due == at("2026-01-01T09:05:00")
