"""Hide what looks like a credential in the text of failures, as the Functions host does.

Source: azure-functions-host, `Sanitizer`; its list is longer than the WebJobs SDK's own, which lacks
`key=`. It knows no JSON: what it cuts out of the state that a failing orchestrator's text carries
leaves text that cannot be parsed, and the orchestration loses its custom status and its reason.
"""

from __future__ import annotations

import re

HIDDEN = "[Hidden Credential]"
_ALLOWED = "PublicKeyToken="
_TOKENS = (
    "Token=", "DefaultEndpointsProtocol=http", "AccountKey=", "Data Source=", "Server=", "Password=",
    "pwd=", "&amp;sig=", "&sig=", "?sig=", "SharedAccessKey=", "&amp;code=", "&code=", "?code=",
    "/code=", "key=",
)  # fmt: skip
_SECRET = re.compile(f"(?:{'|'.join(map(re.escape, _TOKENS))})[^<\"']*", re.IGNORECASE)
_URL_WITH_PASSWORD = re.compile(r"\b[a-zA-Z]+://[^:/\s]+:[^@/\s]+@[^:/\s]+:[0-9]+\b")


def hide_credentials(text: str) -> str:
    """Return the text with everything from a credential's name to the next `<` or quote replaced."""
    text = _URL_WITH_PASSWORD.sub(HIDDEN, text)
    masked = text.replace(_ALLOWED, "#" * len(_ALLOWED))
    kept, end = [], 0
    for found in _SECRET.finditer(masked):
        kept += [text[end : found.start()], HIDDEN]
        end = found.end()
    return "".join([*kept, text[end:]])
