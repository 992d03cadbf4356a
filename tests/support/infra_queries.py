"""The alert rules and the tiles of the workbook, as a deployment would make them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from infra_templates import INFRA, resources

QUERIES = INFRA / "queries"
_PERIOD = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?")
_GRAIN = "{TimeRange:grain}"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One alert rule.

    Attributes:
        name: Its name, without that of the deployment; its runbook has the same.
        query: What it asks the workspace.
        every: The time between two looks.
        window: The age of the oldest rows that it is shown.
        operator: How it compares.
        threshold: What it compares with.
        identities: Who asks.
        properties: All of them.
    """

    name: str
    query: str
    every: timedelta
    window: timedelta
    operator: str
    threshold: float
    identities: tuple[str, ...]
    properties: dict[str, Any]

    def fires(self, value: float | None) -> bool:
        """Tell whether it fires at this value; no value is none at which it would."""
        if value is None:
            return False
        return value > self.threshold if self.operator == "GreaterThan" else value < self.threshold


def rules_of(name: str) -> dict[str, Rule]:
    """Return the alert rules of a set of parameters, by their names."""
    found = [_rule(one) for one in resources(name, "Microsoft.Insights/scheduledQueryRules")]
    return {rule.name: rule for rule in found}


def tiles_of(name: str) -> dict[str, dict[str, Any]]:
    """Return the tiles of the workbook that have a query, by their titles."""
    (workbook,) = resources(name, "Microsoft.Insights/workbooks")
    items = json.loads(workbook["properties"]["serializedData"])["items"]
    return {item["name"]: item["content"] for item in items if "query" in item["content"]}


def at_grain(query: str, grain: str = "5m") -> str:
    """Return a query of the workbook as the portal would send it."""
    return query.replace(_GRAIN, grain)


def _rule(resource: dict[str, Any]) -> Rule:
    properties = resource["properties"]
    (criterion,) = properties["criteria"]["allOf"]
    return Rule(
        name=resource["name"].removeprefix("sample-"),
        query=criterion["query"],
        every=_period(properties["evaluationFrequency"]),
        window=_period(properties["windowSize"]),
        operator=criterion["operator"],
        threshold=float(criterion["threshold"]),
        identities=tuple(resource["identity"]["userAssignedIdentities"]),
        properties=properties,
    )


def _period(text: str) -> timedelta:
    found = _PERIOD.fullmatch(text)
    assert found is not None, text
    days, hours, minutes = (int(one or 0) for one in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes)
