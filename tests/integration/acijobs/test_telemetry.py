"""A job keeps its trace, and is counted once, whatever becomes of the orchestrations that drive it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from acijobs import reconciler
from acijobs.domain import metrics
from acijobs.domain.callback.state import OWN_TRIES, Delivery
from acijobs.domain.errors import RowConflictError, StorageError
from acijobs.usecases.telemetry import NO_TELEMETRY
from functions_host.durable.faults import OrchestratorKilled
from orchestration_runs import accept
from reconciler_runs import JOB, Stage, assert_right

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from acijobs.gauging import Seen

PARENT = f"00-{'a' * 32}-{'1' * 16}-01"
OF_ROUND = f"00-{'b' * 32}-{'2' * 16}-01"


async def test_every_activity_of_a_job_is_in_its_trace(tmp_path: Path) -> None:
    """Also those that a watch asks, after it has continued as new, and of every attempt."""
    async with Stage(
        tmp_path, spec={"retry": {"attempts": 2}}, end_after_s=700, lines=5, exit_codes=[3, 0]
    ) as stage:
        stage.world.telemetry.current = PARENT
        await stage.play(rounds=60)
    assert (len(stage.world.azure.created), stage.row.progress.phase.value) == (2, "Succeeded")
    asked = stage.functions.requests
    assert {request["traceParent"] for _, request in asked} == {PARENT}
    instances = stage.functions.last_episodes
    assert any(":" in name for name in instances), "no watch took part"
    shown = [span for span in stage.world.telemetry.spans if span.name != "acijobs.deliver"]
    assert len(shown) == len(asked)
    assert {span.parents.chosen for span in shown} == {PARENT}


async def test_a_job_without_a_trace_is_asked_for_as_before(tmp_path: Path) -> None:
    """What goes over the wire is what it was before there was telemetry."""
    async with Stage(tmp_path) as stage:
        await stage.play()
    assert_right(stage, "Succeeded")
    assert [request for _, request in stage.functions.requests if "traceParent" in request] == []


async def test_a_job_that_is_taken_over_stays_in_its_trace(tmp_path: Path) -> None:
    """The act is shown there and linked with its round; the new run goes on in it."""
    async with Stage(tmp_path, OrchestratorKilled(occurrence=4)) as stage:
        stage.world.telemetry.current = PARENT
        stage.at(55, lambda: setattr(stage.world.telemetry, "current", OF_ROUND))
        await stage.play()
    assert_right(stage, "Succeeded")
    told = stage.world.telemetry
    [act] = [span for span in told.spans if span.name == "acijobs.takeOver"]
    assert (act.parents.chosen, act.parents.linked) == (PARENT, OF_ROUND)
    assert {request["traceParent"] for _, request in stage.functions.requests} == {PARENT}
    assert told.attributes(metrics.ACTS) == [{"acijobs.act": "takeOver"}]
    assert len(told.values(metrics.JOB_ENDED)) == 1


async def test_an_act_that_another_forestalls_is_not_counted(tmp_path: Path) -> None:
    """The swap of its row was lost; the next round does it, and counts."""
    async with Stage(tmp_path, OrchestratorKilled(occurrence=4)) as stage:
        rows = stage.world.memory_rows

        def lose() -> None:
            del rows.before["swap"]
            raise RowConflictError(JOB)

        stage.at(59, lambda: rows.before.update(swap=lose))
        await stage.play()
    assert_right(stage, "Succeeded")
    told = stage.world.telemetry
    tried = [span for span in told.spans if span.name == "acijobs.takeOver"]
    assert (len(tried), "swap" in rows.before) == (2, False)
    assert told.attributes(metrics.ACTS) == [{"acijobs.act": "takeOver"}]
    assert sum(done.acts["takeOver"] for done in stage.rounds) == 1


async def test_a_start_that_the_engine_does_not_take_is_not_counted(tmp_path: Path) -> None:
    """Nothing was started."""
    async with Stage(tmp_path, spec={"timeouts": {"queueSeconds": 60}}) as stage:
        stage.instances.refuses = 1_000
        await stage.play()
    assert {"acijobs.act": "start"} not in stage.world.telemetry.attributes(metrics.ACTS)
    assert [span for span in stage.world.telemetry.spans if span.name == "acijobs.start"]


async def test_with_telemetry_off_the_oldest_job_is_not_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That reads rows, which nobody would be told of."""
    looked: list[Seen] = []
    monkeypatch.setattr(reconciler, "oldest_pending_s", lambda _, seen: looked.append(seen))
    async with Stage(tmp_path) as stage:
        await stage.round()
        assert len(looked) == 1
        stage.world.telemetry = NO_TELEMETRY  # type: ignore[assignment]
        await stage.round()
    assert len(looked) == 1


async def test_a_callback_that_the_reconciler_makes_is_in_the_jobs_trace(tmp_path: Path) -> None:
    """Linked with its round, as what the Reconciler does for a job is."""
    spec = {"callback": {"url": "https://example.com/hook"}}
    async with Stage(tmp_path, spec=spec) as stage:
        stage.world.telemetry.current = PARENT
        stage.at(55, lambda: setattr(stage.world.telemetry, "current", OF_ROUND))
        stage.world.scripted_callbacks.answers = [Delivery(trouble="down")] * OWN_TRIES
        await stage.play()
    assert_right(stage, "Succeeded")
    tries = [span for span in stage.world.telemetry.spans if span.name == "acijobs.deliver"]
    assert [span.failure for span in tries] == ["failed"] * OWN_TRIES + [""]
    assert {span.parents.chosen for span in tries} == {PARENT}
    assert tries[-1].parents.linked == OF_ROUND
    assert {span.attributes["acijobs.job.id"] for span in tries} == {JOB}


async def test_every_round_is_a_heartbeat_that_tells_what_there_is(tmp_path: Path) -> None:
    """How long it took, how many jobs are in which state, how many groups are alive."""
    async with Stage(tmp_path, end_after_s=150) as stage:
        await stage.play()
    told = stage.world.telemetry
    assert told.attributes(metrics.ROUND) == [{"acijobs.outcome": "whole"}] * len(stage.rounds)
    running = {"cicd.pipeline.run.state": "executing"}
    values = zip(told.attributes(metrics.JOB_ACTIVE), told.values(metrics.JOB_ACTIVE), strict=True)
    assert Counter(value for which, value in values if which == running)[1] >= 2
    assert told.values(metrics.GROUP_ALIVE)[:2] == [1, 1]
    assert told.values(metrics.JOB_OLDEST_PENDING) == [0] * len(stage.rounds)


async def test_a_round_that_ends_early_says_so_and_gauges_nothing(tmp_path: Path) -> None:
    """No groups would look like good news."""
    async with Stage(tmp_path) as stage:
        accept(stage.world, JOB, {"image": "alpine:3.20"})

        def fail() -> None:
            raise StorageError("down")

        stage.world.memory_rows.before["unsettled"] = fail
        await stage.round()
    told = stage.world.telemetry
    assert told.attributes(metrics.ROUND) == [{"acijobs.outcome": "partial"}]
    assert told.values(metrics.GROUP_ALIVE) == []
