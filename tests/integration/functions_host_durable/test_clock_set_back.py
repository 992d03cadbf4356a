# ruff: noqa: N802 - functions are named as in Azure
"""A clock that is set back stops no polling, in a host that runs and in one that starts again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from durable_app import Context, SdkApp, Steps
    from durable_clock import VirtualClock
    from durable_harness import Harness


@pytest.mark.parametrize("starts_again", [False, True])
async def test_a_job_is_polled_on_after_the_clock_was_set_back(
    app: SdkApp, host: Harness, clock: VirtualClock, *, starts_again: bool
) -> None:
    """Every 5 s, though the clock shows the morning again."""
    polls = []

    @app.activity
    def Poll(_: Any) -> int:
        polls.append(1)
        return len(polls)

    @app.orchestrator
    def Watch(context: Context) -> Steps:
        while (yield context.call_activity("Poll")) < 4:
            yield context.create_timer(context.current_utc_datetime + timedelta(seconds=5))
        return "seen"

    watch = await host.begin("Watch")
    await host.skip(seconds=7)
    assert len(polls) == 2
    clock.set_back(timedelta(hours=6))
    if starts_again:
        await host.restart()
    await host.skip(seconds=5)
    assert len(polls) == 3
    await host.skip(seconds=5)
    assert host.output(watch) == "seen"
