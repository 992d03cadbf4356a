"""What the handlers of every resource kind share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aci_emulator import errors

if TYPE_CHECKING:
    from aci_emulator.clock import Clock
    from aci_emulator.faults import FaultPlan
    from aci_emulator.groups.registry import ContainerGroups
    from aci_emulator.groups.troubles import TroubleMaker
    from aci_emulator.identity.state import Tokens
    from aci_emulator.operations.state import Operations
    from aci_emulator.providers.state import Registration
    from aci_emulator.request_log import RequestLog
    from aci_emulator.settings import Settings
    from aci_emulator.throttling import Throttle


@dataclass(frozen=True, kw_only=True)
class Context:
    """The emulated service's parts."""

    settings: Settings
    clock: Clock
    groups: ContainerGroups
    operations: Operations
    registration: Registration
    tokens: Tokens
    throttle: Throttle
    faults: FaultPlan
    troubles: TroubleMaker
    requests: RequestLog

    def resource_group(self, name: str) -> str:
        """Return a resource group's name as configured.

        Raises:
            ArmError: `ResourceGroupNotFound`.
        """
        for known in self.settings.resource_groups:
            if known.lower() == name.lower():
                return known
        raise errors.resource_group_not_found(name[:90])
