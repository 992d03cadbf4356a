"""Settings of the HTTP side."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from acijobs.settings.concern import Concern, HttpsUrl


def _http_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise ValueError("not a URL")
    return value.rstrip("/")


def _without_path(value: str) -> str:
    parts = urlsplit(value)
    if parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("more than a host")
    return value


class WebSettings(Concern):
    """The addresses of the app, and what of its URLs callers are told.

    Attributes:
        public_url: `PublicUrl`: where callers reach the app, if that is not what its requests say;
            empty for what they say.
        given_event_url: `EventUrl`: where containers reach the app, if that is another address.
        host_name: `WEBSITE_HOSTNAME`: the app's own name, set by Azure.
        exposes_management_urls: `ExposeManagementUrls`: whether callers are told Durable's URLs, which
            hold a key to every orchestration.
    """

    public_url: Annotated[HttpsUrl, AfterValidator(_without_path)] = Field(
        default="", alias="PublicUrl", description="an https:// URL without a path"
    )
    given_event_url: Annotated[str, AfterValidator(_http_url), AfterValidator(_without_path)] = (
        Field(default="", alias="EventUrl", description="an https:// or http:// URL without a path")
    )
    host_name: str = Field(default="", alias="WEBSITE_HOSTNAME", description="a host's name")
    exposes_management_urls: bool = Field(
        default=True, alias="ExposeManagementUrls", description="true or false"
    )

    @property
    def event_url(self) -> str:
        """Where containers reach the app: scheme and host; empty where nothing tells."""
        return self.given_event_url or self.app_url

    @property
    def app_url(self) -> str:
        """Where callers reach the app: scheme and host; empty where nothing tells."""
        if self.public_url or not self.host_name:
            return self.public_url
        name = self.host_name.partition(":")[0]
        is_here = name in {"localhost", "127.0.0.1"}
        return f"{'http' if is_here else 'https'}://{self.host_name}"
