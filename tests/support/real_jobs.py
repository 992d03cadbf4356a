"""Jobs of real containers behind the emulated service, driven by the official SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azure.mgmt.containerinstance import models

from runtime_emulators import eventually
from runtime_trials import IMAGE, require_engine

if TYPE_CHECKING:
    from pathlib import Path

    from runtime_emulators import EmulatorProgram

LINES = 100_000
HARVEST = f"""
cat /mnt/work/from-init
until nc 127.0.0.1 8080 2>/dev/null; do sleep 0.1; done
cat /mnt/secret/token
echo
i=0
while [ $i -lt {LINES} ]; do i=$((i+1)); echo "line $i"; done
sleep 6
exit 7
"""


def container(name: str, script: str, **settings: Any) -> models.Container:
    """Return a small container that runs a shell script."""
    resources = models.ResourceRequirements(
        requests=models.ResourceRequests(memory_in_gb=0.2, cpu=0.5)
    )
    return models.Container(
        name=name, image=IMAGE, command=["sh", "-c", script], resources=resources, **settings
    )


def group(emulator: EmulatorProgram, *containers: models.Container, **settings: Any) -> Any:
    """Return a container group that never restarts its containers."""
    return models.ContainerGroup(
        location=emulator.location,
        os_type="Linux",
        restart_policy="Never",
        containers=list(containers),
        **settings,
    )


def harvest(emulator: EmulatorProgram) -> Any:
    """Return a job with everything: init container, sidecar, emptyDir and secret volume."""
    work = models.VolumeMount(name="work-volume", mount_path="/mnt/work")
    secret = models.VolumeMount(name="secret-volume", mount_path="/mnt/secret", read_only=True)
    return group(
        emulator,
        container("main", HARVEST, volume_mounts=[work, secret]),
        container("sidecar", "echo pong | nc -l -p 8080; sleep 1"),
        init_containers=[
            models.InitContainerDefinition(
                name="init",
                image=IMAGE,
                command=["sh", "-c", "echo prepared > /mnt/work/from-init"],
                volume_mounts=[work],
            )
        ],
        volumes=[
            models.Volume(name="work-volume", empty_dir={}),
            models.Volume(name="secret-volume", secret={"token": "czNjcjN0"}),
        ],
    )


def wait_for_end(emulator: EmulatorProgram, name: str) -> Any:
    """Return the group once its main container has terminated."""

    def ended() -> bool:
        state = emulator.state_of(name, "main")
        return state is not None and state.state == "Terminated"

    eventually(ended, within_s=60)
    return emulator.get(name)


def numbered(log: str) -> list[str]:
    """Return the numbered lines of a log."""
    return [line for line in log.splitlines() if line.startswith("line ")]


def in_engine(state_dir: Path) -> tuple[int, int]:
    """Return how many containers and volumes the engine holds for a state folder."""
    import docker

    from aci_emulator.runtimes.docker.runtime import OWNER_LABEL, DockerRuntime

    address = require_engine()
    owner = DockerRuntime(state_dir, address).owner
    api = docker.APIClient(**address.settings, version="auto")
    try:
        filters = {"label": [f"{OWNER_LABEL}={owner}"]}
        volumes = api.volumes(filters=filters)["Volumes"] or ()
        return len(api.containers(all=True, filters=filters)), len(volumes)
    finally:
        api.close()


def show_a_whole_job(emulator: EmulatorProgram, name: str) -> None:
    """Everything issue 4 wants seen of one job on an engine."""
    emulator.create(name, harvest(emulator))
    eventually(lambda: f"line {LINES}\n" in emulator.logs(name, "main"), within_s=60)
    assert emulator.state_of(name, "main").state == "Running"
    log = emulator.logs(name, "main")
    assert log.startswith("prepared\npong\ns3cr3t\n")
    assert numbered(log) == [f"line {n}" for n in range(1, LINES + 1)]
    ended = wait_for_end(emulator, name)
    main, sidecar = ended.containers
    assert main.instance_view.current_state.exit_code == 7
    assert main.instance_view.current_state.detail_status == "Error"
    assert sidecar.instance_view.current_state.exit_code == 0
    (init,) = ended.init_containers
    assert init.instance_view.current_state.exit_code == 0
    kept = emulator.logs(name, "main").splitlines()
    assert 0 < len(kept) <= 1000
    assert kept[-1] == f"line {LINES}"
