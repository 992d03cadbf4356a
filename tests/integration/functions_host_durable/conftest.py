# ruff: noqa: N802 - activities are named as in Azure
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from durable_app import SdkApp
from durable_clock import VirtualClock
from durable_harness import Harness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
def app() -> SdkApp:
    """Return an empty app."""
    return SdkApp()


@pytest.fixture
def clock() -> VirtualClock:
    """Return a clock that stands still."""
    return VirtualClock()


@pytest.fixture
async def host(app: SdkApp, clock: VirtualClock, tmp_path: Path) -> AsyncIterator[Harness]:
    """Return a running engine on a SQLite store, with a virtual clock."""
    harness = Harness(app, clock, tmp_path)
    await harness.start()
    yield harness
    await harness.stop()


@pytest.fixture
def activities(app: SdkApp) -> None:
    """Register an activity that adds one, and one that fails."""

    @app.activity
    def Add(number: int) -> int:
        return number + 1

    @app.activity
    def Boom(_: Any) -> None:
        raise ValueError("boom")
