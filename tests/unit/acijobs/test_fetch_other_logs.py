"""The logs of init containers and sidecars: archived like the job's own, and never in its way."""

from __future__ import annotations

from typing import Any

import pytest

from acijobs.domain.errors import InvalidSettingsError, StorageError
from acijobs.domain.messages import CheckRequest, CreateRequest, DeleteRequest, Finished, Seen
from acijobs.domain.observation import ContainerState
from acijobs.domain.outcome import Outcome
from acijobs.domain.progress import ContainerLog, LogState
from acijobs.domain.watch import Watch
from acijobs.usecases import fetch_other_logs
from acijobs.usecases.check_status import check_status
from acijobs.usecases.create_group import create_group
from acijobs.usecases.finish_job import finish_job
from acijobs_interleaving import RUN, accept, let_pass
from acijobs_world import World
from manual_clock import START
from scripted_azure import NEVER, busy, denied

OTHERS: dict[str, Any] = {
    "initContainers": [{"name": "fetch", "image": "alpine"}],
    "sidecars": [{"name": "proxy", "image": "alpine", "cpu": 1, "memoryGb": 1}],
}
T = "2026-01-01T00:00:01.{:09d}Z "
LINE = T.format(1) + "a line\n"


def running(name: str) -> ContainerState:
    return ContainerState(name=name, state="Running", started_at=START)


def ended(name: str, code: int = 0, **more: Any) -> ContainerState:
    return ContainerState(name=name, state="Terminated", exit_code=code, started_at=START, **more)


@pytest.fixture
def world() -> World:
    """Return a world whose job has an init container and a sidecar; nothing of it runs yet."""
    world = World(script={"end_after_s": NEVER, "lines": 0})
    world.azure.init_containers = (ContainerState(name="fetch", state="Waiting"),)
    world.azure.others = (ContainerState(name="proxy", state="Waiting"),)
    world.azure.other_logs = {"fetch": LINE, "proxy": LINE}
    accept(world, **OTHERS)
    create_group(world, CreateRequest(run=RUN))
    return world


def poll(world: World, known: dict[str, ContainerLog] | None = None, **asked: Any) -> Seen:
    request = CheckRequest(**{"run": RUN, "log_is_due": True, "other_logs": known} | asked)
    reply = check_status(world, request)
    assert isinstance(reply, Seen)
    return reply


def finish(world: World, log: LogState | None = None, **asked: Any) -> LogState:
    request = DeleteRequest(
        **{"run": RUN, "outcome": Outcome.succeeded(), "log": log or LogState()} | asked
    )
    reply = finish_job(world, request)
    assert isinstance(reply, Finished)
    return reply.log


def archived(world: World, container: str) -> str:
    group = world.memory_rows.now_of("j").group
    assert group is not None
    return world.memory_logs.logs.get(f"{group.log_key}/{container}", b"").decode()


def test_what_has_not_started_is_not_asked_for(world: World) -> None:
    """Azure has no log of it, and each question costs."""
    let_pass(world, 5)
    assert poll(world).other_logs is None
    assert (world.azure.calls["fetch"], world.azure.calls["proxy"]) == (0, 0)


def test_an_init_container_is_archived_while_the_job_waits_for_it(world: World) -> None:
    """Before the job's own container has started: Azure keeps little of its log once it has ended."""
    world.azure.init_containers = (running("fetch"),)
    reply = poll(world)
    assert (reply.stage, reply.log) == ("creating", None)
    expected = ContainerLog(archived_bytes=len(LINE), complete=False)
    assert reply.other_logs == {"fetch": expected}
    assert archived(world, "fetch") == LINE


def test_a_log_that_is_complete_is_not_fetched_again(world: World) -> None:
    """An init container's, for all the hours that the job runs."""
    world.azure.init_containers = (ended("fetch"),)
    known = poll(world).other_logs
    assert known == {"fetch": ContainerLog(archived_bytes=len(LINE), complete=True)}
    assert poll(world, known).other_logs is None
    finish(world, LogState(containers=known))
    assert world.azure.calls["fetch"] == 1


@pytest.mark.parametrize(
    ("policy", "code", "complete"),
    [("Never", 1, True), ("OnFailure", 1, False), ("OnFailure", 0, True)],
)
def test_a_container_that_will_be_started_again_is_not_complete(
    policy: str, code: int, *, complete: bool
) -> None:
    """Its next run writes a new log; what may be lost between the two is flagged."""
    world = World(script={"end_after_s": NEVER})
    world.azure.other_logs = {"proxy": LINE}
    world.azure.others = (ended("proxy", code, restart_count=1),)
    accept(world, **OTHERS, restartPolicy=policy)
    create_group(world, CreateRequest(run=RUN))
    assert poll(world).other_logs == {
        "proxy": ContainerLog(archived_bytes=len(LINE), complete=complete, truncated=True)
    }


