"""Two apps of one name in one resource group, each with a store of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from acijobs.domain.messages import Created, CreateRequest
from acijobs.domain.outcome import Outcome
from acijobs.instances import Instance
from acijobs.reconciler import Reconciler
from acijobs.usecases.create_group import create_group
from acijobs.usecases.finish_job import End, end_job
from acijobs.usecases.ports import Store
from acijobs_interleaving import RUN, accept, let_pass
from acijobs_world import SCOPE, World
from memory_rows import MemoryRows

if TYPE_CHECKING:
    from acijobs.domain.group import Scope
    from scripted_azure import ScriptedAzure


class OwnRows(MemoryRows):
    """Rows in a store of their own."""

    def store(self) -> Store:
        """Return what this store is known by."""
        return Store(id="store2", digest_key=b"z" * 32)


@dataclass(kw_only=True)
class Neighbour(World):
    """Another app with the same `AppName`; its store is another."""

    beside: World

    def __post_init__(self) -> None:
        self.clock = self.beside.clock
        self.memory_rows = OwnRows(self.clock)
        self.azure = self.beside.azure

    def groups(self, scope: Scope) -> ScriptedAzure:
        """Return the container groups of the resource group that both use."""
        assert scope in self.scopes()
        return self.azure

    def scopes(self) -> tuple[Scope, ...]:
        """Return where new groups are created."""
        return (replace(SCOPE, store="store2"),)


class NoInstances:
    """An engine that has no orchestration."""

    async def find(self, job_id: str) -> Instance:
        """Return that there is none."""
        return Instance()

    async def terminate(self, job_id: str, why: str) -> bool:
        """Do nothing."""
        return True


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def neighbour(world: World) -> Neighbour:
    return Neighbour(beside=world)


def begin(world: World) -> object:
    accept(world)
    return create_group(world, CreateRequest(run=RUN))


async def test_a_sweep_leaves_the_groups_of_another_store_alone(
    world: World, neighbour: Neighbour
) -> None:
    """Though no row of the sweeper tells of them, and the app's name is the same."""
    assert isinstance(begin(world), Created)
    let_pass(world, 30 * 86_400)
    done = await Reconciler(neighbour, NoInstances()).round()  # type: ignore[arg-type]
    assert (done.swept, done.is_whole) == (0, True)
    assert world.azure.deleted == []


def test_two_jobs_of_one_id_run_side_by_side(world: World, neighbour: Neighbour) -> None:
    """The end of one leaves the other; their nonces differ, as random ones do."""
    neighbour.nonce = lambda: "nonce99999"  # type: ignore[method-assign]
    assert isinstance(begin(world), Created)
    assert isinstance(begin(neighbour), Created)
    first, second = world.azure.created
    stored = neighbour.memory_rows.read("j")
    assert stored is not None
    end_job(neighbour, stored, End(outcome=Outcome.cancelled("")))
    assert world.azure.deleted == [second]
    assert first in world.azure.alive
