"""What tests of the job API share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from azure.durable_functions.models.utils import http_utils

from acijobs import instances
from acijobs.web import live_logs
from acijobs_durable import DurableEndpoint
from job_api import Api
from log_readers import LogReaders

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that others use may stall for longer than the app waits for its engine or Azure."""
    monkeypatch.setattr(instances, "_FIND_TIMEOUT_S", 30.0)
    monkeypatch.setattr(live_logs, "_PATIENCE_S", 30.0)


@pytest.fixture
async def durable() -> AsyncIterator[DurableEndpoint]:
    """Durable's local endpoint."""
    endpoint = DurableEndpoint()
    await endpoint.start()
    yield endpoint
    await http_utils._close_session()  # shared by all clients of a process, but bound to this loop
    await endpoint.stop()


@pytest.fixture
def api(durable: DurableEndpoint) -> Api:
    """The API, with nothing in it."""
    return Api(durable)


@pytest.fixture
def readers() -> LogReaders:
    """Readers of logs, and a job that has not been submitted."""
    return LogReaders()
