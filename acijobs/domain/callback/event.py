"""Tells of a job's phase, as a CloudEvent.

Source: github.com/cloudevents/spec, CloudEvents 1.0.2: JSON format, structured mode over HTTP.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from acijobs.domain.codec import iso
from acijobs.domain.outcome import Phase

MEDIA_TYPE = "application/cloudevents+json"
CONTENT_TYPE = f"{MEDIA_TYPE}; charset=utf-8"

_HASH_CHARS = 12


def type_of(phase: Phase) -> str:
    """Return the type of the event that a job has entered this phase."""
    return f"acijobs.job.{phase.value.lower()}"


@dataclass(frozen=True, kw_only=True)
class JobEvent:
    """A job has entered a phase.

    Attributes:
        job_id: The job.
        phase: The phase.
        at: When it entered it.
        accepted_at: When the job was submitted.
        store: The id of the store of its row.
        job_url: Where the job can be read.
        job: The job, as the API shows it.
    """

    job_id: str
    phase: Phase
    at: datetime
    accepted_at: datetime
    store: str
    job_url: str
    job: dict[str, Any]

    @property
    def id(self) -> str:
        """The event's id: the same at every try, and no other event's.

        Not even of another job that has the same id: in another store, or once this one is forgotten.
        """
        seed = f"{self.store}/{self.job_id}/{iso(self.accepted_at)}/{self.phase.value}"
        digest = hashlib.sha256(seed.encode("utf-8", "replace")).hexdigest()
        return f"{self.job_id}-{self.phase.value.lower()}-{digest[:_HASH_CHARS]}"

    def body(self) -> bytes:
        """Return the event in CloudEvents' JSON format."""
        event = {
            "specversion": "1.0",
            "id": self.id,
            "source": self.job_url,
            "type": type_of(self.phase),
            "subject": self.job_id,
            "time": iso(self.at),
            "datacontenttype": "application/json",
            "data": self.job,
        }
        return json.dumps(event).encode()
