"""What the docker runtime promises beyond the contract: images, networks, volumes, limits."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import docker
import pytest
import pytest_asyncio

from aci_emulator.runtimes.contract import (
    ContainerLaunch,
    GroupLaunch,
    Mount,
    RegistryCredential,
    RuntimeRefusalError,
    Volume,
)
from aci_emulator.runtimes.docker.runtime import GROUP_LABEL, DockerRuntime
from runtime_registry import Registry
from runtime_trials import IMAGE, Trial, require_engine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.docker, pytest.mark.asyncio(loop_scope="module")]

WORK = Volume(name="work", kind="emptyDir")
SECRET = Volume(name="secret", kind="secret", files={"token": b"s3cr3t", "bin": b"\x00\xff"})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def runtime(state_dir: Path) -> AsyncIterator[DockerRuntime]:
    """An open docker runtime."""
    made = DockerRuntime(state_dir, require_engine())
    await made.open()
    try:
        yield made
    finally:
        await made.close()


@pytest_asyncio.fixture(loop_scope="module")
async def trial(runtime: DockerRuntime, request: pytest.FixtureRequest) -> AsyncIterator[Trial]:
    """The runtime with one group, not yet prepared."""
    trial = Trial(runtime, group=f"trial-{abs(hash(request.node.name)) % 10**8}")
    yield trial
    await runtime.remove_group(trial.group)


@pytest.fixture
def api() -> Iterator[docker.APIClient]:
    """The engine, asked directly."""
    client = docker.APIClient(**require_engine().settings, version="auto")
    try:
        yield client
    finally:
        client.close()


@pytest_asyncio.fixture(loop_scope="module")
async def registry() -> AsyncIterator[Registry]:
    """A registry on this machine."""
    made = Registry()
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


@pytest.fixture(scope="module")
def entry_image() -> Iterator[str]:
    """An image with an entry point, arguments, a variable and a file where a volume will be."""
    repository, tag = "localhost/acijobs/entry", uuid4().hex
    api = docker.APIClient(**require_engine().settings, version="auto")
    made = api.create_container(IMAGE, entrypoint=["sh", "-c", "mkdir /data; touch /data/own"])
    api.start(made)
    api.wait(made)
    changes = ['ENTRYPOINT ["echo", "entry"]', 'CMD ["from-image"]', "ENV KEPT=yes"]
    api.commit(made, repository, tag, changes=changes)
    api.remove_container(made, force=True)
    try:
        yield f"{repository}:{tag}"
    finally:
        api.remove_image(f"{repository}:{tag}", force=True)
        api.close()


async def test_containers_of_a_group_meet_on_localhost(trial: Trial) -> None:
    """A sidecar is reached at 127.0.0.1, as in ACI."""
    await trial.prepare()
    _, _ = await trial.start("sh", "-c", "echo pong | nc -l -p 8080")
    ask = "until nc 127.0.0.1 8080 2>/dev/null; do sleep 0.05; done"
    ended, output = await trial.run("sh", "-c", ask)
    assert (ended.exit_code, output.text) == (0, "pong\n")


async def test_groups_do_not_share_ports(trial: Trial) -> None:
    """Two groups can listen on one port, and neither reaches the other on localhost."""
    await trial.prepare()
    other = Trial(trial.runtime, group="other")
    await other.prepare()
    listen = "echo up; nc -l -p 8080"
    for one in (trial, other):
        _, output = await one.start("sh", "-c", listen)
        await output.until(b"up")
    third = Trial(trial.runtime, group="third")
    await third.prepare()
    ended, _ = await third.run("nc", "-w", "1", "127.0.0.1", "8080")
    assert ended.exit_code != 0
    await trial.runtime.remove_group("other")
    await trial.runtime.remove_group("third")


async def test_an_empty_dir_is_empty_shared_and_writable_by_all(
    trial: Trial, entry_image: str
) -> None:
    """What one container writes another reads, whatever its image has in that place."""
    await trial.prepare(WORK)
    mount = Mount(volume="work", path="/data")
    runs = [
        ContainerLaunch(
            group=trial.group, name=name, image=entry_image, command=command, mounts=(mount,)
        )
        for name, command in {
            "first": ("sh", "-c", "ls -A /data; stat -c %a /data; echo shared > /data/file"),
            "second": ("cat", "/data/file"),
        }.items()
    ]
    from runtime_trials import Output

    outputs = []
    for launch in runs:
        output = Output()
        await (await trial.runtime.start(launch, output)).wait()
        outputs.append(output.text)
    assert outputs == ["777\n", "shared\n"]


async def test_a_read_only_mount_cannot_be_written(trial: Trial) -> None:
    """The mount's own flag decides, not the volume's kind."""
    await trial.prepare(WORK)
    mount = Mount(volume="work", path="/mnt/work", read_only=True)
    ended, output = await trial.run("touch", "/mnt/work/x", mounts=(mount,))
    assert ended.exit_code != 0
    assert "Read-only" in output.text


async def test_secret_files_are_there_byte_for_byte(trial: Trial) -> None:
    """Any bytes, and nothing else in the folder."""
    await trial.prepare(SECRET)
    mount = Mount(volume="secret", path="/mnt/secret", read_only=True)
    script = "cd /mnt/secret; ls -A; cat token; echo; od -An -tx1 bin"
    _, output = await trial.run("sh", "-c", script, mounts=(mount,))
    assert output.text.split() == ["bin", "token", "s3cr3t", "00", "ff"]


async def test_without_a_command_the_image_decides(trial: Trial, entry_image: str) -> None:
    """Entry point and arguments of the image run, with its variables."""
    await trial.prepare()
    assert await _output(trial, entry_image, None) == "entry from-image\n"


async def test_a_command_replaces_entry_point_and_arguments(trial: Trial, entry_image: str) -> None:
    """As in ACI: nothing of the image's command is left; its variables are."""
    await trial.prepare()
    printed = await _output(trial, entry_image, ("sh", "-c", 'echo "$0 $# $KEPT"'))
    assert printed == "sh 0 yes\n"


