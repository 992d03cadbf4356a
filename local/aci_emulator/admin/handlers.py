"""Handlers of the admin API: what a test, a demo or a benchmark asks of the emulator itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aci_emulator.admin import errors
from aci_emulator.faults import FaultError, FaultRule, parse_rule
from aci_emulator.groups.troubles import ACTIONS
from aci_emulator.routing import Answer, Call
from aci_emulator.runtimes.scripted import ScriptedRuntime, ScriptError, parse_script

if TYPE_CHECKING:
    from aci_emulator.context import Context
    from aci_emulator.runtimes.contract import Runtime

_NO_CONTENT = Answer(status=204)


class AdminHandlers:
    """The emulator's own controls."""

    def __init__(self, context: Context, runtime: Runtime) -> None:
        self._context = context
        self._runtime = runtime

    async def health(self, call: Call) -> Answer:
        """Answer that it serves, with which runtime, and its present time."""
        del call
        context = self._context
        body = {
            "status": "ok",
            "runtime": self._runtime.name,
            "now": context.clock.now().isoformat(),
            "groups": len(context.groups),
            "groupsCreated": context.groups.created_total,
        }
        return Answer(status=200, body=body)

    async def requests(self, call: Call) -> Answer:
        """Answer with the counts; `?group=` for one group, `?recent=N` for the newest requests."""
        recent = call.query.get("recent", "0")
        if not (recent.isascii() and recent.isdecimal()):
            raise errors.invalid("recent must be a whole number")
        summary = self._context.requests.summary(
            group=call.query.get("group"), recent=int(recent[:9])
        )
        summary["groupsCreated"] = self._context.groups.created_total
        return Answer(status=200, body=summary)

    async def reset_requests(self, call: Call) -> Answer:
        """Begin counting anew."""
        del call
        self._context.requests.reset()
        return _NO_CONTENT

    async def groups(self, call: Call) -> Answer:
        """Answer with every live group."""
        del call
        groups = self._context.groups
        value = [
            {
                "name": group.name,
                "resourceGroup": group.resource_group,
                "provisioningState": group.provisioning,
                "state": groups.state_of(group),
                "createdAt": group.created_at.isoformat(),
                "tags": dict(group.spec.tags or {}),
            }
            for group in groups
        ]
        return Answer(status=200, body={"value": value, "createdTotal": groups.created_total})

    async def act(self, call: Call) -> Answer:
        """Let something befall a group now (or after `after_s`): platform_restart, evict, ...."""
        action = call.params["action"]
        if action not in ACTIONS:
            raise errors.invalid(f"the action must be one of {', '.join(ACTIONS)}")
        entries = self._context.groups.named(call.params["group"])
        if not entries:
            raise errors.unknown_group(call.params["group"])
        rule = _rule({**(_object(call.payload)), "kind": action})
        for entry in entries:
            self._context.troubles.begin(entry, rule)
        return Answer(status=202)

    async def faults(self, call: Call) -> Answer:
        """Answer with every rule and how often it struck."""
        del call
        return Answer(status=200, body={"value": self._context.faults.rules()})

    async def add_fault(self, call: Call) -> Answer:
        """Put a rule in force."""
        rule = self._context.faults.add(_rule(_object(call.payload)))
        return Answer(status=201, body={"id": rule.id})

    async def clear_faults(self, call: Call) -> Answer:
        """Lift every rule; `?seed=N` sets the dice anew."""
        seed = call.query.get("seed")
        if seed is not None and not (seed.isascii() and seed.isdecimal()):
            raise errors.invalid("seed must be a whole number")
        self._context.faults.clear(None if seed is None else int(seed[:18]))
        return _NO_CONTENT

    async def remove_fault(self, call: Call) -> Answer:
        """Lift one rule."""
        if not self._context.faults.remove(call.params["fault"]):
            raise errors.unknown_fault(call.params["fault"])
        return _NO_CONTENT

    async def clock(self, call: Call) -> Answer:
        """Answer with the service's time."""
        del call
        clock = self._context.clock
        body = {"now": clock.now().isoformat(), "skew_s": clock.skew_s}
        return Answer(status=200, body=body)

    async def set_clock(self, call: Call) -> Answer:
        """Advance a virtual clock by `advance_s`, set the skew of either to `skew_s`."""
        payload = _object(call.payload)
        clock = self._context.clock
        for key in payload:
            if key not in ("advance_s", "skew_s"):
                raise errors.invalid(f"unknown key {key!r}")
        clock.skew_s = _number(payload, "skew_s", clock.skew_s)
        advance_s = _number(payload, "advance_s", 0.0)
        if advance_s < 0:
            raise errors.invalid("advance_s must not be below 0")
        if "advance_s" in payload:
            try:
                await clock.advance(advance_s)
            except RuntimeError as problem:
                raise errors.invalid(str(problem)) from problem
        return await self.clock(call)

    async def expire_tokens(self, call: Call) -> Answer:
        """Let every token issued so far be expired."""
        del call
        self._context.tokens.expire_all()
        return _NO_CONTENT

    async def unregister(self, call: Call) -> Answer:
        """Let the subscription not be registered for the namespace."""
        del call
        self._context.registration.unregister()
        return _NO_CONTENT

    async def add_script(self, call: Call) -> Answer:
        """Let a script of the scripted runtime go before all others."""
        if not isinstance(self._runtime, ScriptedRuntime):
            raise errors.invalid(f"the runtime is {self._runtime.name}, not scripted")
        try:
            self._runtime.prepend(parse_script(_object(call.payload)))
        except ScriptError as problem:
            raise errors.invalid(str(problem)) from problem
        return Answer(status=201)


def _object(payload: Any) -> dict[str, Any]:
    if payload is None:
        return {}
    if not isinstance(payload, dict):
        raise errors.invalid("the body must be a JSON object")
    return payload


def _rule(raw: dict[str, Any]) -> FaultRule:
    try:
        return parse_rule(raw)
    except FaultError as problem:
        raise errors.invalid(str(problem)) from problem


def _number(payload: dict[str, Any], key: str, default: float) -> float:
    value = payload.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise errors.invalid(f"{key} must be a number")
    return float(value)
