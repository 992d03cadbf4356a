"""Timer triggers on the host as a subprocess."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from functions_host_process import APPS, HostProcess

if TYPE_CHECKING:
    from pathlib import Path

NEVER_NOW = "0 0 3 1 1 *"


def test_timers_run_when_due_at_start_and_by_hand(tmp_path: Path) -> None:
    """Every second, at the start, and through the admin API."""
    with HostProcess(APPS / "timers", tmp_path, settings={"DAILY": NEVER_NOW}) as host:
        host.wait_for_line("AtStart started")
        host.wait_for(lambda: host.log.count("tick past_due=False") >= 2)
        assert "Daily timer" not in host.log
        assert host.post("/admin/functions/Daily", {"input": ""}).status == 202
        host.wait_for_line("daily past_due=False next=")
        assert host.stop() == 0
    assert not (tmp_path / "timers" / "EverySecond.json").exists()  # too frequent to be monitored


def test_a_timer_missed_while_the_host_was_down_runs_past_due(tmp_path: Path) -> None:
    """The memory is in the state folder."""
    status = tmp_path / "timers" / "Daily.json"
    with HostProcess(APPS / "timers", tmp_path, settings={"DAILY": NEVER_NOW}) as host:
        host.wait_for(status.exists)
    long_ago = datetime.now(UTC) - timedelta(days=800)
    stored = {"Last": long_ago, "Next": long_ago + timedelta(days=1), "LastUpdated": long_ago}
    status.write_text(json.dumps({name: m.isoformat() for name, m in stored.items()}))
    with HostProcess(APPS / "timers", tmp_path, settings={"DAILY": NEVER_NOW}) as host:
        host.wait_for_line("daily past_due=True")
