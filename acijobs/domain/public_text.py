"""Makes text fit to be public: bounded, in one line, without what looks like a credential."""

from __future__ import annotations

import json
import re

HIDDEN = "[hidden]"

_MAX_TEXT_BYTES = 1_200
"""Most that one text takes of a custom status, as JSON: four of them and the rest stay under 16 KB."""

_CREDENTIAL = re.compile(
    r"(?:(?<![\w-])[\w-]*(?:key|token|password|server)=|pwd=|data source=|"
    r"defaultendpointsprotocol=http|(?:&|&amp;|\?)(?:sig|code)=)[^\s\"'<>;&]*",
    re.IGNORECASE,
)
"""What the Functions host takes for a credential, up to the end of its word.

The host cuts such text, and all that follows it, out of every exception; the exception of a failing
orchestration holds its status as JSON, which that breaks. Source: Sanitizer, azure-webjobs-sdk; seen
with host 4.1037. A word is tried from its start only: from each of its characters on, a long one would
take minutes.
"""

_CAPABILITY = re.compile(r"(?<=/by/)1[\w-]{20,}", re.ASCII | re.IGNORECASE)
"""The token in a job's URL (`acijobs.security.capability`)."""

_PATH = re.compile(r"(?<![\w:/.~@-])/(?:[^\s/'\",;:()\[\]<>]+/)+[^\s'\",;:()\[\]<>]*")
"""A path of at least two parts, that is not the end of a URL or of an image's name."""


def public_text(text: str) -> str:
    """Return the text in one line, with everything hidden that looks like a credential."""
    line = " ".join(text.encode("utf-8", "replace").decode().split())
    while (hidden := _CREDENTIAL.sub(HIDDEN, line)) != line:
        line = hidden
    return _CAPABILITY.sub(HIDDEN, line)


def without_paths(text: str) -> str:
    """Return the text of an unexpected error with the paths of files on this machine hidden."""
    return _PATH.sub("[path]", text)


def shortened(text: str, max_bytes: int = _MAX_TEXT_BYTES) -> str:
    """Return the beginning of the text that takes at most so many bytes in JSON.

    JSON may write one character as twelve, so a limit in characters would not do.
    """
    text = text[:max_bytes]
    while (over := len(json.dumps(text)) - 2 - max_bytes) > 0:
        text = text[: -max(1, over // 12)]
    return text
