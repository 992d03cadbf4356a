"""What one look at a group says of its job."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acijobs.domain.observation import ContainerEvent, ContainerState, Observation, judge
from acijobs.domain.reasons import Reason

T1 = datetime(2026, 11, 23, 10, tzinfo=UTC)


def container(state: str | None = None, code: int | None = None, **more: Any) -> ContainerState:
    return ContainerState(**{"name": "job", "state": state, "exit_code": code} | more)


def sidecar(state: str | None = None, code: int | None = None) -> ContainerState:
    return container(state, code, name="sidecar")


def seen(*containers: ContainerState, group: str | None = "Running", **more: Any) -> Observation:
    return Observation(group_state=group, containers=containers, **more)


def event(name: str, kind: str = "Normal", message: str = "") -> ContainerEvent:
    return ContainerEvent(name=name, message=message, kind=kind)


def warning(message: str) -> ContainerEvent:
    return event("Failed", "Warning", message)


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
            *("OnFailure", "ended", 3, "NonZeroExitCode"),
        ),
        (
            seen(container("Terminated", 3), group="Stopped"),
            *("OnFailure", "ended", 3, "NonZeroExitCode"),
        ),
        (seen(container("Terminated", 7147)), "Never", "ended", 7147, "PlatformMaintenance"),
        (seen(container("Terminated", 7148)), "Never", "ended", 7148, "PlatformMaintenance"),
        (seen(STOPPED, group="Stopped"), "Never", "ended", None, "ExitCodeMissing"),
        (seen(STOPPED, group="Stopped"), "OnFailure", "ended", None, "ExitCodeMissing"),
        (seen(container("Terminated", -1)), "Never", "ended", -1, "NonZeroExitCode"),
        (seen(container("Running"), group="Succeeded"), "Never", "running", None, ""),
        (
            seen(container("Waiting", restart_count=1, has_run_before=True)),
            *("OnFailure", "running", None, ""),
        ),
        (seen(container("Waiting", restart_count=3)), "Never", "creating", None, ""),
        (
            seen(container("Waiting", restart_count=3), events=(event("Pulled"),)),
            *("OnFailure", "pulling", None, ""),
        ),
        *(
            (
                seen(container("Waiting", restart_count=3), provisioning_state="Failed"),
                *(policy, "ended", None, "ProvisioningFailed"),
            )
            for policy in ("Never", "OnFailure")
        ),
        (
            seen(
                container("Waiting", restart_count=3, has_run_before=True),
                provisioning_state="Failed",
            ),
            *("OnFailure", "running", None, ""),
        ),
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
            *("Never", "ended", None, "ProvisioningFailed"),
        ),
        (seen(container("Running"), provisioning_state="Failed"), "Never", "running", None, ""),
        (seen(container("Waiting"), provisioning_state="Repairing"), "Never", "creating", None, ""),
        (seen(container("Running"), provisioning_state="Unhealthy"), "Never", "running", None, ""),
    ],
)
def test_the_main_containers_state_decides(
    look: Observation, policy: str, stage: str, code: int | None, reason: str
) -> None:
    """Not the group's: it has been seen Running while its container was Terminated."""
    verdict = judge(look, policy)
    assert verdict.stage == stage
    assert (verdict.outcome is not None) is (stage == "ended")
    if verdict.outcome is not None:
        assert (verdict.outcome.exit_code, verdict.outcome.reason) == (code, reason)
        assert bool(verdict.outcome.message) is bool(reason)
        assert verdict.outcome.has_ended


@pytest.mark.parametrize(
    ("containers", "stage", "code"),
    [
        ((container("Terminated", 0), sidecar("Running")), "ended", 0),
        ((sidecar("Running"), container("Terminated", 3)), "ended", 3),
        ((container("Terminated", 0), sidecar("Terminated", 5)), "ended", 0),
        ((sidecar("Terminated", 0), container("Running")), "running", None),
        ((sidecar("Running"), container("Waiting")), "creating", None),
        ((sidecar("Terminated", 0),), "creating", None),
    ],
)
def test_a_sidecar_is_neither_waited_for_nor_counted(
    containers: tuple[ContainerState, ...], stage: str, code: int | None
) -> None:
    """Only the container named `job` is the job."""
    verdict = judge(seen(*containers), "Never")
    assert verdict.stage == stage
    assert (verdict.outcome.exit_code if verdict.outcome else None) == code


