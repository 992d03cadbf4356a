"""How a container group tells whose it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from acijobs.domain.spec import JobSpec
    from acijobs.usecases.ports import Group

JOB_TAG = "acijobs-job"
APP_TAG = "acijobs-app"
DEADLINE_TAG = "acijobs-deadline"


@dataclass(frozen=True, kw_only=True)
class Owner:
    """The job a group belongs to.

    Attributes:
        app: The name of this function app, so that two apps may share a resource group.
        job_id: The job's id.
    """

    app: str
    job_id: str

    def tags(self, spec: JobSpec, deadline: str) -> dict[str, str]:
        """Return the group's tags: the user's, and ours, by which it is recognised and reaped.

        Args:
            spec: The job, for the user's tags.
            deadline: When the job is over at the latest, ISO 8601 in UTC.
        """
        return spec.tags | {APP_TAG: self.app, JOB_TAG: self.job_id, DEADLINE_TAG: deadline}

    def owns(self, group: Group) -> bool:
        """Tell whether the group was created for this job by this app."""
        return group.tags.get(JOB_TAG) == self.job_id and group.tags.get(APP_TAG) == self.app
