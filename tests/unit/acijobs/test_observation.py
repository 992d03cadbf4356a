from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acijobs.domain.observation import (
    MAX_EVENTS,
    ContainerEvent,
    ContainerState,
    Observation,
    Verdict,
    judge,
)


def container(state: str | None = None, code: int | None = None, **more: Any) -> ContainerState:
    return ContainerState(name="job", state=state, exit_code=code, **more)


def seen(*containers: ContainerState, group: str | None = "Running", **more: Any) -> Observation:
    return Observation(group_state=group, containers=containers, **more)


def event(name: str, kind: str = "Normal", message: str = "") -> ContainerEvent:
    return ContainerEvent(name=name, message=message, kind=kind)


STOPPED = container("Terminated", detail="Container stopped per client request")


@pytest.mark.parametrize(
    ("look", "policy", "stage", "code", "reason"),
    [
        (seen(container("Terminated", 0)), "Never", "ended", 0, ""),
        (seen(container("Terminated", 0)), "OnFailure", "ended", 0, ""),
        (seen(container("Terminated", 3)), "Never", "ended", 3, "NonZeroExitCode"),
        (seen(container("Terminated", 3)), "OnFailure", "running", None, ""),
        (
            seen(container("Terminated", 3), group="Failed"),
            "OnFailure",
            "ended",
            3,
            "NonZeroExitCode",
        ),
        (
            seen(container("Terminated", 3), group="Stopped"),
            "OnFailure",
            "ended",
            3,
            "NonZeroExitCode",
        ),
        (seen(container("Terminated", 7147)), "Never", "ended", 7147, "PlatformMaintenance"),
        (seen(container("Terminated", 7148)), "Never", "ended", 7148, "PlatformMaintenance"),
        (seen(STOPPED, group="Stopped"), "Never", "ended", None, "ExitCodeMissing"),
        (seen(STOPPED, group="Stopped"), "OnFailure", "ended", None, "ExitCodeMissing"),
        (seen(container("Terminated", -1)), "Never", "ended", -1, "NonZeroExitCode"),
        (seen(container("Running"), group="Succeeded"), "Never", "running", None, ""),
        (seen(container("Waiting", restart_count=1)), "OnFailure", "running", None, ""),
        (seen(container("Waiting")), "Never", "creating", None, ""),
        (seen(container(None), group=None), "Never", "creating", None, ""),
        (seen(), "Never", "creating", None, ""),
        (seen(container("Waiting"), events=(event("Pulling"),)), "Never", "pulling", None, ""),
        (seen(container("Waiting"), events=(event("Pulled"),)), "Never", "pulling", None, ""),
        (
            seen(container("Waiting"), provisioning_state="Failed"),
            *("Never", "ended", None, "ProvisioningFailed"),
        ),
        (
            seen(container("Waiting"), provisioning_state="Canceled"),
            *("Never", "ended", None, "ProvisioningCanceled"),
        ),
        (seen(container("Running"), provisioning_state="Failed"), "Never", "running", None, ""),
        (seen(container("Waiting"), provisioning_state="Repairing"), "Never", "creating", None, ""),
        (seen(container("Running"), provisioning_state="Unhealthy"), "Never", "running", None, ""),
        (
            seen(container("Terminated", 0), container("Running")),
            *("Never", "running", None, ""),
        ),
        (
            seen(container("Terminated", 0), container("Terminated", 5)),
            *("Never", "ended", 5, "NonZeroExitCode"),
        ),
        (
            seen(container("Terminated", 0), container("Terminated")),
            *("Never", "ended", None, "ExitCodeMissing"),
        ),
    ],
)
def test_the_containers_states_decide(
    look: Observation, policy: str, stage: str, code: int | None, reason: str
) -> None:
    """Not the group's: it has been seen Running while its container was Terminated."""
    verdict = judge(look, policy)
    assert (verdict.stage, verdict.exit_code, verdict.reason_code) == (stage, code, reason)
    assert bool(verdict.reason) is bool(reason)


def test_a_container_that_was_stopped_tells_so() -> None:
    """Azure gives no exit code then, but a detail."""
    assert "stopped per client request" in judge(seen(STOPPED), "Never").reason


def test_a_failed_provisioning_tells_azures_last_warning() -> None:
    """It is the nearest to a reason that there is."""
    look = seen(
        container("Waiting"),
        provisioning_state="Failed",
        events=(event("Failed", "Warning", "first"), event("BackOff", "Warning", "no capacity")),
    )
    assert judge(look, "Never").reason == "no capacity"


STATES = st.builds(
    ContainerState,
    name=st.just("job"),
    state=st.sampled_from(["Waiting", "Running", "Terminated", "Odd"]) | st.none(),
    exit_code=st.none() | st.integers(),
    restart_count=st.integers(0, 3),
    detail=st.sampled_from(["", "Completed", "Error"]),
    started_at=st.none() | st.just("2026-11-23T10:00:00Z"),
)
EVENTS = st.builds(
    ContainerEvent,
    name=st.sampled_from(["Pulling", "Killing", "Odd"]),
    message=st.text(max_size=5),
    kind=st.sampled_from(["Normal", "Warning"]),
    first_at=st.none() | st.just("2026-11-23T10:00:00Z"),
)
LOOKS = st.builds(
    Observation,
    group_state=st.sampled_from(["Pending", "Running", "Stopped", "Succeeded", "Failed"])
    | st.none(),
    provisioning_state=st.sampled_from(["Pending", "Succeeded", "Failed", "Odd"]) | st.none(),
    containers=st.lists(STATES, max_size=3).map(tuple),
    events=st.lists(EVENTS, max_size=MAX_EVENTS).map(tuple),
)


@given(LOOKS, st.sampled_from(["Never", "OnFailure"]))
def test_success_is_only_what_every_container_said_itself(look: Observation, policy: str) -> None:
    """A missing exit code is never 0, and a group's state is never an exit code."""
    is_success = judge(look, policy) == Verdict(stage="ended", exit_code=0)
    said_so = all(c.state == "Terminated" and c.exit_code == 0 for c in look.containers)
    assert is_success is (said_so and bool(look.containers))


@given(LOOKS)
def test_an_observation_survives_its_way_through_a_reply(look: Observation) -> None:
    """Missing stays missing."""
    assert Observation.from_json(json.loads(json.dumps(look.to_json()))) == look


def test_only_the_newest_events_are_kept() -> None:
    """A crash loop's hundreds would fill the history."""
    look = seen(events=tuple(event(str(n)) for n in range(20)))
    assert [e["name"] for e in look.to_json()["events"]] == ["15", "16", "17", "18", "19"]
