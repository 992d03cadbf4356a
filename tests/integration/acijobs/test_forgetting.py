"""Whole jobs are forgotten by the Reconciler, on the durable engine, with time that skips."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from azure.durable_functions.models.utils import http_utils

from acijobs.domain.retention import Retention
from acijobs.instances import Instances
from acijobs.reconciler import Reconciler
from durable_server import Server
from functions_host.durable.store.records import InstanceQuery
from reconciler_runs import JOB, Stage, assert_right

if TYPE_CHECKING:
    from pathlib import Path


def instances(stage: Stage) -> list[str]:
    found = stage.engine.client.list_instances(InstanceQuery(limit=1_000)).instances
    return sorted(one.instance_id for one in found)


@pytest.mark.parametrize("end_after_s", [25, 1_000], ids=["one instance", "with watches"])
async def test_nothing_is_left_of_a_job_whose_time_is_over(
    tmp_path: Path, end_after_s: float
) -> None:
    """Neither of its history nor of those of its watches; before that, all of it is there."""
    async with Stage(tmp_path, end_after_s=end_after_s) as stage:
        await stage.play(rounds=60)
        assert_right(stage, "Succeeded")
        assert JOB in instances(stage)
        assert (len(instances(stage)) > 1) == (end_after_s > 100)
        assert stage.log
        stage.clock._now += timedelta(days=29)
        assert (await stage.round()).forgotten == 0
        assert instances(stage)
        stage.clock._now += timedelta(days=2)
        assert (await stage.round()).forgotten == 1
        assert instances(stage) == []
        assert stage.world.memory_rows.rows == {}
        assert stage.world.memory_rows.entries == {}
        assert stage.world.memory_logs.logs == {}
        assert (await stage.round()).forgotten == 0


async def test_an_id_that_is_free_again_is_another_job(tmp_path: Path) -> None:
    """It runs as the first did, and has a log of its own."""
    async with Stage(tmp_path) as stage:
        await stage.play()
        stage.clock._now += timedelta(days=31)
        assert (await stage.round()).forgotten == 1
        stage.settled_after = None
        stage.world.azure.created.clear()
        await stage.play(rounds=0)
        assert stage.row.accepted_at > stage.world.clock.now() - timedelta(days=1)


async def test_a_round_without_retention_forgets_nothing(tmp_path: Path) -> None:
    """0 keeps jobs for ever."""
    async with Stage(tmp_path) as stage:
        stage.world.retained_for = Retention(days=0)
        await stage.play()
        stage.clock._now += timedelta(days=3_000)
        assert (await stage.round()).forgotten == 0
        assert instances(stage) == [JOB]


@pytest.mark.filterwarnings("ignore:enable_cleanup_closed:DeprecationWarning")
async def test_histories_are_purged_through_durables_own_api(tmp_path: Path) -> None:
    """By the client that is deployed: each of the job's instances is gone, and no other job's."""
    async with Stage(tmp_path, end_after_s=1_000) as stage:
        await stage.play(rounds=60)
        server = Server(stage.engine)
        await server.start()
        try:
            instances_of_app = Instances(server.binding)
            children = await instances_of_app.find_all_children(JOB)
            assert children
            assert sorted([JOB, *children]) == instances(stage)
            stage.clock._now += timedelta(days=31)
            reconciler = Reconciler(stage.world, instances_of_app)
            assert (await reconciler.round()).forgotten == 1
            assert instances(stage) == []
            assert await instances_of_app.purge(JOB)
        finally:
            await http_utils._close_session()
            await server.stop()
