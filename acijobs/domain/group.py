"""The container group that runs one attempt of a job: where it is, what it is called, whose it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

MAIN_CONTAINER = "job"
"""The name of the container whose end is the job's; the others of a group are not waited for."""

OWN_TAG_PREFIX = "acijobs-"
"""Prefix of the tags by which a group is recognised; users may not set such tags."""

APP_TAG = f"{OWN_TAG_PREFIX}app"
STORE_TAG = f"{OWN_TAG_PREFIX}store"
JOB_TAG = f"{OWN_TAG_PREFIX}job"
NONCE_TAG = f"{OWN_TAG_PREFIX}attempt"
DEADLINE_TAG = f"{OWN_TAG_PREFIX}deadline"

_MAX_NAME_CHARS = 63
"""Source: `ContainerGroupName` in the Microsoft.ContainerInstance 2023-05-01 specification."""


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The resource group that this app creates groups in, and the marks that it gives them.

    Attributes:
        subscription_id: The subscription.
        resource_group: The resource group.
        app: The name of the app, so that two apps may share a resource group.
        store: The id of the store of job rows, so that another store's groups are left alone.
    """

    subscription_id: str = ""
    resource_group: str = ""
    app: str = ""
    store: str = ""

    @property
    def path(self) -> str:
        """The subscription and the resource group, as the setting `JobScopes` has them."""
        return f"{self.subscription_id}/{self.resource_group}".lower()


@dataclass(frozen=True, kw_only=True)
class GroupRef:
    """One attempt's container group, fixed in the job's row before Azure is asked for it.

    A setting changed while the job runs does not make acijobs look for the group somewhere else.

    Attributes:
        scope: Where it is.
        job_id: The job.
        attempt: Number of the attempt, from 1.
        nonce: Random, so that a name is never used twice; 10 lower-case letters and digits.
        location: The region it is asked for in; empty, in rows of older releases, for the operator's.
    """

    scope: Scope = Scope()
    job_id: str = ""
    attempt: int = 1
    nonce: str = ""
    location: str = ""

    @property
    def name(self) -> str:
        """The group's name: readable, and never used by another attempt of any job."""
        room = _MAX_NAME_CHARS - len("job--") - len(self.nonce)
        return f"job-{self.job_id[:room].rstrip('-')}-{self.nonce}"

    @property
    def log_key(self) -> str:
        """The folder of the attempt's logs in the archive."""
        return f"{self.job_id}/{self.attempt}-{self.nonce}"

    def tags(self, users: Mapping[str, str], over_at: datetime) -> dict[str, str]:
        """Return the group's tags: the user's, and ours, by which it is recognised and reaped.

        Args:
            users: The user's own tags.
            over_at: When the job is over at the latest.
        """
        return dict(users) | self._marks() | {DEADLINE_TAG: over_at.isoformat()}

    def owns(self, tags: Mapping[str, str]) -> bool:
        """Tell whether a group with these tags was created for this attempt.

        Azure compares the names of tags without case, and may answer them in another one.
        """
        found = {name.lower(): value for name, value in tags.items()}
        return all(found.get(name) == value for name, value in self._marks().items())

    def _marks(self) -> dict[str, str]:
        return {
            APP_TAG: self.scope.app,
            STORE_TAG: self.scope.store,
            JOB_TAG: self.job_id,
            NONCE_TAG: self.nonce,
        }
