"""Reads CHANGELOG.md: a section for each release, as keepachangelog.com lays it out."""

from __future__ import annotations

import re

_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
_RELEASE = re.compile(r"\[(?P<version>\S+)\] - \d{4}-\d\d-\d\d")
_UNRELEASED = "[Unreleased]"


def notes_of(text: str, version: str) -> str:
    """Return what the changelog says of a release; nothing where it has no section with a day."""
    for title, body in _sections(text):
        release = _RELEASE.fullmatch(title)
        if release is not None and release["version"] == version:
            return body
    return ""


def problems_of(text: str, version: str) -> list[str]:
    """Return why this changelog is not that of a release of this version."""
    problems = []
    if not notes_of(text, version):
        problems.append(f"CHANGELOG.md tells nothing of it: add `## [{version}] - YYYY-MM-DD`")
    if any(title == _UNRELEASED and body for title, body in _sections(text)):
        problems.append(f"CHANGELOG.md has lines under {_UNRELEASED}: move them to [{version}]")
    return problems


def _sections(text: str) -> list[tuple[str, str]]:
    _, *parts = _HEADING.split(text)
    return [
        (title.strip(), body.strip()) for title, body in zip(parts[::2], parts[1::2], strict=True)
    ]
