"""The whole emulator: wired, started, stopped."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from aci_emulator.admin.handlers import AdminHandlers
from aci_emulator.admin.routes import routes as admin_routes
from aci_emulator.certificates import certificate_path, server_context
from aci_emulator.clock import Clock, RealClock
from aci_emulator.context import Context
from aci_emulator.faults import FaultError, FaultPlan, parse_rule
from aci_emulator.gateway import ArmGateway, ControlGateway, GatewayServer
from aci_emulator.groups.deployment import Around
from aci_emulator.groups.handlers import GroupHandlers
from aci_emulator.groups.registry import ContainerGroups
from aci_emulator.groups.routes import routes as group_routes
from aci_emulator.groups.troubles import TroubleMaker
from aci_emulator.identity.handlers import IdentityHandlers
from aci_emulator.identity.routes import routes as identity_routes
from aci_emulator.identity.state import Tokens, signing_key
from aci_emulator.locations.handlers import LocationHandlers
from aci_emulator.locations.routes import routes as location_routes
from aci_emulator.operations.handlers import OperationHandlers
from aci_emulator.operations.routes import routes as operation_routes
from aci_emulator.operations.state import Operations
from aci_emulator.providers.handlers import ProviderHandlers
from aci_emulator.providers.routes import routes as provider_routes
from aci_emulator.providers.state import Registration
from aci_emulator.request_log import RequestLog
from aci_emulator.routing import Route, Router
from aci_emulator.runtimes.choice import choose_runtime
from aci_emulator.runtimes.scripted import ScriptedRuntime, ScriptError, parse_script
from aci_emulator.settings import Settings, SettingsError
from aci_emulator.throttling import Throttle

if TYPE_CHECKING:
    from pathlib import Path
    from ssl import SSLContext

    from aci_emulator.runtimes.contract import Runtime

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
        self.context = _context(settings, self.clock, self.runtime)
        self._runners: list[web.ServerRunner] = []
        self._addresses: Addresses | None = None

    def _choose(self, runtime: Runtime | None) -> tuple[Runtime, str]:
        if runtime is not None:
            return runtime, "The runtime was given."
        if self.settings.runtime != "scripted":
            return choose_runtime(self.settings.runtime, self.settings.state_dir)
        try:
            scripts = tuple(parse_script(raw) for raw in self.settings.scripts)
        except ScriptError as problem:
            raise SettingsError(f"[[scripts]]: {problem}") from problem
        return ScriptedRuntime(self.clock, scripts), "Containers follow scripts; nothing runs."

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
            tls = server_context(settings.state_dir)
            arm = GatewayServer(ArmGateway(Router(self._arm_routes()), self.context))
            arm_port = await self._serve(arm, settings.arm_port, "--port", ssl_context=tls)
            router = Router(self._control_routes())
            control = GatewayServer(ControlGateway(router, settings.limits.body_bytes))
            control_port = await self._serve(control, settings.control_port, "--control-port")
        except BaseException:
            await self.stop()
            raise
        self._addresses = Addresses(
            arm=f"https://{_HOST}:{arm_port}", control=f"http://{_HOST}:{control_port}"
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

    def _arm_routes(self) -> list[Route]:
        context = self.context
        return [
            *group_routes(GroupHandlers(context)),
            *operation_routes(OperationHandlers(context)),
            *location_routes(LocationHandlers(context)),
            *provider_routes(ProviderHandlers(context)),
        ]

    def _control_routes(self) -> list[Route]:
        return [
            *identity_routes(IdentityHandlers(self.context.tokens)),
            *admin_routes(AdminHandlers(self.context, self.runtime)),
        ]

    def environment(self) -> dict[str, str]:
        """Return what an unmodified SDK client needs in its environment."""
        settings, addresses = self.settings, self.addresses
        trusted = str(certificate_path(settings.state_dir).resolve())
        return {
            "AZURE_SUBSCRIPTION_ID": settings.subscription_id,
            "ARM_ENDPOINT": addresses.arm,
            "ARM_SCOPE": "https://management.azure.com/.default",
            "RESOURCE_GROUP": settings.resource_groups[0],
            "LOCATION": settings.locations[0],
            "IDENTITY_ENDPOINT": f"{addresses.control}/msi/token",
            "IDENTITY_HEADER": self.context.tokens.identity_header,
            "REQUESTS_CA_BUNDLE": trusted,
            "SSL_CERT_FILE": trusted,
            "ACI_EMULATOR_ADMIN": f"{addresses.control}/admin",
        }

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
        await self.context.troubles.close()
        await self.context.groups.close()
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
    """Where a serving emulator's environment is written."""
    return state_dir / "env"


def _context(settings: Settings, clock: Clock, runtime: Runtime) -> Context:
    operations = Operations()
    around = Around(
        runtime=runtime,
        clock=clock,
        delays=settings.delays,
        provisioning_timeout_s=settings.provisioning_timeout_s,
    )
    groups = ContainerGroups(around, operations, settings.limits)
    return Context(
        settings=settings,
        clock=clock,
        groups=groups,
        operations=operations,
        registration=Registration(registered=settings.registered),
        tokens=Tokens(signing_key(settings.state_dir), lifetime_s=settings.token_lifetime_s),
        throttle=Throttle(clock, settings.limits, settings.subscription_id),
        faults=_faults(settings),
        troubles=TroubleMaker(groups, clock),
        requests=RequestLog(),
    )


def _faults(settings: Settings) -> FaultPlan:
    plan = FaultPlan(settings.seed)
    for raw in settings.faults:
        try:
            plan.add(parse_rule(raw))
        except FaultError as problem:
            raise SettingsError(f"[[faults]]: {problem}") from problem
    return plan