@pytest.mark.parametrize(
    ("main", "events", "reason"),
    [
        (container("Terminated", 137, detail="OOMKilled"), (), "OutOfMemory"),
        (container("Terminated", 137, detail="Error"), (warning("Out of memory"),), "OutOfMemory"),
        (container("Terminated", 137, detail="Error"), (), "NonZeroExitCode"),
        (container("Terminated", 1, detail="OOMKilled"), (), "NonZeroExitCode"),
    ],
)
def test_a_container_killed_for_its_memory_is_told_apart(
    main: ContainerState, events: tuple[ContainerEvent, ...], reason: str
) -> None:
    """137 alone is any SIGKILL; Azure's own word for it must be there."""
    outcome = judge(seen(main, events=events), "Never").outcome
    assert outcome is not None
    assert (outcome.reason, outcome.exit_code) == (reason, main.exit_code)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ('Failed to pull image "x": manifest unknown', "ImagePullFailed"),
        ("Back-off pulling image x", "ImagePullFailed"),
        ("pull access denied for x", "ImagePullFailed"),
        (
            "The requested resource is not available in the location 'eastus' at this moment.",
            "NoCapacity",
        ),
        ("InsufficientCapacity. Try later", "NoCapacity"),
        ("something else", "ProvisioningFailed"),
    ],
)
def test_a_failed_provisioning_is_named_by_azures_last_warning(message: str, reason: str) -> None:
    """It is the nearest to a reason that there is; a create that was accepted may fail later."""
    look = seen(
        container("Waiting"),
        provisioning_state="Failed",
        events=(warning("first"), event("Pulling"), warning(message)),
    )
    outcome = judge(look, "Never").outcome
    assert outcome is not None
    assert (outcome.reason, outcome.message, outcome.exit_code) == (reason, message, None)


def test_a_container_that_was_stopped_tells_so() -> None:
    """Azure gives no exit code then, but a detail."""
    outcome = judge(seen(STOPPED), "Never").outcome
    assert outcome is not None
    assert "stopped per client request" in outcome.message


def test_a_failure_tells_azures_details() -> None:
    """The detail says more than the code, unless it is the plain word Error."""
    look = seen(container("Terminated", 3, detail="Error"), events=(warning("probe failed"),))
    outcome = judge(look, "Never").outcome
    assert outcome is not None
    assert outcome.message == "the container exited with code 3 (probe failed)"


def test_the_timeline_has_what_azure_gave() -> None:
    """Nothing where Azure gave nothing; a sidecar's times are not the job's."""
    pulling = ContainerEvent(name="Pulling", message="", kind="Normal", first_at=T1)
    main = container("Running", started_at=T1)
    assert judge(seen(sidecar("Running"), main, events=(pulling,)), "Never").times == {
        "imagePulling": T1,
        "containerStarted": T1,
    }
    assert judge(seen(container("Waiting")), "Never").times == {}


STATES = st.builds(
    ContainerState,
    name=st.sampled_from(["job", "sidecar"]),
    state=st.sampled_from(["Waiting", "Running", "Terminated", "Odd"]) | st.none(),
    exit_code=st.none() | st.integers(),
    restart_count=st.integers(0, 3),
    detail=st.sampled_from(["", "Completed", "Error", "OOMKilled"]),
    started_at=st.none() | st.just(T1),
)
EVENTS = st.builds(
    ContainerEvent,
    name=st.sampled_from(["Pulling", "Killing", "Odd"]),
    message=st.text(max_size=5),
    kind=st.sampled_from(["Normal", "Warning"]),
    first_at=st.none() | st.just(T1),
)
LOOKS = st.builds(
    Observation,
    group_state=st.sampled_from(["Pending", "Running", "Stopped", "Succeeded", "Failed"])
    | st.none(),
    provisioning_state=st.sampled_from(["Pending", "Succeeded", "Failed", "Odd"]) | st.none(),
    containers=st.lists(STATES, max_size=3, unique_by=lambda state: state.name).map(tuple),
    events=st.lists(EVENTS, max_size=5).map(tuple),
)


