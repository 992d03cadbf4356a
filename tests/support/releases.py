"""The release before this one: its package, as it was deployed."""

from __future__ import annotations

import shutil
from pathlib import Path

_FOLDER = Path(__file__).resolve().parents[1] / "fixtures" / "releases"
_NAME = "acijobs-"


def previous_package() -> Path:
    """Return the zip of the release before this one."""
    [package] = _FOLDER.glob(f"{_NAME}*.zip")
    return package


def previous_version() -> str:
    """Return the version of the release before this one."""
    return previous_package().stem.removeprefix(_NAME)


def previous_release(to: Path) -> Path:
    """Unpack the release before this one into a folder, and return it."""
    shutil.unpack_archive(previous_package(), to)
    return to
