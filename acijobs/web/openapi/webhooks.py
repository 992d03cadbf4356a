"""Describes what the app sends: the callbacks of jobs."""

from __future__ import annotations

from typing import Any

from acijobs.domain.callback.event import MEDIA_TYPE
from acijobs.web.openapi.operation import Parameter
from acijobs.web.openapi.schemas import ref

_SIGNED = (
    Parameter(
        name="webhook-id",
        place="header",
        description="The same at each try, and no other message's: drop what was seen before.",
    ),
    Parameter(
        name="webhook-timestamp",
        place="header",
        description="When it is sent, in seconds since 1970: refuse what is old.",
    ),
    Parameter(
        name="webhook-signature",
        place="header",
        description="`v1,` and the base64 of the HMAC-SHA256 of `id.timestamp.body`.",
    ),
)

WEBHOOKS: dict[str, Any] = {
    "jobTold": {
        "post": {
            "operationId": "jobTold",
            "summary": "Tell of a job's phase",
            "description": "Sent to a job's `callback.url`, at least once: a CloudEvent, signed as "
            "Standard Webhooks are.",
            "parameters": [header.told() | {"required": True} for header in _SIGNED],
            "requestBody": {
                "required": True,
                "content": {MEDIA_TYPE: {"schema": ref("CallbackEvent")}},
            },
            "responses": {
                "2XX": {"description": "It was taken."},
                "410": {"description": "Nothing more is wanted: it is never sent again."},
                "default": {"description": "It is sent again later, for a day."},
            },
            "security": [],
        }
    }
}
"""What is sent, by its name."""
