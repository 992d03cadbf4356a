"""Creates a job's container group, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acijobs.domain.errors import BusyError
from acijobs.usecases.ownership import DEADLINE_TAG
from acijobs.usecases.replies import Reply, refused, replies

if TYPE_CHECKING:
    from acijobs.domain.spec import JobSpec
    from acijobs.usecases.ownership import Owner
    from acijobs.usecases.ports import ContainerGroups, LogArchive


@replies
def create_group(  # noqa: PLR0913 - one port each, and what to create
    groups: ContainerGroups,
    archive: LogArchive,
    owner: Owner,
    *,
    name: str,
    spec: JobSpec,
    deadline: str,
) -> Reply:
    """The group exists, or is on its way, and is this job's own.

    Activities run at least once, and a create that timed out may have worked: a group of this name
    that is already this job's is adopted; anyone else's is left alone. A group that an earlier job
    left behind under the same id (its instance was purged) is deleted first: its result is not this
    job's.

    Returns:
        `{"kind": "created" | "adopted"}`, or `refused` (`NameTaken`, or Azure's code), or `busy`.
    """
    found = groups.get(name)
    if found is None:
        archive.start(owner.job_id)
        groups.create(name, spec, owner.tags(spec, deadline))
        return {"kind": "created"}
    if not owner.owns(found):
        return refused(
            "NameTaken",
            f"a container group named '{name}' exists that was not created for job "
            f"'{owner.job_id}'; it was left alone: choose another id",
        )
    if found.tags.get(DEADLINE_TAG) == deadline:  # the same for every attempt, and only for them
        return {"kind": "adopted"}
    groups.delete(name)
    raise BusyError("LeftoverGroup", f"'{name}' was left by an earlier job and is being deleted")
