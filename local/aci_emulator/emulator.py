"""The whole emulator: wired, started, stopped."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from aci_emulator.certificates import certificate_path, server_context
from aci_emulator.clock import Clock, RealClock
from aci_emulator.runtimes.choice import choose_runtime
from aci_emulator.runtimes.scripted import ScriptedRuntime
from aci_emulator.service import Service
from aci_emulator.wire import GatewayServer

if TYPE_CHECKING:
    from pathlib import Path
    from ssl import SSLContext

    from aci_emulator.runtimes.contract import Runtime
    from aci_emulator.settings import Settings

_HOST = "127.0.0.1"
_DRAIN_S = 2.0
_FAREWELL_TURNS = 8  # asyncio closes an aborted TLS transport in three


class PortTakenError(Exception):
    """A port cannot be listened on; the text names it and the option that chooses another."""


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """Where a running emulator listens."""

    arm: str
    control: str
    vault: str


class Emulator:
    """One emulated subscription with its ARM endpoint, identity endpoint and admin API.

    Args:
        settings: What it is told.
        clock: Its time; None for real time.
        runtime: What runs containers; None to choose by the settings.
    """

    def __init__(
        self, settings: Settings, *, clock: Clock | None = None, runtime: Runtime | None = None
    ) -> None:
        self.settings = settings
        self.clock = clock or RealClock()
        self.runtime, self.runtime_reason = self._choose(runtime)
        self.service = Service(settings, self.clock, self.runtime)
        self._runners: list[web.ServerRunner] = []
        self._addresses: Addresses | None = None

    def _choose(self, runtime: Runtime | None) -> tuple[Runtime, str]:
        if runtime is not None:
            return runtime, "The runtime was given."
        if self.settings.runtime != "scripted":
            return choose_runtime(self.settings.runtime, self.settings.state_dir)
        runtime = ScriptedRuntime(self.clock, self.settings.scripts)
        return runtime, "Containers follow scripts; nothing runs."

    @property
    def addresses(self) -> Addresses:
        """Where it listens; only while it runs."""
        assert self._addresses is not None, "the emulator has not been started"
        return self._addresses

    async def start(self) -> None:
        """Serve.

        Raises:
            PortTakenError: a port is in use.
            RuntimeRefusalError: the runtime cannot be opened.
        """
        settings = self.settings
        settings.state_dir.mkdir(parents=True, exist_ok=True)
        await self.runtime.open()
        try:
            tls = server_context(settings.state_dir, settings.allowed_hosts)
            arm = GatewayServer(self.service.arm_gateway(), settings.idle_s)
            arm_port = await self._serve(arm, settings.arm_port, "--port", ssl_context=tls)
            vault = GatewayServer(self.service.vault_gateway(), settings.idle_s)
            vault_port = await self._serve(
                vault, settings.vault_port, "--vault-port", ssl_context=tls
            )
            control = GatewayServer(self.service.control_gateway(), settings.idle_s)
            control_port = await self._serve(control, settings.control_port, "--control-port")
        except BaseException:
            await self.stop()
            raise
        self._addresses = Addresses(
            arm=f"https://{_HOST}:{arm_port}",
            control=f"http://{_HOST}:{control_port}",
            vault=f"https://{_HOST}:{vault_port}",
        )
        self._write_env()

    async def _serve(
        self,
        server: GatewayServer,
        port: int,
        option: str,
        *,
        ssl_context: SSLContext | None = None,
    ) -> int:
        runner = web.ServerRunner(server, shutdown_timeout=_DRAIN_S)
        await runner.setup()
        self._runners.append(runner)
        site = web.TCPSite(runner, _HOST, port, ssl_context=ssl_context)
        try:
            await site.start()
        except OSError as problem:
            raise PortTakenError(
                f"cannot listen on {_HOST}:{port}: {os.strerror(problem.errno or 0)}; "
                f"choose another port with {option}"
            ) from problem
        bound: int = runner.addresses[0][1]
        return bound

    def environment(self) -> dict[str, str]:
        """Return what an unmodified SDK client needs in its environment."""
        settings, addresses = self.settings, self.addresses
        trusted = str(certificate_path(settings.state_dir).resolve())
        gateway = getattr(self.runtime, "gateway", "")
        return {
            "AZURE_SUBSCRIPTION_ID": settings.subscription_id,
            "ARM_ENDPOINT": addresses.arm,
            "ARM_SCOPE": f"{settings.audiences[0]}/.default",
            "RESOURCE_GROUP": settings.resource_groups[0],
            "LOCATION": settings.locations[0],
            "IDENTITY_ENDPOINT": f"{addresses.control}/msi/token",
            "IDENTITY_HEADER": self.service.tokens.identity_header,
            "REQUESTS_CA_BUNDLE": trusted,
            "SSL_CERT_FILE": trusted,
            "KEY_VAULT_URL": addresses.vault,
            "ACI_EMULATOR_ADMIN": f"{addresses.control}/admin/{self.service.admin_secret}",
        } | ({"CONTAINER_GATEWAY": gateway} if gateway else {})

    def _write_env(self) -> None:
        """Write the environment where other programs wait for it: whole or not at all."""
        path = env_path(self.settings.state_dir)
        text = "".join(f"{name}={value}\n" for name, value in self.environment().items())
        draft = path.with_suffix(".draft")
        draft.touch(mode=0o600)
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)

    async def stop(self) -> None:
        """Serve no more; end every container. The env file goes: its presence means it serves."""
        if self._addresses is not None:
            env_path(self.settings.state_dir).unlink(missing_ok=True)
            self._addresses = None
        for runner in self._runners:
            await _close(runner)
        self._runners.clear()
        await self.service.close()
        await self.runtime.close()


async def _close(runner: web.ServerRunner) -> None:
    """Let requests under way end, then drop every connection: TLS would wait for the peer's word."""
    server = runner.server
    open_before = [connection.transport for connection in server.connections] if server else []
    await runner.cleanup()
    for transport in open_before:
        if transport is not None:
            transport.abort()
    for _ in range(_FAREWELL_TURNS):
        await asyncio.sleep(0)


def env_path(state_dir: Path) -> Path:
    """Return where a serving emulator's environment is written."""
    return state_dir / "env"
