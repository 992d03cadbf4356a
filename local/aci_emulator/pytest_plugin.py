"""Fixtures for tests against the emulator. Every pytest run loads this page, so it imports late.

    def test_my_client(aci_emulator):
        client = MyClient(aci_emulator.env)
        aci_emulator.admin.add_fault("respond", status=429, retry_after_s=1, times=1)
        ...
        aci_emulator.admin.advance(60)

By default containers follow scripts, nothing takes time but the scripts, and time stands still until
`admin.advance`. Override `aci_emulator_settings` or `aci_emulator_clock` for something else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from aci_emulator.clock import Clock
    from aci_emulator.in_process import InProcessEmulator
    from aci_emulator.settings import Settings


@pytest.fixture
def aci_emulator_settings(tmp_path: Path) -> Settings:
    """Return what the emulator is told: profile `instant`, scripted runtime, any free ports."""
    from aci_emulator.settings import for_profile

    return for_profile("instant").changed(
        arm_port=0,
        control_port=0,
        state_dir=tmp_path / "aci-emulator",
        runtime="scripted",
    )


@pytest.fixture
def aci_emulator_clock() -> Clock | None:
    """Return the emulator's time: a virtual clock; None means real time."""
    from aci_emulator.clock import VirtualClock

    return VirtualClock()


@pytest.fixture
def aci_emulator(
    aci_emulator_settings: Settings, aci_emulator_clock: Clock | None
) -> Iterator[InProcessEmulator]:
    """Yield a serving emulator with `env`, `admin` and, to look inside, `emulator`."""
    from aci_emulator.in_process import InProcessEmulator

    with InProcessEmulator(aci_emulator_settings, clock=aci_emulator_clock) as running:
        yield running
