"""What a sweep does where Azure refuses to delete a group."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

from acijobs import sweeping
from acijobs.domain.errors import BusyError, RefusedError
from acijobs.domain.group import APP_TAG, JOB_TAG, NONCE_TAG, STORE_TAG
from acijobs.sweeping import sweep
from acijobs_world import SCOPE, World
from scripted_azure import ScriptedAzure, busy

if TYPE_CHECKING:
    import pytest

    from acijobs.domain.group import Scope

STRAY = {APP_TAG: SCOPE.app, STORE_TAG: SCOPE.store, JOB_TAG: "nobody", NONCE_TAG: "late000000"}
LOCKED = RefusedError("ScopeLocked", "the scope cannot perform delete operation")
THROTTLED = BusyError("TooManyRequests", "slow down", is_refused=True, is_brief=True)


def left(*troubles: Exception) -> list[str]:
    """Return which of seven strays are left after a sweep whose first deletions end so."""
    world = World()
    for name in "abcdefg":
        world.azure.alive[name], world.azure.tags[name] = world.clock.now(), dict(STRAY)
    world.azure.troubles["delete"] = list(troubles)
    swept = sweep(world, unsettled=set(), nonces={})
    alive = sorted(world.azure.alive)
    assert swept.deleted + len(alive) == len("abcdefg")
    assert swept.left == {SCOPE.path: ("nobody",) * len(alive)}
    return alive


def test_a_group_that_cannot_be_deleted_keeps_no_other_from_it() -> None:
    """It stands first in Azure's list in each round: all behind it would cost money for good."""
    assert left(LOCKED) == ["a"]
    assert left(busy("ContainerGroupTransitioning"), LOCKED) == ["a", "b"]


def test_where_none_can_be_deleted_few_are_tried() -> None:
    """A lock on the resource group is not asked about a hundred times a minute."""
    assert left(*[LOCKED] * 3) == list("abcdefg")


def test_an_azure_that_throttles_is_left_alone() -> None:
    """The next round goes on."""
    assert left(THROTTLED) == list("abcdefg")


def test_an_azure_that_does_not_answer_takes_a_minute_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However many scopes there are: a function has ten minutes. The next round begins elsewhere."""
    now_s = [0.0]
    monkeypatch.setattr(sweeping, "time", SimpleNamespace(monotonic=lambda: now_s[0]))
    scopes = tuple(replace(SCOPE, resource_group=f"batch-{number}") for number in range(20))

    class Silent(ScriptedAzure):
        def listed(self) -> dict[str, dict[str, str]]:
            now_s[0] += 40
            raise busy("ServiceResponseTimeoutError")

    class Silenced(World):
        def scopes(self) -> tuple[Scope, ...]:
            return scopes

        def groups(self, scope: Scope) -> ScriptedAzure:
            begun.append(scope.resource_group)
            return Silent(clock=self.clock)

    begun: list[str] = []
    swept = sweep(Silenced(), unsettled=set(), nonces={})
    assert (swept.knows_all, swept.left, now_s[0]) == (False, {}, 80)
    for _ in range(200):
        sweep(Silenced(), unsettled=set(), nonces={})
    assert len(set(begun)) == len(scopes)
