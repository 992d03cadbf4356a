"""Whatever clients and platform do, in whatever order: what is shown agrees with what runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from aci_emulator.clock import VirtualClock
from aci_emulator.errors import ArmError
from aci_emulator.groups.changes import ContainerGroups
from aci_emulator.groups.container_runs import Around
from aci_emulator.groups.spec import ContainerSpec, GroupSpec
from aci_emulator.groups.views import group_view
from aci_emulator.operations import Operations
from aci_emulator.runtimes.scripted import ScriptedRuntime
from aci_emulator.settings import NO_LIMITS, Delays

if TYPE_CHECKING:
    from collections.abc import Awaitable

_NAMES = ("g-a", "g-b")
_DELAYS = Delays(
    accept_s=1, pull_s=2, start_s=1, lag_s=0, delete_s=2, stop_grace_s=1, backoff_s=4, repair_s=3
)
_PROVISIONING = {
    "Pending", "Creating", "Succeeded", "Failed", "Repairing", "Deleting",
}  # fmt: skip


@st.composite
def _specs(draw: st.DrawFn) -> GroupSpec:
    """A small group with scripts of a few seconds."""

    def container(name: str) -> ContainerSpec:
        run_s = draw(st.sampled_from(["1", "3", "7", "forever"]))
        exit_code = draw(st.sampled_from([0, 0, 3]))
        command = ("script", f"run_s={run_s}", f"exit_code={exit_code}", "lines=2")
        return ContainerSpec(name=name, image="alpine", command=command)

    return GroupSpec(
        name=draw(st.sampled_from(_NAMES)),
        location="eastus",
        os_type="Linux",
        restart_policy=draw(st.sampled_from(["Always", "OnFailure", "Never"])),
        containers=tuple(container(f"c{n}") for n in range(draw(st.integers(1, 3)))),
        init_containers=tuple(container(f"i{n}") for n in range(draw(st.integers(0, 1)))),
    )


_names = st.sampled_from(_NAMES)
_acts = st.one_of(
    st.tuples(st.just("put"), _specs()),
    st.tuples(st.sampled_from(["stop", "start", "restart", "delete", "evict", "kill"]), _names),
    st.tuples(st.just("advance"), st.sampled_from([0.0, 0.5, 1.0, 4.0, 30.0])),
)


class _World:
    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.runtime = ScriptedRuntime(self.clock)
        around = Around(
            runtime=self.runtime, clock=self.clock, delays=_DELAYS, provisioning_timeout_s=1800
        )
        self.operations = Operations()
        self.groups = ContainerGroups(around, self.operations, NO_LIMITS)
        self.tasks: list[asyncio.Task[Any]] = []

    async def act(self, verb: str, argument: Any) -> None:
        """Do one thing; a refusal in ARM's shape is as good as success."""
        if verb == "advance":
            await self.clock.advance(argument)
            return
        self.tasks.append(asyncio.create_task(self._tolerant(self._do(verb, argument))))
        await self.clock.advance(0)

    async def _do(self, verb: str, argument: Any) -> None:
        groups = self.groups
        if verb == "put":
            await groups.put("rg", argument)
        elif verb == "stop":
            await groups.stop(groups.get("rg", argument))
        elif verb == "start":
            groups.start(groups.get("rg", argument))
        elif verb == "restart":
            groups.restart(groups.get("rg", argument))
        elif verb == "delete":
            await groups.delete(groups.get("rg", argument))
        elif verb == "evict":
            await groups.take_and_return(groups.get("rg", argument))
        else:
            await groups.platform_restart(groups.get("rg", argument), 7147)

    async def _tolerant(self, work: Awaitable[None]) -> None:
        try:
            await work
        except ArmError as refusal:
            if refusal.status >= 500:
                raise

    def check(self) -> None:
        """Hold what is shown against itself and against the runtime."""
        for group in self.groups:
            assert group.provisioning in _PROVISIONING
            shown = group_view(group, subscription="s", state=group.state, api_version="2023-05-01")
            for container in shown["properties"]["containers"]:
                view = container["properties"].get("instanceView")
                if view is not None:
                    _check_state(view["currentState"])
            if group.state in ("Succeeded", "Failed", "Stopped"):
                assert not any(c.current.phase == "Running" for c in group.containers.values())

    def check_settled(self) -> None:
        """Once nothing is under way, exactly what is shown as running runs."""
        shown = sum(
            container.current.phase == "Running"
            for group in self.groups
            for container in group.every_container
        )
        assert self.runtime.running_count == shown
        for group in self.groups:
            # An init container that runs or fails for ever keeps its group Creating for ever.
            for_ever = {"Creating"} if group.init_containers else set()
            assert group.provisioning in {"Succeeded", "Failed"} | for_ever


def _check_state(state: dict[str, Any]) -> None:
    """No state shows what it cannot have."""
    has = set(state) - {"state", "detailStatus"}
    allowed: list[set[str]] = {
        "Waiting": [set[str]()],
        "Running": [{"startTime"}],
        "Terminated": [{"startTime", "exitCode", "finishTime"}, {"finishTime"}],
    }[state["state"]]
    assert has in allowed, state


async def _live(acts: list[tuple[str, Any]]) -> None:
    world = _World()
    for verb, argument in acts:
        await world.act(verb, argument)
        world.check()
    await world.clock.advance(60)
    await asyncio.gather(*world.tasks)
    await world.clock.advance(60)
    world.check()
    world.check_settled()
    for name in _NAMES:
        deletion = asyncio.create_task(world.act("delete", name))
        await world.clock.advance(60)
        await deletion
    await world.clock.advance(60)
    assert len(world.groups) == 0
    assert world.runtime.running_count == 0
    await world.groups.close()
    assert len(asyncio.all_tasks()) == 1


@settings(max_examples=100, deadline=None)
@given(st.lists(_acts, max_size=14))
def test_any_history_leaves_a_consistent_world(acts: list[tuple[str, Any]]) -> None:
    """States show what they may, what runs is shown, and deleting all leaves nothing running."""
    asyncio.run(_live(acts))
