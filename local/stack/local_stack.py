"""Starts and stops the local stack: the ACI emulator, then the Functions host with the app."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from stack.child import Child, ChildError, free_port, python_module
from stack.environment import child_environment, chosen_settings
from stack.http import send
from stack.kept_keys import seal_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import Self

_START_TIMEOUT_S = 60.0
COUNT_TO_THIRTY = json.dumps(
    ["/bin/sh", "-c", "i=1; while [ $i -le 30 ]; do echo $i; i=$((i+1)); sleep 1; done"]
)
"""The default job's command, as the setting `DefaultCommand` writes it."""
_HAS_BRIDGE = sys.platform == "linux"
"""Whether an engine's network is one of this machine; Docker Desktop's is one of another machine."""
_DESKTOPS_NAME = "host.docker.internal"
"""Leads from Docker Desktop's containers to the loopback of the machine that it runs on.

Source: docs.docker.com/desktop/features/networking.
"""
_NO_LIMITS = """\
[limits]
groups = false
cores = false
creates_per_5_min = false
creates_per_hour = false
deletes_per_5_min = false
deletes_per_hour = false
read_burst = false
write_burst = false
"""
_NO_QUEUE = {"JobQueueName": "acijobs-jobs", "AzureWebJobs.QueueStart.Disabled": "true"}
"""There is no storage queue unless somebody names one."""

_FROM_EMULATOR = {
    "ARM_ENDPOINT": "ArmEndpoint",
    "ARM_SCOPE": "ArmScope",
    "RESOURCE_GROUP": "ResourceGroupName",
    "LOCATION": "Location",
}


class StackError(Exception):
    """The stack could not be started, or a part of it ended; the text says why."""


@dataclass(frozen=True, kw_only=True)
class StackOptions:
    """How to run the stack.

    Attributes:
        app: The function app's folder.
        state: Folder for everything the stack writes.
        port: Port of the Functions host; 0 for any.
        arm_port: Port of the ARM endpoint; 0 for any.
        runtime: What runs containers: `auto`, `process`, `docker` or `scripted`.
        settings: App settings that win over the defaults, the shell's and the emulator's.
        is_unlimited: Whether the emulator has none of Azure's quotas and rates: for loads.
        gone_s: How long the emulator shows a deleted group as Deleting; only without limits.
        emulator_options: Further options of the emulator's command.
        host_options: Further options of the Functions host's command.
    """

    app: Path
    state: Path
    port: int = 0
    arm_port: int = 0
    runtime: str = "process"
    settings: Mapping[str, str] = field(default_factory=dict)
    is_unlimited: bool = False
    gone_s: float = 0.0
    emulator_options: tuple[str, ...] = ()
    host_options: tuple[str, ...] = ()


