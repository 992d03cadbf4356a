"""The admin API's hold on the fault rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aci_emulator.admin.reading import document, json_object, unknown_fault, whole_number
from aci_emulator.fault_rules import FaultRule
from aci_emulator.routing import NO_CONTENT, Answer, Call, Route

if TYPE_CHECKING:
    from aci_emulator.faults import FaultPlan


class FaultControls:
    """The rules in force."""

    def __init__(self, faults: FaultPlan) -> None:
        self._faults = faults

    def routes(self) -> list[Route]:
        """Return the routes of fault rules."""
        return [
            Route("GET", "/admin/faults", "Admin_Faults", self.faults),
            Route("POST", "/admin/faults", "Admin_AddFault", self.add),
            Route("DELETE", "/admin/faults", "Admin_ClearFaults", self.clear),
            Route("DELETE", "/admin/faults/{fault}", "Admin_RemoveFault", self.remove),
        ]

    async def faults(self, call: Call) -> Answer:
        """Answer with every rule and how often it struck."""
        del call
        return Answer(status=200, body={"value": self._faults.rules()})

    async def add(self, call: Call) -> Answer:
        """Put a rule in force."""
        rule = self._faults.add(document(FaultRule, json_object(call.payload)))
        return Answer(status=201, body={"id": rule.id})

    async def clear(self, call: Call) -> Answer:
        """Lift every rule; `?seed=N` sets the dice anew."""
        seed = call.query.get("seed")
        self._faults.clear(None if seed is None else whole_number(seed, "seed"))
        return NO_CONTENT

    async def remove(self, call: Call) -> Answer:
        """Lift one rule."""
        if not self._faults.remove(call.params["fault"]):
            raise unknown_fault(call.params["fault"])
        return NO_CONTENT
