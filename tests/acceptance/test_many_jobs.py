"""The list, repeated requests, re-runs and events, on every deployment; by HTTP only."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from stack.http import send

if TYPE_CHECKING:
    from conftest import App, Started

pytestmark = pytest.mark.slow


def late_s(ended: dict[str, Any]) -> float:
    """Return how long after the container's end the job was known to have ended."""
    times = {n: datetime.fromisoformat(t) for n, t in ended["timeline"].items()}
    return (times["collecting"] - times["containerFinished"]).total_seconds()


def test_jobs_are_listed_and_run_again(app: App) -> None:
    """By label and state, the newest first; a re-run says where it comes from."""
    team = app.new_id("team")
    first = app.start(app.shell("exit 3", labels={"team": team}))
    first.end()
    patch = {"command": ["/bin/sh", "-c", "exit 0"]}
    again = app.post(patch, f"/{first.id}/rerun")
    assert again.status == 202, again.body
    job_id = again.body["id"]
    listed = app.list(f"?label=team:{team}").body["jobs"]
    assert [(job["id"], job["rerunOf"]) for job in listed] == [(job_id, first.id), (first.id, None)]
    failed = app.list(f"?label=team:{team}&state=Failed").body
    assert [job["exitCode"] for job in failed["jobs"]] == [3]
    give_up_at = time.monotonic() + 120
    while (ended := app.get(job_id)).status == 202:
        assert time.monotonic() < give_up_at, ended
        time.sleep(0.5)
    assert (ended.body["exitCode"], ended.body["firstRun"]) == (0, first.id)


def test_a_key_makes_a_repeated_request_one_job(app: App) -> None:
    """202 with the same id; 422 for another job under it."""
    key, spec = app.new_id("key"), app.shell("exit 0")
    first = app.post(spec, Idempotency_Key=key)
    again = app.post(spec, Idempotency_Key=key)
    assert (first.status, again.status) == (202, 202), first.body
    assert first.body["id"] == again.body["id"]
    assert app.post(app.shell("exit 1"), Idempotency_Key=key).status == 422


def test_a_job_tells_of_itself(app: App) -> None:
    """While it runs; what it told stays with it, and a late event is refused."""
    job = app.start(app.shell("sleep 8"))
    job.until("Running")
    event = {"progress": 0.5, "message": "half", "outputs": {"a": [1]}}
    assert app.post(event, f"/{job.id}/events").status == 202
    shown = app.get(job.id).body
    assert (shown["progress"]["value"], shown["outputs"]) == (0.5, {"a": [1]})
    ended = job.end()
    assert (ended["progress"]["message"], ended["outputs"]) == ("half", {"a": [1]})
    assert app.post(event, f"/{job.id}/events").status == 410


def look(app: App, job: Started) -> None:
    assert app.post({"done": True}, f"/{job.id}/events").status == 202


def test_a_look_finds_the_end_of_a_job_that_a_watch_polls(app: App) -> None:
    """A look that finds nothing disturbs nothing; one at the end finds it within seconds."""
    runs_s = app.watched_after_s + 15
    job = app.start(app.shell(f"sleep {runs_s}"))
    started_at = wait_for_watch(app, job)
    look(app, job)
    time.sleep(max(0.0, started_at + runs_s - 0.2 - time.time()))
    look(app, job)
    ended = job.end()
    assert (ended["state"], ended["exitCode"]) == ("Succeeded", 0)
    assert late_s(ended) < 20  # of an engine that shares its machine with other tests
    assert job.instance()["runtimeStatus"] == "Completed"


def test_a_watch_goes_on_after_a_look(app: App) -> None:
    """The job hears of its end, though it had waited for the watch before."""
    job = app.start(app.shell(f"sleep {app.watched_after_s + 15}; exit 5"))
    wait_for_watch(app, job)
    look(app, job)
    assert job.end()["exitCode"] == 5
    assert job.instance()["runtimeStatus"] == "Failed"


def wait_for_watch(app: App, job: Started) -> float:
    """Wait until a watch polls the job; return when its container was started."""
    running = job.until("Running")
    started_at = datetime.fromisoformat(running["timeline"]["containerStarted"]).timestamp()
    time.sleep(max(0.0, started_at + app.watched_after_s - time.time()))
    while "statusQueryGetUri" in job.urls and not send("GET", children_url(job)).body:
        assert time.time() < started_at + app.watched_after_s + 10, "no watch polls it"
        time.sleep(0.5)
    return started_at


def children_url(job: Started) -> str:
    """Return where Durable lists the job's watches."""
    url, _, query = str(job.urls["statusQueryGetUri"]).partition("?")
    return f"{url.rsplit('/', 1)[0]}?instanceIdPrefix={job.id}:&{query}"
