"""The emulated service: its parts, and which of them each endpoint gets."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from aci_emulator.admin.fault_controls import FaultControls
from aci_emulator.admin.group_controls import GroupControls
from aci_emulator.admin.service_controls import ServiceControls
from aci_emulator.fault_effects import FaultEffects
from aci_emulator.faults import FaultPlan
from aci_emulator.gateway import AdminDoor, ArmGateway, ControlGateway, Stations
from aci_emulator.groups.admission import Admission
from aci_emulator.groups.changes import ContainerGroups
from aci_emulator.groups.container_runs import Around
from aci_emulator.groups.handlers import GroupHandlers
from aci_emulator.groups.routes import routes as group_routes
from aci_emulator.groups.troubles import TroubleMaker
from aci_emulator.identity.handlers import IdentityHandlers
from aci_emulator.identity.state import Tokens, signing_key
from aci_emulator.locations import LocationHandlers
from aci_emulator.operations import OperationHandlers, Operations
from aci_emulator.providers import ProviderHandlers
from aci_emulator.request_log import RequestLog
from aci_emulator.resource_manager import ResourceManagerHandlers
from aci_emulator.routing import Router
from aci_emulator.subscription import Subscription
from aci_emulator.throttling import Throttle
from aci_emulator.vault.gateway import VaultGateway
from aci_emulator.vault.handlers import SecretHandlers
from aci_emulator.vault.state import Vault
from loopback.callers import Callers

if TYPE_CHECKING:
    from aci_emulator.clock import Clock
    from aci_emulator.runtimes.contract import Runtime
    from aci_emulator.settings import Settings


class Service:
    """One emulated subscription and what befalls it."""

    def __init__(self, settings: Settings, clock: Clock, runtime: Runtime) -> None:
        self._settings, self._clock, self._runtime = settings, clock, runtime
        self.subscription = Subscription(
            id=settings.subscription_id,
            resource_groups=settings.resource_groups,
            locations=settings.locations,
            registered=settings.registered,
        )
        around = Around(
            runtime=runtime,
            clock=clock,
            delays=settings.delays,
            provisioning_timeout_s=settings.provisioning_timeout_s,
        )
        self.operations = Operations()
        self.groups = ContainerGroups(around, self.operations, settings.limits)
        key = signing_key(settings.state_dir)
        self.tokens = Tokens(
            key, lifetime_s=settings.token_lifetime_s, audiences=settings.audiences
        )
        self.throttle = Throttle(clock, settings.limits, settings.subscription_id)
        self.faults = FaultPlan(clock, settings.seed, settings.faults)
        self.troubles = TroubleMaker(self.groups, clock)
        self.requests = RequestLog()
        self.vault = Vault()
        self.admin_secret = secrets.token_urlsafe(24)
        self._callers = Callers(names=settings.allowed_hosts)

    def arm_gateway(self) -> ArmGateway:
        """Return the ARM endpoint."""
        stations = Stations(
            subscription=self.subscription,
            clock=self._clock,
            effects=FaultEffects(self.faults, self.tokens),
            tokens=self.tokens,
            throttle=self.throttle,
            requests=self.requests,
            body_limit_bytes=self._settings.limits.body_bytes,
            callers=self._callers,
        )
        router = Router(
            [
                *group_routes(self._group_handlers()),
                *OperationHandlers(self.subscription, self.operations).routes(),
                *LocationHandlers(self.subscription, self.groups.quota).routes(),
                *ProviderHandlers(self.subscription).routes(),
                *ResourceManagerHandlers(self.subscription, self._settings.audiences).routes(),
            ]
        )
        return ArmGateway(router, stations)

    def _group_handlers(self) -> GroupHandlers:
        admission = Admission(
            self.throttle, self._settings.images, self.faults, runtime=self._runtime.name
        )
        return GroupHandlers(
            self.subscription,
            self.groups,
            admission=admission,
            throttle=self.throttle,
            troubles=self.troubles,
        )

    def vault_gateway(self) -> VaultGateway:
        """Return the endpoint of the emulated key vault."""
        return VaultGateway(
            Router(SecretHandlers(self.vault, self._clock).routes()),
            tokens=self.tokens,
            effects=FaultEffects(self.faults, self.tokens),
            callers=self._callers,
        )

    def control_gateway(self) -> ControlGateway:
        """Return the control port: identity endpoint and admin API, below its secret path."""
        identity = Router(IdentityHandlers(self.tokens).routes())
        admin = Router(
            [
                *FaultControls(self.faults).routes(),
                *GroupControls(self.groups, self.troubles, self.requests).routes(),
                *self._service_controls().routes(),
            ]
        )
        return ControlGateway(
            identity,
            AdminDoor(admin, self.admin_secret),
            callers=self._callers,
            body_limit_bytes=self._settings.limits.body_bytes,
        )

    def _service_controls(self) -> ServiceControls:
        return ServiceControls(
            self._clock,
            self._runtime,
            groups=self.groups,
            tokens=self.tokens,
            subscription=self.subscription,
        )

    async def close(self) -> None:
        """Make no more trouble and end every container."""
        await self.troubles.close()
        await self.groups.close()
