"""Groups that outlive their job: kept ones, late ones, and those of others."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from acijobs.domain.group import APP_TAG, JOB_TAG, NONCE_TAG, STORE_TAG
from acijobs.domain.outcome import Outcome
from acijobs.usecases.finish_job import End, end_job
from acijobs_interleaving import at_call
from manual_clock import START
from reconciler_runs import JOB, LOG_LINES, Stage, assert_right, on_loop, terminate
from scripted_azure import NEVER

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_kept_group_is_deleted_when_its_time_is_over(tmp_path: Path) -> None:
    """And not before, by the round that is due then."""
    spec = {"image": "alpine:3.20", "keepGroupSeconds": 900}
    async with Stage(tmp_path, spec=spec) as stage:
        await stage.play(rounds=40)
    assert_right(stage, "Succeeded", lines=LOG_LINES)
    assert stage.row.kept_until is not None
    late_s = (stage.row.times["deleted"] - stage.row.kept_until).total_seconds()
    assert 0 <= late_s <= 660


@pytest.mark.parametrize("point", ["azure.create", "rows.swap:2"])
@pytest.mark.parametrize("how", ["terminated", "cancelled"])
async def test_a_job_that_is_ended_while_its_group_is_created(
    tmp_path: Path, how: str, point: str
) -> None:
    """Before and after the PUT: whoever closed the job may not see the group; its maker undoes it."""
    async with Stage(tmp_path, end_after_s=NEVER, lines=0) as stage:
        loop = asyncio.get_running_loop()

        async def end() -> None:
            if how == "cancelled":
                stored = stage.world.memory_rows.read(JOB)
                assert stored is not None
                end_job(stage.world, stored, End(outcome=Outcome.cancelled()))
                return
            await terminate(stage)
            while (await stage.instances.find(JOB)).is_alive:  # noqa: ASYNC110 - the engine's turn
                await asyncio.sleep(0)
            stage.instances.waits = False
            await stage.round()
            stage.instances.waits = True

        at_call(stage.world, point, lambda: on_loop(loop, end()))
        await stage.play()
    assert_right(stage, "Cancelled")
    assert stage.settled_after == 0


def _group_of(stage: Stage, **tags: str) -> dict[str, str]:
    ours = {APP_TAG: "acijobs", STORE_TAG: "store1", JOB_TAG: JOB, NONCE_TAG: "late000000"}
    marks = {APP_TAG: tags.pop("app", None), STORE_TAG: tags.pop("store", None)}
    return ours | tags | {name: value for name, value in marks.items() if value is not None}


async def test_a_group_whose_late_put_landed_after_the_end_is_swept(tmp_path: Path) -> None:
    """Its row says settled, or is missing by a point read: the next round deletes it."""
    async with Stage(tmp_path) as stage:
        await stage.play()
        late = {"late": _group_of(stage), "lost": _group_of(stage, **{JOB_TAG: "no-such-job"})}
        stage.world.azure.tags.update(late)
        stage.world.azure.alive.update(dict.fromkeys(late, START))
        done = await stage.round()
    assert done.swept == 2
    assert_right(stage, "Succeeded", lines=LOG_LINES)


async def test_no_group_of_anybody_else_is_touched(tmp_path: Path) -> None:
    """Another store's, another app's, one without our marks, one of an open job."""
    async with Stage(tmp_path, end_after_s=NEVER) as stage:
        others = {
            "another store, the same job": _group_of(stage, store="store0"),
            "another store, an unknown job": _group_of(stage, store="s0", **{JOB_TAG: "x"}),
            "another app": _group_of(stage, app="other"),
            "no job": {APP_TAG: "acijobs", STORE_TAG: "store1"},
            "no store": {APP_TAG: "acijobs", JOB_TAG: "x", NONCE_TAG: "n"},
            "nobody's": {},
        }
        stage.world.azure.tags.update(others)
        stage.world.azure.alive.update(dict.fromkeys(others, START))
        stage.at(100, lambda: terminate(stage))
        await stage.play()
        await stage.round()
        assert set(stage.world.azure.alive) == set(others)
        assert stage.row.settled


async def test_a_store_that_is_new_deletes_nothing_of_the_old_one(tmp_path: Path) -> None:
    """After a rollback or in a new storage account, jobs of the earlier store run on."""
    async with Stage(tmp_path, end_after_s=NEVER) as stage:
        stage.at(90, lambda: stage.world.azure.tags.update(_of_store(stage, "store0")))
        stage.at(91, stage.world.memory_rows.rows.clear)
        stage.at(91, stage.world.memory_rows._unsettled.clear)
        with pytest.raises(KeyError):  # there is no row any more
            await stage.play(rounds=5)
        done = await stage.round()
    assert done.swept == 0
    assert len(stage.world.azure.alive) == 1


def _of_store(stage: Stage, store: str) -> dict[str, dict[str, str]]:
    tags = stage.world.azure.tags
    return {name: found | {STORE_TAG: store} for name, found in tags.items()}
