from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acijobs.domain.observation import ContainerEvent, ContainerState, Observation
from acijobs.domain.policy import WatchPolicy
from acijobs.domain.progress import LogState
from acijobs.domain.watch import Change, Watch, merge_logs

START = datetime(2026, 11, 23, 10, tzinfo=UTC)
GONE = {"kind": "gone"}
REFUSED = {"kind": "refused", "code": "AuthorizationFailed", "message": "no right to read"}
BUSY = {"kind": "busy", "code": "TooManyRequests", "message": "later", "retryAfterSeconds": 17.0}


def watch(**fields: Any) -> Watch:
    known: dict[str, Any] = {
        "job_id": "j",
        "group": "job-j",
        "restart_policy": "Never",
        "created_at": START,
        "deadline": START + timedelta(hours=1),
    }
    return Watch(**known | fields)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def seen(state: str | None, code: int | None = None, **more: Any) -> dict[str, Any]:
    events = more.pop("events", ())
    container = ContainerState(name="job", state=state, exit_code=code, **more)
    look = Observation(group_state="Running", containers=(container,), events=events)
    return {"kind": "seen", "observation": look.to_json()}


PULLING = ContainerEvent(name="Pulling", message="", kind="Normal", first_at="2026-11-23T10:00:01Z")


def test_each_later_stage_is_one_change() -> None:
    """And none of them is reported twice, nor a step back."""
    watching, changes = watch(), []
    for reply in [
        seen("Waiting"),
        seen("Waiting", events=(PULLING,)),
        seen("Waiting", events=(PULLING,)),
        seen("Waiting"),
        seen("Running", started_at="2026-11-23T10:00:09Z"),
        seen("Running"),
        seen("Waiting", restart_count=1),
        seen("Terminated", 0, finished_at="2026-11-23T10:00:29Z"),
    ]:
        watching, change = watching.see(reply, after(1))
        changes.append(change.what if change else None)
    assert changes == [None, "stage", None, None, "stage", None, "restarted", "ended"]
    assert watching.stage == "running"
    assert watching.look == 8
    assert watching.times == {
        "imagePulling": "2026-11-23T10:00:01Z",
        "containerStarted": "2026-11-23T10:00:09Z",
        "containerFinished": "2026-11-23T10:00:29Z",
    }


def test_an_end_carries_exit_code_and_reason() -> None:
    """As judged from the observation."""
    _, change = watch().see(seen("Terminated", 3), after(1))
    assert change is not None
    assert (change.what, change.exit_code, change.code) == ("ended", 3, "NonZeroExitCode")


def test_a_right_withdrawn_by_mistake_may_come_back() -> None:
    """Only ten minutes of nothing but refusals give the job up."""
    watching = watch(stage="running")
    for at_s, reply in [(0, REFUSED), (599, REFUSED), (700, seen("Running")), (800, REFUSED)]:
        watching, change = watching.see(reply, after(at_s))
        assert change is None
    assert watching.see(REFUSED, after(1399))[1] is None
    _, change = watching.see(REFUSED, after(1400))
    assert change == Change(what="refused", code="AuthorizationFailed", message="no right to read")


def test_a_group_that_azure_shows_late_is_waited_for() -> None:
    """Three looks long; once it was seen, two absences in a row mean that it is gone."""
    watching = watch()
    for _ in range(2):
        watching, change = watching.see(GONE, after(1))
        assert change is None
    assert watching.see(GONE, after(1))[1] == Change(what="gone")
    assert watching.see(seen("Waiting"), after(1))[0].absences == 0
    watching, change = watch(stage="running", was_seen=True).see(GONE, after(1))
    assert change is None
    assert watching.next_look_at(after(1)) == after(3)
    assert watching.see(GONE, after(3))[1] == Change(what="gone")


def test_a_container_that_crashes_for_ever_is_reported_five_times() -> None:
    """The job's own history must not grow with its restarts."""
    watching, changes = watch(stage="running"), []
    for count in range(1, 20):
        watching, change = watching.see(seen("Waiting", restart_count=count), after(1))
        changes.append(change)
    assert [c.what for c in changes if c] == ["restarted"] * 5
    assert watching.restarts == 19


