"""The URLs of a job that hold their own permission, as the answer to its submission gives them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from acijobs.security.capability import Verb, capability_path

if TYPE_CHECKING:
    from datetime import datetime

    from acijobs.domain.row import Row
    from acijobs.security.capability import Capabilities
    from acijobs.settings.web import WebSettings

LINKS: dict[str, tuple[str, tuple[Verb, ...]]] = {
    "jobUrl": ("", (Verb.READ, Verb.LOGS, Verb.CANCEL)),
    "logsUrl": ("logs", (Verb.LOGS,)),
    "cancelUrl": ("cancel", (Verb.CANCEL,)),
    "eventUrl": ("events", (Verb.EVENT,)),
    "rerunUrl": ("rerun", (Verb.RERUN,)),
}
"""By name: which part of the job it leads to, and all that it allows."""

_JOBS = "/jobs"


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who submits a job, and so what the answer may tell them.

    Attributes:
        web: The addresses of the app, and what of its URLs callers are told.
        verbs: What they may do by their capability; None for who has a key of the app.
    """

    web: WebSettings
    verbs: frozenset[Verb] | None = None

    @property
    def has_app_key(self) -> bool:
        """Whether they have a key of the app, and not a capability."""
        return self.verbs is None

    @property
    def may_manage(self) -> bool:
        """Whether they are told Durable's own URLs."""
        return self.has_app_key and self.web.exposes_management_urls

    def may(self, verbs: tuple[Verb, ...]) -> bool:
        """Tell whether they may be given a capability for these verbs: none that they lack."""
        return self.verbs is None or self.verbs.issuperset(verbs)


def called_at(url: str, public_url: str) -> str:
    """Return the URL that was called, at the address that callers know, without its query."""
    parts = urlsplit(url)
    if public_url:
        parts = parts._replace(scheme="https", netloc=urlsplit(public_url).netloc)
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))


def jobs_url(url: str, public_url: str) -> str:
    """Return the URL of all jobs, at or below which this one was called."""
    parts = urlsplit(called_at(url, public_url))
    above, _, _ = parts.path.partition(_JOBS)
    return urlunsplit(parts._replace(path=f"{above}{_JOBS}"))


def job_links(
    jobs_url: str, row: Row, capabilities: Capabilities, caller: Caller, *, now: datetime
) -> dict[str, str]:
    """Return the job's URLs by capability, by their names.

    Args:
        jobs_url: The URL of all jobs, `https://…/api/jobs`.
        row: The job.
        capabilities: Makes the tokens.
        caller: Who is told of them.
        now: The time, which an expiry counts from.
    """
    api_url = jobs_url.removesuffix(_JOBS)
    links = {}
    for name, (part, verbs) in LINKS.items():
        if caller.may(verbs):
            token = capabilities.token(row.job_id, row.accepted_at, verbs, now=now)
            links[name] = f"{api_url}/{capability_path(row.job_id, token, part)}"
    return links
