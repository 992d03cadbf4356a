"""Copies of the function app: as it is, and as another release of it could be."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_NEXT_RELEASE = (
    # One more field of a specification ...
    (
        "acijobs/domain/spec/job.py",
        '    restart_policy: Literal["Never", "OnFailure"] = "Never"\n',
        '    restart_policy: Literal["Never", "OnFailure"] = "Never"\n    urgency: int = 3\n',
    ),
    # ... of a request and of a reply ...
    (
        "acijobs/domain/messages.py",
        "    log_is_due: bool = False\n",
        "    log_is_due: bool = False\n    detail: int = 1\n",
    ),
    (
        "acijobs/domain/messages.py",
        '    stage: str = "creating"\n',
        '    stage: str = "creating"\n    seen_by: str = "next"\n',
    ),
    # ... and one more step of the orchestrator.
    (
        "acijobs/orchestrations/creating.py",
        "    started = context.current_utc_datetime\n",
        "    started = context.current_utc_datetime\n    yield context.create_timer(started)\n",
    ),
)


def copy_app(app: Path, to: Path) -> Path:
    """Copy what is deployed of an app, so that nobody changes it under a running test."""
    to.mkdir(parents=True)
    shutil.copy(app / "host.json", to)
    for folder in sorted(child for child in app.iterdir() if _is_deployed(child)):
        shutil.copytree(folder, to / folder.name, ignore=shutil.ignore_patterns("__pycache__"))
    return to


def next_release(app: Path, to: Path) -> Path:
    """Copy an app, and change fields, messages and steps, as its next release could."""
    copy_app(app, to)
    for name, old, new in _NEXT_RELEASE:
        file = to / name
        text = file.read_text("utf-8")
        assert text.count(old) == 1, f"{name} holds {text.count(old)} times {old!r}"
        file.write_text(text.replace(old, new), "utf-8")
    return to


def _is_deployed(folder: Path) -> bool:
    return folder.name == "acijobs" or (folder / "function.json").is_file()
