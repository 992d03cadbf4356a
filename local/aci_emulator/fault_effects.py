"""Carries out the faults that strike a request."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aci_emulator import errors
from aci_emulator.errors import ArmError, ConnectionCut

if TYPE_CHECKING:
    from aci_emulator.fault_rules import FaultRule
    from aci_emulator.faults import FaultPlan
    from aci_emulator.identity.state import Tokens


class FaultEffects:
    """What the rules in force do to requests.

    Args:
        plan: Decides which rules strike.
        tokens: Those that a fault may let expire.
    """

    def __init__(self, plan: FaultPlan, tokens: Tokens) -> None:
        self._plan = plan
        self._tokens = tokens

    async def before(self, operation: str, group: str = "") -> list[FaultRule]:
        """Carry out the faults that come before the work; return all that strike.

        Raises:
            ArmError: the answer is a fault's.
            ConnectionCut: there is none.
        """
        rules = self._plan.for_request(operation, group)
        for rule in rules:
            if rule.kind == "delay":
                # A client waits in real time, whatever clock the emulated service has.
                await asyncio.sleep(rule.delay_s)
            elif rule.kind == "disconnect":
                raise ConnectionCut
            elif rule.kind == "respond":
                raise _as_error(rule)
            elif rule.kind == "expire_token":
                self._tokens.expire_all()
        return rules

    @staticmethod
    def after(rules: list[FaultRule]) -> None:
        """Carry out the faults that come after the work.

        Raises:
            ArmError: the answer is a fault's.
            ConnectionCut: there is none.
        """
        for rule in rules:
            if rule.kind == "drop_reply":
                raise ConnectionCut
            if rule.kind == "respond_after":
                raise _as_error(rule)


def _as_error(rule: FaultRule) -> ArmError:
    usual = errors.usual(rule.status)
    return ArmError(
        status=rule.status,
        code=usual.code if rule.code is None else rule.code,
        message=usual.message if rule.message is None else rule.message,
        body=rule.body,
        retry_after_s=rule.retry_after_s,
    )