async def _output(trial: Trial, image: str, command: tuple[str, ...] | None) -> str:
    from runtime_trials import Output

    output = Output()
    launch = ContainerLaunch(group=trial.group, name="image", image=image, command=command)
    await (await trial.runtime.start(launch, output)).wait()
    return output.text


async def test_limits_are_the_containers(trial: Trial, api: docker.APIClient) -> None:
    """Cores and memory arrive at the engine as asked, and no swap is added."""
    await trial.prepare()
    container, _ = await trial.start("sleep", "300", cpu=0.5, memory_gb=0.25)
    seen = (await asyncio.to_thread(api.inspect_container, container._id))["HostConfig"]  # type: ignore[attr-defined]
    assert (seen["NanoCpus"], seen["Memory"]) == (500_000_000, 256 << 20)
    assert seen["MemorySwap"] == seen["Memory"]


async def test_memory_beyond_the_limit_ends_the_container(trial: Trial) -> None:
    """A container that takes more than it asked for is killed or fails; it never succeeds."""
    hog = "x=$(head -c 200000000 /dev/zero | tr '\\0' x); echo ${#x}"
    await trial.prepare()
    ended, output = await trial.run("sh", "-c", hog, memory_gb=0.05)
    assert ended.exit_code != 0
    assert "200000000" not in output.text


async def test_nothing_of_a_removed_group_is_left(
    trial: Trial, runtime: DockerRuntime, api: docker.APIClient
) -> None:
    """Containers, running or ended, holder and volumes are gone; nothing else is touched."""
    await trial.prepare(WORK, SECRET)
    mount = Mount(volume="work", path="/mnt/work")
    await trial.run("true", mounts=(mount,))
    await trial.start("sleep", "300", mounts=(mount,))
    filters = {"label": [f"{GROUP_LABEL}={runtime.owner}.{trial.group}"]}
    assert len(await asyncio.to_thread(api.containers, all=True, filters=filters)) == 2
    await runtime.remove_group(trial.group)
    assert await asyncio.to_thread(api.containers, all=True, filters=filters) == []
    assert not (await asyncio.to_thread(api.volumes, filters=filters))["Volumes"]


async def test_a_container_removed_behind_our_back_shows_as_killed(
    trial: Trial, api: docker.APIClient
) -> None:
    """Somebody's `docker rm -f` ends the container like a kill."""
    await trial.prepare()
    container, _ = await trial.start("sleep", "300")
    await asyncio.to_thread(api.remove_container, container._id, force=True)  # type: ignore[attr-defined]
    async with asyncio.timeout(20):
        assert (await container.wait()).exit_code == 137


