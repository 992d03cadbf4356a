"""The Durable engine under chaos: given by command, skipped where none is."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(scope="session")
def engine() -> str:
    """The command that serves an app on a Durable engine."""
    command = os.environ.get("ENGINE", "").strip()
    if not command:
        pytest.skip("ENGINE names no command that serves an app on a Durable engine")
    return command
