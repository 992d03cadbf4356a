"""What is done when an engine refuses: the engine here is a stand-in that refuses on purpose."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
from docker.errors import APIError, ImageNotFound

from aci_emulator.runtimes.contract import ContainerLaunch, RuntimeRefusalError
from aci_emulator.runtimes.docker import launching


def refusal(text: str, kind: type[APIError] = APIError) -> APIError:
    """Return an engine's refusal with this explanation."""
    response = requests.Response()
    response.status_code = 500
    return kind("500 Server Error", response=response, explanation=text)


class Attached:
    """An attached socket that knows whether it was closed."""

    closed = False

    def close(self) -> None:
        """It is closed."""
        self.closed = True


@dataclass
class Engine:
    """Takes part in the conversation as an API client does; `refuse` sees each start."""

    refuse: Any = None
    created: list[dict[str, Any]] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    attached: list[Attached] = field(default_factory=list)

    def create_host_config(self, **settings: Any) -> dict[str, Any]:
        """Return the settings."""
        return settings

    def create_container(self, image: str, **settings: Any) -> dict[str, str]:
        """Remember what was asked."""
        self.created.append({"image": image, **settings})
        return {"Id": f"id{len(self.created)}"}

    def attach_socket(self, container_id: str, params: Any) -> Attached:
        """Return a new attachment."""
        self.attached.append(Attached())
        return self.attached[-1]

    def start(self, container_id: str) -> None:
        """Refuse if told to."""
        if self.refuse is not None:
            self.refuse(self.created[-1])

    def remove_container(self, container_id: str, **_: Any) -> None:
        """Remember it."""
        self.removed.append(container_id)


def request() -> launching.Request:
    """Return a container to launch."""
    launch = ContainerLaunch(group="g", name="c", image="i", command=("run",), cpu=0.5, memory_gb=1)
    return launching.Request(launch=launch, name="n", labels={}, holder="h")


def test_without_limits_where_the_engine_has_none(caplog: pytest.LogCaptureFixture) -> None:
    """It says so once, runs the container, and does not try again for the next."""

    def no_limits(asked: dict[str, Any]) -> None:
        if asked["host_config"].get("mem_limit"):
            raise refusal("runc: error setting cgroup config: open memory.max: permission denied")

    engine, limits = Engine(refuse=no_limits), launching.Limits()
    with caplog.at_level(logging.WARNING):
        launching.launch(engine, request(), limits)  # type: ignore[arg-type]
        launching.launch(engine, request(), limits)  # type: ignore[arg-type]
    assert [bool(c["host_config"]["mem_limit"]) for c in engine.created] == [True, False, False]
    assert (engine.removed, len(caplog.records)) == (["id1"], 1)
    assert [a.closed for a in engine.attached] == [True, False, False]


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        (
            'OCI runtime create failed: exec: "run": executable file not found in $PATH: unknown',
            "CommandNotFound",
            'exec: "run": executable file not found in $PATH',
        ),
        (
            (
                'runc create failed: unable to start container process: exec: "run": stat run: no such '
                "file or directory: cgroup"
            ),
            "CommandNotFound",
            'exec: "run": stat run: no such file or directory',
        ),
        (
            (
                "crun: executable file `run` not found in $PATH: No such file or directory: "
                "OCI runtime attempted to invoke a command that was not found"
            ),
            "CommandNotFound",
            "executable file `run` not found in $PATH",
        ),
        (
            "crun: open executable: Permission denied: OCI permission denied",
            "CommandNotFound",
            'exec: "run": open executable: Permission denied',
        ),
        ("storage is full", "Unsupported", "storage is full"),
    ],
)
def test_refusals_are_translated(text: str, code: str, message: str) -> None:
    """A missing executable is told apart, and nothing of the attempt is left."""

    def refuse(_: Any) -> None:
        raise refusal(text)

    engine = Engine(refuse=refuse)
    with pytest.raises(RuntimeRefusalError) as caught:
        launching.launch(engine, request(), launching.Limits())  # type: ignore[arg-type]
    assert (caught.value.code, str(caught.value)) == (code, message)
    assert (engine.removed, engine.attached[0].closed) == (["id1"], True)


def test_an_image_that_vanished_is_inaccessible() -> None:
    """Removed between its pull and the start."""

    def refuse(_: Any) -> None:
        raise refusal("no such image: i", ImageNotFound)

    with pytest.raises(RuntimeRefusalError) as caught:
        launching.launch(Engine(refuse=refuse), request(), launching.Limits())  # type: ignore[arg-type]
    assert caught.value.code == "InaccessibleImage"


def test_a_group_without_a_network_where_bridges_are_refused(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its containers still meet on localhost; the warning says what they do without."""

    def no_bridge(asked: dict[str, Any]) -> None:
        if asked["host_config"]["network_mode"] == "bridge":
            raise refusal("netavark: iptables: Permission denied")

    engine = Engine(refuse=no_bridge)
    with caplog.at_level(logging.WARNING):
        held = launching.start_holder(engine, image="p", name="n", labels={}, binds=[])  # type: ignore[arg-type]
    assert (held, engine.removed) == ("id2", ["id1"])
    assert "cannot make a network" in caplog.text


def test_any_other_refusal_of_the_holder_is_reported() -> None:
    """No second attempt hides it."""

    def refuse(_: Any) -> None:
        raise refusal("no space left on device")

    engine = Engine(refuse=refuse)
    with pytest.raises(RuntimeRefusalError, match="no space left"):
        launching.start_holder(engine, image="p", name="n", labels={}, binds=[])  # type: ignore[arg-type]
    assert engine.removed == ["id1"]