async def test_an_image_is_pulled_and_named_by_its_digest(
    runtime: DockerRuntime, registry: Registry, api: docker.APIClient
) -> None:
    """The digest is the registry's; a second pull of a present image asks no registry."""
    image = f"{registry.address}/team/app:1"
    try:
        assert await runtime.pull(image, ()) == registry.digest
        asked = registry.pulls
        assert await runtime.pull(image, ()) == registry.digest
        assert registry.pulls == asked
    finally:
        await _forget(api, image)


async def test_always_asks_the_registry_and_never_does_not(
    tmp_path: Path, registry: Registry, api: docker.APIClient
) -> None:
    """The pull policy decides when a registry is asked."""
    image = f"{registry.address}/team/app:2"
    async with _opened(tmp_path / "never", "never") as never:
        with pytest.raises(RuntimeRefusalError) as caught:
            await never.pull(image, ())
        assert (caught.value.code, registry.pulls) == ("InaccessibleImage", 0)
    try:
        async with _opened(tmp_path / "always", "always") as always:
            await always.pull(image, ())
            asked = registry.pulls
            await always.pull(image, ())
            assert registry.pulls > asked > 0
    finally:
        await _forget(api, image)


async def test_credentials_are_used_for_their_registry_only(
    runtime: DockerRuntime, registry: Registry, api: docker.APIClient
) -> None:
    """Right ones pull; wrong, missing or another server's ones make the image inaccessible."""
    registry.user, registry.password = "robot", "pass word"
    image = f"{registry.address}/team/app:3"
    right = RegistryCredential(server=registry.address, username="robot", password="pass word")
    wrong = RegistryCredential(server=registry.address, username="robot", password="nope")
    other = RegistryCredential(server="example.azurecr.io", username="robot", password="pass word")
    for given in ((), (wrong,), (other,)):
        with pytest.raises(RuntimeRefusalError) as caught:
            await runtime.pull(image, given)
        assert caught.value.code == "InaccessibleImage"
    try:
        assert await runtime.pull(image, (other, right)) == registry.digest
    finally:
        await _forget(api, image)


async def test_a_missing_image_is_inaccessible(runtime: DockerRuntime, registry: Registry) -> None:
    """The registry answers, and has no such image."""
    with pytest.raises(RuntimeRefusalError) as caught:
        await runtime.pull(f"{registry.address}/team/missing:1", ())
    assert caught.value.code == "InaccessibleImage"


@pytest.mark.parametrize("status", [500, 503])
async def test_a_failing_registry_is_told_apart(
    runtime: DockerRuntime, registry: Registry, status: int
) -> None:
    """Trouble of the registry is not blamed on the image."""
    registry.failing_with = status
    with pytest.raises(RuntimeRefusalError) as caught:
        await runtime.pull(f"{registry.address}/team/app:1", ())
    assert caught.value.code == "RegistryErrorResponse"


async def test_an_unreachable_registry_is_told_apart(runtime: DockerRuntime) -> None:
    """Nobody listens there: port 1 of this machine."""
    with pytest.raises(RuntimeRefusalError) as caught:
        await runtime.pull("127.0.0.1:1/team/app:1", ())
    assert caught.value.code == "RegistryErrorResponse"


async def test_preparing_a_group_twice_is_refused_not_doubled(
    runtime: DockerRuntime, api: docker.APIClient
) -> None:
    """A group has one holder; a second one is refused and the first stays."""
    await runtime.prepare_group(GroupLaunch(key="twice"))
    with pytest.raises(RuntimeRefusalError):
        await runtime.prepare_group(GroupLaunch(key="twice"))
    filters = {"label": [f"{GROUP_LABEL}={runtime.owner}.twice"]}
    assert len(await asyncio.to_thread(api.containers, all=True, filters=filters)) == 1
    await runtime.remove_group("twice")


@contextlib.asynccontextmanager
async def _opened(state_dir: Path, policy: Any) -> AsyncIterator[DockerRuntime]:
    made = DockerRuntime(state_dir, require_engine(), pull_policy=policy)
    await made.open()
    try:
        yield made
    finally:
        await made.close()


async def _forget(api: docker.APIClient, image: str) -> None:
    with contextlib.suppress(docker.errors.APIError):
        await asyncio.to_thread(api.remove_image, image, force=True)


async def test_the_test_image_is_what_the_tests_think(api: docker.APIClient) -> None:
    """It has no entry point of its own, so that the tests above test ours."""
    config = api.inspect_image(IMAGE)["Config"]  # type: ignore[no-untyped-call]
    assert not json.loads(json.dumps(config)).get("Entrypoint")
