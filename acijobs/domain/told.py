"""What a job tells of itself while it runs: its progress, and its outputs. Never how it ended."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from acijobs.domain.codec import encode, iso

MAX_OUTPUTS_BYTES = 16 * 1024
"""Most that a job's outputs have in all, as compact JSON in UTF-8."""

MAX_MESSAGE_CHARS = 200

MAX_LOOKS = 3
"""How often a job may ask to be looked at before its next poll is due."""


@dataclass(frozen=True, kw_only=True)
class ToldProgress:
    """How far a job says that it is.

    Attributes:
        value: From 0 to 1; None where it only sent a message.
        message: In one line, fit to be public; empty where it sent none.
        at: When it said so.
    """

    value: float | None = None
    message: str = ""
    at: datetime | None = None

    def shown(self) -> dict[str, Any]:
        """Return it as the API shows it."""
        at = iso(self.at) if self.at else None
        return {"value": self.value, "message": self.message or None, "at": at}


@dataclass(frozen=True, kw_only=True)
class Told:
    """All that a job has told of itself.

    Attributes:
        progress: The newest; None before the first.
        outputs: JSON values by name: each of the last that was sent of it.
        looks: How often it asked to be looked at.
    """

    progress: ToldProgress | None = None
    outputs: dict[str, object] = field(default_factory=dict)
    looks: int = 0

    def shown(self) -> dict[str, Any]:
        """Return the fields of the API."""
        progress = self.progress.shown() if self.progress else None
        return {"progress": progress, "outputs": encode(self.outputs) or None}


def is_newer(progress: ToldProgress, than: ToldProgress | None) -> bool:
    """Tell whether this was said after that."""
    if than is None or than.at is None or progress.at is None:
        return True
    return progress.at >= than.at


def with_outputs(told: Told, outputs: dict[str, object]) -> Told | None:
    """Return what is told with these outputs merged in by name; None where that is too much."""
    merged = told.outputs | outputs
    text = json.dumps(merged, separators=(",", ":"), ensure_ascii=False)
    if len(text.encode("utf-8", "surrogatepass")) > MAX_OUTPUTS_BYTES:
        return None
    return replace(told, outputs=merged)


def asked_to_look(told: Told) -> Told | None:
    """Count a request to be looked at; None where the job had all of them."""
    return replace(told, looks=told.looks + 1) if told.looks < MAX_LOOKS else None
