"""The admin API's hold on the service as a whole: health, clock, tokens, registration, scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from aci_emulator.admin.reading import document, invalid, json_object
from aci_emulator.documents import Document, Number
from aci_emulator.routing import NO_CONTENT, Answer, Call, Route
from aci_emulator.runtimes.scripted import ScriptedRuntime
from aci_emulator.scripts import Script

if TYPE_CHECKING:
    from aci_emulator.clock import Clock
    from aci_emulator.groups.changes import ContainerGroups
    from aci_emulator.identity.state import Tokens
    from aci_emulator.runtimes.contract import Runtime
    from aci_emulator.subscription import Subscription


class _ClockChange(Document):
    """A virtual clock's step, and the skew of either clock; None leaves it."""

    advance_s: Number | None = None
    skew_s: Annotated[float, Field(strict=True, allow_inf_nan=False)] | None = None


class ServiceControls:
    """The emulator's own controls."""

    def __init__(
        self,
        clock: Clock,
        runtime: Runtime,
        *,
        groups: ContainerGroups,
        tokens: Tokens,
        subscription: Subscription,
    ) -> None:
        self._clock = clock
        self._runtime = runtime
        self._groups = groups
        self._tokens = tokens
        self._subscription = subscription

    def routes(self) -> list[Route]:
        """Return the routes of the service's own controls."""
        return [
            Route("GET", "/admin/health", "Admin_Health", self.health),
            Route("GET", "/admin/clock", "Admin_Clock", self.clock),
            Route("POST", "/admin/clock", "Admin_SetClock", self.set_clock),
            Route("POST", "/admin/tokens/expire", "Admin_ExpireTokens", self.expire_tokens),
            Route("POST", "/admin/registration/remove", "Admin_Unregister", self.unregister),
            Route("POST", "/admin/scripts", "Admin_AddScript", self.add_script),
        ]

    async def health(self, call: Call) -> Answer:
        """Answer that it serves, with which runtime, and its present time."""
        del call
        body = {
            "status": "ok",
            "runtime": self._runtime.name,
            "now": self._clock.now().isoformat(),
            "groups": len(self._groups),
            "groupsCreated": self._groups.history.created_total,
        }
        return Answer(status=200, body=body)

    async def clock(self, call: Call) -> Answer:
        """Answer with the service's time."""
        del call
        body = {"now": self._clock.now().isoformat(), "skew_s": self._clock.skew_s}
        return Answer(status=200, body=body)

    async def set_clock(self, call: Call) -> Answer:
        """Advance a virtual clock by `advance_s`, set the skew of either to `skew_s`."""
        change = document(_ClockChange, json_object(call.payload))
        if change.skew_s is not None:
            self._clock.skew_s = change.skew_s
        if change.advance_s is not None:
            try:
                await self._clock.advance(change.advance_s)
            except RuntimeError as problem:
                raise invalid(str(problem)) from problem
        return await self.clock(call)

    async def expire_tokens(self, call: Call) -> Answer:
        """Let every token issued so far be expired."""
        del call
        self._tokens.expire_all()
        return NO_CONTENT

    async def unregister(self, call: Call) -> Answer:
        """Let the subscription not be registered for the namespace."""
        del call
        self._subscription.registered = False
        return NO_CONTENT

    async def add_script(self, call: Call) -> Answer:
        """Let a script of the scripted runtime go before all others."""
        if not isinstance(self._runtime, ScriptedRuntime):
            raise invalid(f"the runtime is {self._runtime.name}, not scripted")
        self._runtime.prepend(document(Script, json_object(call.payload)))
        return Answer(status=201)
