"""Deletes a job's container group, and makes sure that it is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acijobs.usecases.replies import Reply, replies

if TYPE_CHECKING:
    from acijobs.usecases.ownership import Owner
    from acijobs.usecases.ports import ContainerGroups


@replies
def delete_group(groups: ContainerGroups, owner: Owner, name: str) -> Reply:
    """Return whether the group is gone, after asking for its deletion where it is this job's.

    Returns:
        `{"kind": "gone"}` once it was deleted and a read found none, `{"kind": "absent"}` where there
        was none to delete, `{"kind": "deleting"}` while Azure still shows it (ask again),
        `{"kind": "notOurs"}` for a group of another owner; `refused` or `busy`.
    """
    found = groups.get(name)
    if found is None:
        return {"kind": "absent"}
    if not owner.owns(found):
        return {"kind": "notOurs"}
    groups.delete(name)
    return {"kind": "gone" if groups.get(name) is None else "deleting"}
