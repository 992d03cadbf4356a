"""The orchestrations of jobs, through Durable's client.

What the engine answers is never more than a hint: the job's row is what counts. So nothing in here
raises for an engine that does not answer.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import azure.durable_functions as df
import azure.functions as func
from azure.durable_functions.models.utils.http_utils import (
    delete_async_request,
    get_async_request,
)

from acijobs.domain.codec import encode
from acijobs.domain.messages import CANCEL_EVENT, LOOK_EVENT, Function, JobInput
from acijobs.log_lines import tell

_ALIVE = frozenset({"Pending", "Running", "ContinuedAsNew", "Suspended"})
_FIND_TIMEOUT_S = 2.0
_START_TIMEOUT_S = 10.0
MOST_CHILDREN = 1_000
"""More than a job starts: the list is ordered by id, and its end must not be cut off."""

_NOTHING: dict[str, Any] = {}
"""What a 404 means, and nothing else does."""


@dataclass(frozen=True, kw_only=True)
class Instance:
    """An orchestration as the engine shows it.

    Attributes:
        answered: Whether the engine answered; if not, the rest means nothing.
        runtime_status: Durable's `runtimeStatus`; empty where there is none of this id.
        custom_status: What it showed last; empty where that was lost.
        updated_at: When its history last grew; None where there is none.
        output: What it ended with, where that is text: the reason, if it was terminated.
    """

    answered: bool = True
    runtime_status: str = ""
    custom_status: dict[str, Any] = field(default_factory=dict)
    updated_at: datetime | None = None
    output: str = ""

    @property
    def is_alive(self) -> bool:
        """Whether it may still go on."""
        return self.runtime_status in _ALIVE

    @property
    def may_hear(self) -> bool:
        """Whether it may act on what the row says: not where it is known to be dead or suspended."""
        return not self.answered or (self.is_alive and self.runtime_status != "Suspended")


class Instances:
    """The orchestrations of jobs; one per job, under the job's id.

    Args:
        binding: What the `durableClient` binding gives: JSON.
    """

    def __init__(self, binding: str) -> None:
        self._client = df.DurableOrchestrationClient(binding)
        self._rpc_url = str(json.loads(binding).get("rpcBaseUrl") or "")

    async def start(self, job_id: str, offer: int, trace_parent: str | None = None) -> bool:
        """Ask the engine to drive the job with this offer; tell whether it was accepted.

        The SDK hands the engine the current span besides: what the engine shows is in that trace.
        """
        try:
            told = encode(JobInput(id=job_id, offer=offer, trace_parent=trace_parent))
            starting = self._client.start_new(Function.JOB.value, job_id, told)
            await asyncio.wait_for(starting, _START_TIMEOUT_S)
        except Exception as error:  # noqa: BLE001 - the SDK raises nothing narrower
            tell("notStarted", level=logging.WARNING, job=job_id, message=str(error)[:300])
            return False
        return True

    async def find(self, job_id: str) -> Instance:
        """Return the job's orchestration as far as the engine shows it.

        The SDK's own `get_status` takes an error of the engine for the status of an instance.
        """
        found = await self._get(f"instances/{quote(job_id, safe='')}")
        if found is _NOTHING:
            return Instance()
        is_status = isinstance(found, dict) and found.get("runtimeStatus")
        return _instance(found) if is_status else Instance(answered=False)

    async def find_children(self, job_id: str, offer: int) -> tuple[Instance, ...] | None:
        """Return the watches that the execution with this offer has started; None without an answer."""
        prefix = quote(f"{job_id}:{offer}.", safe="")
        found = await self._get(
            f"instances/?instanceIdPrefix={prefix}&showInput=false&top={MOST_CHILDREN}"
        )
        return tuple(_instance(child) for child in found) if isinstance(found, list) else None

    async def cancel(self, job_id: str, why: str) -> bool:
        """Raise the event that ends the job sooner than its next poll; tell whether it was taken."""
        return await self._raise(job_id, CANCEL_EVENT, {"reason": why} if why else None)

    async def look(self, job_id: str) -> bool:
        """Raise the event that brings the next poll forward; tell whether it was taken."""
        return await self._raise(job_id, LOOK_EVENT, None)

    async def terminate(self, job_id: str, why: str) -> bool:
        """End the orchestration without running its code; tell whether the engine took the request."""
        try:
            await asyncio.wait_for(self._client.terminate(job_id, why), _FIND_TIMEOUT_S)
        except Exception:  # noqa: BLE001 - the SDK raises nothing narrower
            return False
        return True

    async def find_all_children(self, job_id: str) -> dict[str, Instance] | None:
        """Return all watches that the job ever started, by their ids; None without an answer.

        There may be more where there are as many as one answer holds.
        """
        prefix = quote(f"{job_id}:", safe="")
        found = await self._get(
            f"instances/?instanceIdPrefix={prefix}&showInput=false&top={MOST_CHILDREN}"
        )
        if not isinstance(found, list):
            return None
        shown = {str(child.get("instanceId")): _instance(child) for child in found}
        return {name: shown[name] for name in shown if _is_child(name, job_id)}

    async def purge(self, instance_id: str) -> bool:
        """Forget the history of one instance; tell whether it is gone, now or before.

        Never by a filter: one that is not understood takes what runs, too.
        """
        asking = delete_async_request(f"{self._rpc_url}instances/{quote(instance_id, safe='')}")
        try:
            status, _ = await asyncio.wait_for(asking, _FIND_TIMEOUT_S)
        except Exception:  # noqa: BLE001 - whatever it is, the engine did not answer
            return False
        return status in {HTTPStatus.OK, HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND}

    def links(self, url: str, job_id: str) -> func.HttpResponse:
        """Return the answer with Durable's management URLs of the job, where this URL is."""
        request = func.HttpRequest(method="POST", url=url, body=b"")
        answer: func.HttpResponse = self._client.create_check_status_response(request, job_id)
        return answer

    async def _raise(self, job_id: str, event: str, data: Any) -> bool:
        try:
            raising = self._client.raise_event(job_id, event, data)
            await asyncio.wait_for(raising, _FIND_TIMEOUT_S)
        except Exception:  # noqa: BLE001 - the SDK raises nothing narrower; a poll comes anyway
            return False
        return True

    async def _get(self, path: str) -> Any:
        """Return what the engine answers, `_NOTHING` for a 404; None if it does not answer."""
        try:
            asking = get_async_request(f"{self._rpc_url}{path}")
            status, body = await asyncio.wait_for(asking, _FIND_TIMEOUT_S)
        except Exception as error:  # noqa: BLE001 - whatever it is, the engine did not answer
            tell("noStatus", level=logging.WARNING, path=path, message=str(error)[:300])
            return None
        if status == HTTPStatus.NOT_FOUND:
            return _NOTHING
        is_answer = status < HTTPStatus.BAD_REQUEST and isinstance(body, dict | list)
        return body if is_answer else None


def _instance(found: dict[str, Any]) -> Instance:
    shown = found.get("customStatus")
    updated, output = found.get("lastUpdatedTime"), found.get("output")
    return Instance(
        runtime_status=str(found.get("runtimeStatus") or ""),
        custom_status=shown if isinstance(shown, dict) else {},
        updated_at=datetime.fromisoformat(updated) if isinstance(updated, str) else None,
        output=output if isinstance(output, str) else "",
    )


def _is_child(instance_id: str, job_id: str) -> bool:
    return re.fullmatch(rf"{re.escape(job_id)}:[0-9]+\.[0-9]+", instance_id) is not None
