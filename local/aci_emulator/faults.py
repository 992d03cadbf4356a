"""Misbehaviour on demand: rules that decide, repeatably, what goes wrong with which request."""

from __future__ import annotations

import itertools
import random
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from aci_emulator.fault_rules import GROUP_KINDS, REQUEST_KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aci_emulator.clock import Clock
    from aci_emulator.fault_rules import FaultRule

_CREATE = "ContainerGroups_CreateOrUpdate"


class _Armed:
    """A rule with its counts and its own dice, so that rules do not disturb each other."""

    def __init__(self, rule: FaultRule, seed: int, position: int) -> None:
        self.rule = rule
        self.matched = 0
        self._first_at_s: float | None = None
        self.struck = 0
        self._dice = random.Random(f"{seed}/{position}")  # noqa: S311 - repeatable, not secret

    def strikes(self, operation: str, group: str, now_s: float) -> bool:
        rule = self.rule
        matches = fnmatchcase(operation, rule.operation) and fnmatchcase(group, rule.group.lower())
        if not matches:
            return False
        self.matched += 1
        self._first_at_s = now_s if self._first_at_s is None else self._first_at_s
        if rule.for_s is not None and now_s >= self._first_at_s + rule.for_s:
            return False
        if rule.share is not None and self._dice.random() >= rule.share:
            return False
        if rule.nth and self.matched not in rule.nth:
            return False
        if rule.times is not None and self.struck >= rule.times:
            return False
        self.struck += 1
        return True


class FaultPlan:
    """The rules in force.

    Args:
        clock: The time, for rules that end.
        seed: Of every rule's dice: the same requests in the same order meet the same faults.
        rules: In force from the start.
    """

    def __init__(self, clock: Clock, seed: int = 0, rules: Iterable[FaultRule] = ()) -> None:
        self._clock = clock
        self._seed = seed
        self._numbers = itertools.count(1)
        self._armed: dict[str, _Armed] = {}
        for rule in rules:
            self.add(rule)

    def add(self, rule: FaultRule) -> FaultRule:
        """Put a rule in force, after those already there, and return it with its id."""
        number = next(self._numbers)
        rule = rule.changed(id=rule.id or f"fault-{number}")
        self._armed[rule.id] = _Armed(rule, self._seed, number)
        return rule

    def remove(self, rule_id: str) -> bool:
        """Lift a rule; return whether there was one."""
        return self._armed.pop(rule_id, None) is not None

    def clear(self, seed: int | None = None) -> None:
        """Lift every rule and number the next ones from 1, with another seed if given."""
        self._armed.clear()
        self._numbers = itertools.count(1)
        self._seed = self._seed if seed is None else seed

    def rules(self) -> list[dict[str, Any]]:
        """Return every rule with how often it matched and struck."""
        return [
            {**armed.rule.model_dump(mode="json"), "matched": armed.matched, "struck": armed.struck}
            for armed in self._armed.values()
        ]

    def for_request(self, operation: str, group: str) -> list[FaultRule]:
        """Return the rules that strike this request, in their order."""
        if not self._armed:
            return []
        return self._striking(operation, group, REQUEST_KINDS)

    def for_creation(self, group: str) -> list[FaultRule]:
        """Return the rules that strike this new group, in their order."""
        return self._striking(_CREATE, group, GROUP_KINDS)

    def _striking(self, operation: str, group: str, kinds: Mapping[str, str]) -> list[FaultRule]:
        now_s = self._clock.elapsed_s()
        return [
            armed.rule
            for armed in list(self._armed.values())
            if armed.rule.kind in kinds and armed.strikes(operation, group.lower(), now_s)
        ]