class LocalStack:
    """The emulator and the host, running; as a context manager both are ended at its end.

    Attributes:
        base_url: Where the Functions host answers.
        emulator_env: What the emulator told of itself: endpoint, identity, admin address.
    """

    def __init__(self, options: StackOptions) -> None:
        self.options = options
        self.base_url = ""
        self.emulator_env: dict[str, str] = {}
        self._port = options.port
        self._emulator: Child | None = None
        self._doorway: Child | None = None
        self._host: Child | None = None

    def __enter__(self) -> Self:
        for log in self.options.state.glob("*.log"):
            log.unlink()
        try:
            self.start_emulator()
            self.start_doorway()
            self.start_host()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def children(self) -> list[Child]:
        """The running programs, in the order to end them."""
        return [child for child in (self._host, self._doorway, self._emulator) if child is not None]

    def start_emulator(self) -> None:
        """Start the ACI emulator; return once it serves.

        Raises:
            StackError: it ended, or did not serve in time.
        """
        state = self.options.state / "aci-emulator"
        told = state / "env"
        told.unlink(missing_ok=True)
        self._emulator = self._spawn(
            "ACI emulator",
            [
                "aci_emulator",
                "--port",
                str(self.options.arm_port),
                "--control-port",
                "0",
                "--state",
                str(state),
                "--runtime",
                self.options.runtime,
                *self._limits(),
                *self.options.emulator_options,
            ],
            child_environment(os.environ),
        )
        self._wait(self._emulator, told.exists)
        lines = told.read_text("utf-8").splitlines()
        self.emulator_env = dict(line.split("=", 1) for line in lines if "=" in line)

    def _limits(self) -> list[str]:
        if not self.options.is_unlimited:
            return []
        config = self.options.state / "no-limits.toml"
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text(f"{_NO_LIMITS}[delays]\ngone_s = {self.options.gone_s}\n", "utf-8")
        return ["--config", str(config)]

    def start_doorway(self) -> None:
        """Let containers reach their jobs' capability URLs, where an engine runs them."""
        self._port = self._port or free_port()
        gateway = self.emulator_env.get("CONTAINER_GATEWAY")
        if gateway and _HAS_BRIDGE:
            to = f"http://127.0.0.1:{self._port}"
            where = ["--address", gateway, "--port", str(self._port), "--to", to]
            environment = child_environment(os.environ)
            self._doorway = self._spawn("doorway", ["stack.doorway", *where], environment)

    def _event_url(self) -> dict[str, str]:
        """Return where containers reach the app, unless they run as processes of this machine."""
        gateway = self.emulator_env.get("CONTAINER_GATEWAY")
        if not gateway:
            return {}
        name = gateway if _HAS_BRIDGE else _DESKTOPS_NAME
        return {"EventUrl": f"http://{name}:{self._port}"}

    def start_host(self) -> None:
        """Start the Functions host with the app, again at the same address; return once it serves.

        Raises:
            StackError: it ended, or did not serve in time.
        """
        self._port = self._port or free_port()
        self.base_url = f"http://127.0.0.1:{self._port}"
        environment = child_environment(os.environ) | self.app_settings()
        self._host = self._spawn("Functions host", self.host_command(), environment)
        self._wait(self._host, self._host_answers)

    def host_command(self) -> list[str]:
        """Return the module that serves the app, and its options."""
        return [
            "functions_host",
            str(self.options.app),
            "--port",
            str(self._port),
            "--state",
            str(self.options.state / "functions-host"),
            *([] if _HAS_BRIDGE else ["--allow-host", _DESKTOPS_NAME]),
            *self.options.host_options,
        ]

    def kill_host(self) -> None:
        """Kill the host as a crash would, leaving the emulator alone."""
        assert self._host is not None
        self._host.kill()

    def app_settings(self) -> dict[str, str]:
        """Return the app settings of the local stack: those of Azure, with other values.

        The user's shell may choose others than the defaults, but not another endpoint.
        """
        settings = {
            "LogArchiveUrl": (self.options.state / "logs").resolve().as_uri(),
            "JobStoreUrl": (self.options.state / "jobs").resolve().as_uri(),
            "SealKeys": seal_key(self.options.state),
            "AllowedKeyVaults": urlsplit(self.emulator_env.get("KEY_VAULT_URL", "")).netloc,
            "WEBSITE_HOSTNAME": f"127.0.0.1:{self._port}",
            "DefaultImage": "alpine:3.20",
            "DefaultCommand": COUNT_TO_THIRTY,
            **self._event_url(),
        }
        settings |= _NO_QUEUE | chosen_settings(os.environ)
        if "JobQueueName" in os.environ:
            settings["AzureWebJobs.QueueStart.Disabled"] = "false"
        for name, value in self.emulator_env.items():
            settings[_FROM_EMULATOR.get(name, name)] = value
        return settings | dict(self.options.settings)

    @property
    def function_key(self) -> str:
        """The key that opens every function, where the host asks for keys."""
        keys = self.options.state / "functions-host" / "keys.json"
        return str(json.loads(keys.read_text("utf-8"))["host"])

    @property
    def host_exit_code(self) -> int | None:
        """The host's exit code, or None while it runs."""
        return None if self._host is None else self._host.exit_code

    def check(self) -> None:
        """Raise if a part of the stack has ended.

        Raises:
            StackError: it names the part and shows its last output.
        """
        for child in self.children:
            try:
                child.check()
            except ChildError as error:
                raise StackError(str(error)) from None

    def stop(self) -> None:
        """End everything that runs, the host first."""
        for child in self.children:
            child.stop()
        self._host = self._doorway = self._emulator = None

    def _spawn(self, name: str, arguments: list[str], environment: Mapping[str, str]) -> Child:
        log = self.options.state / f"{arguments[0]}.log"
        return Child(name, python_module(*arguments), environment=environment, log=log)

    def _wait(self, child: Child, is_ready: Callable[[], bool]) -> None:
        try:
            child.wait_until(is_ready, timeout_s=_START_TIMEOUT_S)
        except ChildError as error:
            raise StackError(str(error)) from None

    def _host_answers(self) -> bool:
        return host_runs(self.base_url)


def host_runs(base_url: str) -> bool:
    """Tell whether a Functions host at this URL says that it runs."""
    try:
        reply = send("GET", f"{base_url}/admin/host/status")
    except (OSError, ValueError):  # not yet, or not a Functions host
        return False
    return isinstance(reply.body, dict) and reply.body.get("state") == "Running"