@given(LOOKS, st.sampled_from(["Never", "OnFailure"]))
def test_success_is_only_what_the_main_container_said_itself(
    look: Observation, policy: str
) -> None:
    """A missing exit code is never 0, and a group's state is never an exit code."""
    outcome = judge(look, policy).outcome
    main = look.main
    said_so = main is not None and main.state == "Terminated" and main.exit_code == 0
    assert (outcome is not None and not outcome.reason) is said_so
    if outcome is not None and outcome.exit_code is not None:
        assert main is not None
        assert outcome.exit_code == main.exit_code


CRASHING = container("Waiting", detail="CrashLoopBackOff: Back-off restarting failed")


@pytest.mark.parametrize(
    ("look", "hindrance"),
    [
        (seen(CRASHING, provisioning_state="Succeeded"), Reason.CRASH_LOOP),
        (seen(CRASHING, provisioning_state="Repairing"), Reason.CRASH_LOOP),
        (seen(container("Waiting"), provisioning_state="Repairing"), Reason.UNHEALTHY),
        (seen(provisioning_state="Unhealthy"), Reason.UNHEALTHY),
        (seen(container("Terminated", 3), provisioning_state="Unhealthy"), Reason.UNHEALTHY),
        (seen(container("Running"), provisioning_state="Unhealthy"), None),
        (seen(container("Waiting"), provisioning_state="Succeeded"), None),
        (seen(container("Waiting", detail="CreateContainerConfigError")), None),
    ],
)
def test_what_is_in_the_way_of_the_container_is_told(
    look: Observation, hindrance: Reason | None
) -> None:
    """A deadline that passes meanwhile is not the fault of a container that ran too long."""
    assert judge(look, "OnFailure").hindrance is hindrance


def init(state: str | None = None, code: int | None = None, **more: Any) -> ContainerState:
    return container(state, code, **({"name": "fetch"} | more))


@pytest.mark.parametrize(
    ("look", "policy", "stage", "reason"),
    [
        (seen(container(), init_containers=(init("Terminated", 4),)), "Never", "ended", "Init"),
        (
            seen(container("Waiting"), init_containers=(init("Terminated"),)),
            *("Never", "ended", "Init"),
        ),
        (seen(container(), init_containers=(init("Terminated", 4),)), "OnFailure", "creating", ""),
        (
            seen(container(), init_containers=(init("Terminated", 4),), group="Failed"),
            *("OnFailure", "ended", "Init"),
        ),
        (seen(container(), init_containers=(init("Terminated", 0),)), "Never", "creating", ""),
        (seen(container(), init_containers=(init("Running"),)), "Never", "creating", ""),
        (
            seen(container("Running"), init_containers=(init("Terminated", 4),)),
            *("Never", "running", ""),
        ),
    ],
)
def test_a_failed_init_container_ends_the_job_that_waits_for_it(
    look: Observation, policy: str, stage: str, reason: str
) -> None:
    """At once, and not at the deadline; a container that runs all the same decides itself."""
    verdict = judge(look, policy)
    assert verdict.stage == stage
    assert (verdict.outcome is not None) == bool(reason)
    if verdict.outcome is not None:
        assert verdict.outcome.reason == "InitContainerFailed"
        assert "'fetch'" in verdict.outcome.message
        assert (verdict.outcome.exit_code, verdict.outcome.has_ended) == (None, True)
        assert [end.name for end in verdict.outcome.containers] == ["fetch", "job"]