@pytest.mark.parametrize("reply", [seen("Running"), BUSY, REFUSED, GONE])
def test_a_deadline_holds_whatever_azure_answers(reply: dict[str, Any]) -> None:
    """Throttling and refusals do not make a job immortal."""
    watching = watch(stage="running" if reply["kind"] == "seen" else "creating")
    assert watching.see(reply, after(3599))[1] is None
    assert watching.see(reply, after(3600))[1] == Change(what="late")


def test_an_end_seen_at_the_deadline_is_an_end() -> None:
    """Not a timeout."""
    _, change = watch(stage="running").see(seen("Terminated", 0), after(7200))
    assert change is not None
    assert change.what == "ended"


def test_a_stage_reached_at_the_deadline_is_a_stage() -> None:
    """The job then gets its own deadline for running."""
    _, change = watch().see(seen("Running"), after(3600))
    assert change == Change(what="stage")


def test_what_the_service_asks_for_counts_for_one_look() -> None:
    """The next answer without a Retry-After forgets it."""
    watching, _ = watch(look=3).see(BUSY, after(5))
    assert watching.next_look_at(after(5)) == after(22)
    watching, _ = watching.see(seen("Waiting"), after(22))
    assert watching.next_look_at(after(22)) <= after(25)


def test_the_next_look_is_never_after_the_deadline_nor_in_the_past() -> None:
    """So that a deadline is noticed when it passes."""
    watching = watch(look=5, retry_after_s=600.0)
    assert watching.next_look_at(after(3500)) == after(3600)
    assert watching.next_look_at(after(4000)) == after(4000)
    later = watching.until(after(9000))
    assert later.next_look_at(after(3500)) == after(4100)


def test_a_failed_fetch_is_told_and_a_lost_line_is_never_forgotten() -> None:
    """The log's state only ever grows; the trouble is over with the next fetch that works."""
    fetched = {"kind": "fetched", "archivedBytes": 10, "addedBytes": 10, "truncated": True}
    watching = watch().with_logs(fetched).with_logs(BUSY).with_logs(REFUSED)
    trouble = "AuthorizationFailed: no right to read"
    assert watching.logs == LogState(archived_bytes=10, truncated=True, trouble=trouble)
    more = watching.with_logs(fetched | {"archivedBytes": 20, "truncated": False})
    assert more.logs == LogState(archived_bytes=20, truncated=True)


def test_a_log_that_azure_never_showed_is_not_complete() -> None:
    """The last fetch worked, but there was nothing to fetch."""
    fetched = {"kind": "fetched", "archivedBytes": 0, "addedBytes": 0, "truncated": False}
    assert merge_logs(LogState(), fetched | {"found": True}, complete=True).complete
    assert not merge_logs(LogState(), fetched | {"found": False}, complete=True).complete


@given(
    st.integers(0, 9),
    st.none() | st.floats(0, 600),
    st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=60)),
    st.dictionaries(st.sampled_from(["imagePulling", "containerStarted"]), st.text(max_size=9)),
)
def test_a_watch_survives_its_way_through_a_new_generation(
    number: int, retry_after_s: float | None, later: timedelta, times: dict[str, str]
) -> None:
    """It is the input and the output of orchestrations, so JSON."""
    watching = watch(
        look=number,
        refused_since=START + later if number % 2 else None,
        retry_after_s=retry_after_s,
        deadline=START + later,
        times=times,
        policy=WatchPolicy(max_interval_s=31.5),
        logs=LogState(archived_bytes=number, truncated=True),
    )
    again = Watch.from_json(json.loads(json.dumps(watching.to_json())))
    assert again == watching
    assert replace(again, look=0).to_json() == replace(watching, look=0).to_json()
    change = Change(what="ended", exit_code=None, code="x", message="y")
    assert Change(**json.loads(json.dumps(change.to_json()))) == change
