"""What Azure and the engine give, by default; each number has its source in docs/concepts/scale.md."""

from __future__ import annotations

from dataclasses import dataclass

from acijobs.settings.scope import MOST_SCOPES

READS_PER_S = 25.0
"""Reads of Azure Resource Manager that a subscription refills in a second.

Source: request-limits-and-throttling, learn.microsoft.com.
"""

MESSAGES_PER_S = 37.0
"""Control messages that one instance of two cores gets through in a second.

Source: measured with extension 3.19.0, Azurite on the same two cores; not seen on Azure.
"""

THREADS = 16
"""Activities that one instance runs at once: PYTHON_THREADPOOL_THREAD_COUNT in the templates."""

PARTITIONS = 4
"""Control queues of a task hub; each is worked off by one instance at a time. At most 16.

Source: durable-functions-azure-storage-provider, learn.microsoft.com.
"""

ROUND_JOBS = 500
"""Jobs that one round of the Reconciler looks at."""

TABLE_REQUESTS_PER_S = 20_000.0
"""Requests to the tables of one storage account; 2,000 to one partition, which a job's row is.

Source: scalability-targets, learn.microsoft.com.
"""

FULL_ENOUGH = 0.8
"""The share of a limit that is planned with: arrivals are uneven even where they are random."""

MOST_PLACES = MOST_SCOPES
"""Scopes that the setting `JobScopes` takes."""


@dataclass(frozen=True, kw_only=True)
class Quotas:
    """What one subscription may have in one region.

    All are raised on request.
    Source: container-instances-resource-and-quota-limits, learn.microsoft.com.

    Attributes:
        groups: Container groups.
        cores: Cores of all groups.
        creates_per_h: Groups created in an hour; as many may be deleted.
        creates_per_5min: Groups created in five minutes.
    """

    groups: int = 100
    cores: int = 100
    creates_per_h: int = 300
    creates_per_5min: int = 100


DEFAULT = Quotas()
