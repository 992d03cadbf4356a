"""Looks at a job's container group once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acijobs.usecases.replies import Reply, replies

if TYPE_CHECKING:
    from acijobs.usecases.ports import ContainerGroups


@replies
def check_status(groups: ContainerGroups, name: str) -> Reply:
    """Return what one read of the group shows.

    Returns:
        `{"kind": "seen", "observation": …}`, `{"kind": "gone"}`, `refused` or `busy`.
    """
    found = groups.get(name)
    if found is None:
        return {"kind": "gone"}
    return {"kind": "seen", "observation": found.seen.to_json()}
