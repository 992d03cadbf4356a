"""The grammar of the ids of Azure resources."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from acijobs.domain.spec.wrong import wrong

_GUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_GROUP = rf"/subscriptions/{_GUID}/resourceGroups/[-\w._()]{{1,90}}(?<!\.)/providers/"
_IDENTITY = re.compile(
    _GROUP + r"Microsoft\.ManagedIdentity/userAssignedIdentities/[A-Za-z0-9][A-Za-z0-9_-]{2,127}",
    re.IGNORECASE,
)
_SUBNET = re.compile(
    _GROUP
    + r"Microsoft\.Network/virtualNetworks/\w(?:[\w.-]{0,62}\w)?/subnets/\w(?:[\w.-]{0,78}\w)?",
    re.IGNORECASE,
)
"""Source: resource-name-rules, learn.microsoft.com/azure/azure-resource-manager/management."""
_IN_GROUP = "/subscriptions/<guid>/resourceGroups/<name>/providers/"


def _is_identity(value: str) -> str:
    if not _IDENTITY.fullmatch(value):
        kind = f"{_IN_GROUP}Microsoft.ManagedIdentity/userAssignedIdentities/<name>"
        raise wrong(f"must be the id of a user-assigned identity: {kind}")
    return value


def _is_subnet(value: str) -> str:
    if not _SUBNET.fullmatch(value):
        kind = f"{_IN_GROUP}Microsoft.Network/virtualNetworks/<name>/subnets/<name>"
        raise wrong(f"must be the id of a subnet: {kind}")
    return value


IdentityId = Annotated[
    str,
    Field(max_length=512),
    AfterValidator(_is_identity),
]
"""The id of a user-assigned managed identity."""
SubnetId = Annotated[
    str,
    Field(max_length=512),
    AfterValidator(_is_subnet),
]
"""The id of a subnet."""