def test_a_sidecars_log_is_fetched_when_the_jobs_is(world: World) -> None:
    """With the same poll, and not with one that fetches nothing."""
    world.azure.others = (running("proxy"),)
    let_pass(world, 5)
    assert poll(world, log_is_due=False).other_logs is None
    assert set(poll(world).other_logs or {}) == {"proxy"}


@pytest.mark.parametrize(
    "trouble", [busy(), denied(), InvalidSettingsError(("x",)), StorageError("x")]
)
def test_trouble_with_another_log_is_noted_and_does_not_fail_the_poll(
    world: World, trouble: Exception
) -> None:
    """The next fetch makes up for it."""
    world.azure.others = (running("proxy"),)
    world.azure.other_logs["proxy"] = trouble
    let_pass(world, 5)
    reply = poll(world)
    assert (reply.stage, reply.log is not None) == ("running", True)
    assert reply.other_logs is not None
    assert type(trouble).__name__ in reply.other_logs["proxy"].trouble
    world.azure.other_logs["proxy"] = LINE
    assert poll(world, reply.other_logs).other_logs == {
        "proxy": ContainerLog(archived_bytes=len(LINE))
    }


@pytest.mark.parametrize(
    "trouble", [busy(), denied(), InvalidSettingsError(("x",)), StorageError("x")]
)
def test_trouble_with_another_log_does_not_hold_up_the_end(
    world: World, trouble: Exception
) -> None:
    """It is noted in that log's state, in the row and in the answer."""
    world.azure.init_containers, world.azure.others = (ended("fetch"),), (running("proxy"),)
    world.azure.other_logs["fetch"] = trouble
    let_pass(world, 5)
    log = finish(world)
    assert type(trouble).__name__ in log.of("fetch").trouble
    assert log.of("proxy") == ContainerLog(archived_bytes=len(LINE))
    assert (log.complete, world.memory_rows.now_of("j").log) == (True, log)


def test_the_end_collects_what_no_poll_has_seen(world: World) -> None:
    """A job that was over before its first poll."""
    world.azure.init_containers, world.azure.others = (ended("fetch"),), (ended("proxy", 1),)
    let_pass(world, 5)
    log = finish(world)
    assert {name: state.complete for name, state in (log.containers or {}).items()} == {
        "fetch": True,
        "proxy": True,
    }
    assert (archived(world, "fetch"), archived(world, "proxy")) == (LINE, LINE)


def test_a_group_that_cannot_be_read_at_the_end_is_noted_for_each_open_log(world: World) -> None:
    """And what was complete stays so."""
    let_pass(world, 5)
    world.azure.troubles["get"] = [busy("TooManyRequests")]
    known = {"fetch": ContainerLog(archived_bytes=9, complete=True)}
    log = finish(world, LogState(containers=known))
    assert log.of("fetch") == known["fetch"]
    assert "TooManyRequests" in log.of("proxy").trouble


def test_others_are_collected_though_the_jobs_own_log_was_given_up(world: World) -> None:
    """Once, with the activity that closes the row."""
    world.azure.others = (running("proxy"),)
    let_pass(world, 5)
    assert finish(world, collects_log=False).of("proxy").archived_bytes == len(LINE)


def test_an_azure_that_is_slow_is_not_asked_for_log_after_log(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What there was no time for is noted."""
    world.azure.init_containers, world.azure.others = (ended("fetch"),), (running("proxy"),)
    fetch = fetch_other_logs._fetch

    def slow(*asked: Any, **how: Any) -> ContainerLog:
        let_pass(world, 21)
        return fetch(*asked, **how)

    monkeypatch.setattr(fetch_other_logs, "_fetch", slow)
    log = finish(world)
    assert log.of("fetch").complete
    assert "no time" in log.of("proxy").trouble
    assert world.azure.calls["proxy"] == 0


def test_a_job_of_one_container_costs_what_it_did() -> None:
    """Not one request more, at a poll or at its end."""
    world = World()
    accept(world)
    create_group(world, CreateRequest(run=RUN))
    let_pass(world, 30)
    before = world.azure.calls.copy()
    assert poll(world).other_logs is None
    assert world.azure.calls - before == {"get": 1}
    before = world.azure.calls.copy()
    assert finish(world).containers is None
    assert world.azure.calls - before == {"read_log": 1, "delete": 1, "get": 1}


def test_the_watch_remembers_what_is_archived_of_the_others() -> None:
    """From poll to poll; what a poll does not fetch stays as it was."""
    watch = Watch(run=RUN, due=START)
    first = {"fetch": ContainerLog(archived_bytes=5, complete=True)}
    watch, _ = watch.see(Seen(stage="pulling", other_logs=first), START)
    assert watch.request(START).other_logs == first
    second = {"proxy": ContainerLog(archived_bytes=7)}
    watch, _ = watch.see(Seen(stage="running", other_logs=second), START)
    assert watch.log.containers == first | second
    watch, _ = watch.see(Seen(stage="running"), START)
    assert watch.request(START).other_logs == first | second
