"""Settings of the HTTP side."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from acijobs.settings.concern import Concern, HttpsUrl


def _without_path(value: str) -> str:
    parts = urlsplit(value)
    if parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("more than a host")
    return value


class WebSettings(Concern):
    """The address that callers know.

    Attributes:
        public_url: `PublicUrl`: where callers reach the app, if that is not what its requests say;
            empty for what they say.
    """

    public_url: Annotated[HttpsUrl, AfterValidator(_without_path)] = Field(
        "", alias="PublicUrl", description="an https:// URL without a path"
    )
