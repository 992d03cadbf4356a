"""Misbehaviour on demand: rules that decide, repeatably, what goes wrong with which request."""

from __future__ import annotations

import dataclasses
import itertools
import random
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

REQUEST_KINDS = {
    "respond": "answer with `status`, `code`, `message` or `body`, and do nothing",
    "respond_after": "do the work, then answer with `status`, `code`, `message` or `body`",
    "drop_reply": "do the work, then close the connection without an answer",
    "disconnect": "close the connection without doing anything",
    "delay": "wait `delay_s` before doing the work",
    "expire_token": "answer 401 and let every token issued so far be expired",
}
"""Kinds that concern one request."""

GROUP_KINDS = {
    "capacity": "refuse the create: no capacity (409 ServiceUnavailable)",
    "capacity_async": "accept the create, then fail its operation: no capacity",
    "stuck_pending": "accept the create and start nothing, ever",
    "repairing": "after `after_s`, take the group into repair again and again, every `period_s`",
    "platform_restart": "after `after_s`, end its containers with `exit_code` and start them again",
    "evict": "after `after_s`, take the group away once and bring it back",
    "vanish": "after `after_s`, let the group be gone",
}
"""Kinds that concern one group, decided when it is created."""

_STATUSES = range(200, 600)
_CREATE = "ContainerGroups_CreateOrUpdate"


class FaultError(Exception):
    """A fault rule makes no sense; the text says why."""


@dataclass(frozen=True, kw_only=True)
class FaultRule:
    """One thing that goes wrong.

    Attributes:
        kind: One of `REQUEST_KINDS` or `GROUP_KINDS`.
        operation: Glob over the operation id, e.g. `ContainerGroups_*`.
        group: Glob over the group's name; requests without a group match only `*`.
        nth: Which matching requests it strikes, counted from 1; empty for all.
        share: Which share of the matching requests it strikes, 0 to 1; None for all.
        times: How often it strikes at most; None for always.
        status, code, message, body, retry_after_s: The answer of `respond` and `respond_after`.
        delay_s: For `delay`.
        after_s, period_s: When, and how often, for the group kinds, in the emulator's time.
        exit_code: For `platform_restart` (7147 and 7148 are the platform's own).
    """

    kind: str
    id: str = ""
    operation: str = "*"
    group: str = "*"
    nth: tuple[int, ...] = ()
    share: float | None = None
    times: int | None = None
    status: int = 500
    code: str = "InternalServerError"
    message: str = "Encountered an internal server error."
    body: Any = None
    retry_after_s: float | None = None
    delay_s: float = 1.0
    after_s: float = 0.0
    period_s: float = 5.0
    exit_code: int = 7147


def parse_rule(raw: Mapping[str, Any]) -> FaultRule:
    """Return the rule that a TOML table or JSON object describes.

    Raises:
        FaultError: an unknown kind or key, or a value out of range.
    """
    fields = {field.name: field for field in dataclasses.fields(FaultRule)}
    unknown = sorted(set(raw) - set(fields))
    if unknown:
        raise FaultError(f"unknown key {unknown[0]!r}; known: {', '.join(sorted(fields))}")
    kind = raw.get("kind")
    if kind not in REQUEST_KINDS and kind not in GROUP_KINDS:
        known = ", ".join([*REQUEST_KINDS, *GROUP_KINDS])
        raise FaultError(f"unknown kind {kind!r}; known: {known}")
    values = {key: _value(key, value) for key, value in raw.items()}
    rule = FaultRule(**values)
    if rule.share is not None and not 0 <= rule.share <= 1:
        raise FaultError("share must be between 0 and 1")
    if rule.status not in _STATUSES:
        raise FaultError("status must be between 200 and 599")
    return rule


_TEXTS = ("kind", "id", "operation", "group", "code", "message")
_WHOLE = ("times", "status", "exit_code")


def _value(key: str, value: Any) -> Any:
    if key == "body":
        return value
    if key == "nth":
        listed = value if isinstance(value, list) else [value]
        if not all(isinstance(n, int) and not isinstance(n, bool) and n > 0 for n in listed):
            raise FaultError("nth must be a whole number from 1 on, or a list of them")
        return tuple(listed)
    if key in _TEXTS:
        if not isinstance(value, str):
            raise FaultError(f"{key} must be a string")
        return value
    wanted = int if key in _WHOLE else (int, float)
    if not isinstance(value, wanted) or isinstance(value, bool) or value < 0:
        raise FaultError(f"{key} must be a {'whole ' if key in _WHOLE else ''}number not below 0")
    return value


class _Armed:
    """A rule with its counts and its own dice, so that rules do not disturb each other."""

    def __init__(self, rule: FaultRule, seed: int, position: int) -> None:
        self.rule = rule
        self.matched = 0
        self.struck = 0
        self._dice = random.Random(f"{seed}/{position}")  # noqa: S311 - repeatable, not secret

    def strikes(self, operation: str, group: str) -> bool:
        rule = self.rule
        if not fnmatchcase(operation, rule.operation) or not fnmatchcase(group, rule.group):
            return False
        self.matched += 1
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
        seed: Of every rule's dice: the same requests in the same order meet the same faults.
    """

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._numbers = itertools.count(1)
        self._armed: dict[str, _Armed] = {}

    def add(self, rule: FaultRule) -> FaultRule:
        """Put a rule in force, after those already there, and return it with its id."""
        number = next(self._numbers)
        rule = dataclasses.replace(rule, id=rule.id or f"fault-{number}")
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
            {**dataclasses.asdict(armed.rule), "matched": armed.matched, "struck": armed.struck}
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
        return [
            armed.rule
            for armed in list(self._armed.values())
            if armed.rule.kind in kinds and armed.strikes(operation, group)
        ]
