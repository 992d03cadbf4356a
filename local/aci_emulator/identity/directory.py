"""The directory's side of managed identities: the ids it gives them."""

from __future__ import annotations

import uuid
from typing import Any

from aci_emulator.identity.state import TENANT


def identity_view(identity: dict[str, Any], owner: str) -> dict[str, Any]:
    """Return a resource's identity as asked for, with the ids of its principals.

    Args:
        identity: What the request said.
        owner: Names the resource; the same one has the same principal.
    """
    shown = dict(identity)
    if "systemassigned" in str(identity.get("type", "")).lower():
        shown |= {"principalId": _id("principal", owner), "tenantId": TENANT}
    assigned = identity.get("userAssignedIdentities")
    if isinstance(assigned, dict):
        shown["userAssignedIdentities"] = {
            name: {"principalId": _id("principal", name), "clientId": _id("client", name)}
            for name in assigned
        }
    return shown


def _id(kind: str, name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{kind}/{name.lower()}"))
