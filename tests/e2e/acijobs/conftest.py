from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gate import Gate

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    """A gate for the script of the test's job."""
    return Gate(path=tmp_path / "gate")
