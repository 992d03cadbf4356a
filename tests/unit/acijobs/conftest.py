"""What tests of the job API share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from azure.durable_functions.models.utils import http_utils

from acijobs_durable import DurableEndpoint
from job_api import Api

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


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
