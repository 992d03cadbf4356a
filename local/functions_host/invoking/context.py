"""The invocation as a running function sees it."""

from __future__ import annotations

import contextvars
import re
import secrets
import threading
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import azure.functions as func

if TYPE_CHECKING:
    from collections.abc import Mapping

    from functions_host.loader.metadata import FunctionMetadata


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """One call of one function.

    Attributes:
        function: The function's name.
        kind: What made it run: http, queue, timer, activity, orchestrator, entity.
        invocation_id: A new UUID per call.
        instance_id: The orchestration it belongs to, or None.
        reason: Why it runs, for the log.
    """

    function: str
    kind: str
    invocation_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    instance_id: str | None = None
    reason: str = ""


current_invocation: contextvars.ContextVar[Invocation | None] = contextvars.ContextVar(
    "current_invocation", default=None
)
"""The invocation that the running code belongs to; tells log records apart."""


class TraceContext(func._abc.TraceContext):  # noqa: SLF001 - the worker's base class
    """W3C trace context: the caller's, or a new one, as the real host begins where it is told none.

    The local host shows nothing of its own, so that it hands the caller's on as it is.
    """

    def __init__(self, headers: Mapping[str, str]) -> None:
        told = headers.get("traceparent", "")
        is_told = _TRACE_PARENT.fullmatch(told) is not None
        self._parent = told if is_told else _new_trace_parent()
        self._state = headers.get("tracestate", "") if is_told else ""

    @property
    def Traceparent(self) -> str:  # noqa: N802 - the worker's spelling
        """The `traceparent`."""
        return self._parent

    @property
    def Tracestate(self) -> str:  # noqa: N802 - the worker's spelling
        """The `tracestate` header, or nothing."""
        return self._state

    @property
    def trace_parent(self) -> str:
        """The `traceparent`."""
        return self._parent

    @property
    def trace_state(self) -> str:
        """The `tracestate` header, or nothing."""
        return self._state

    @property
    def attributes(self) -> dict[str, str]:
        """Nothing: the local host adds none."""
        return {}


_TRACE_PARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def _new_trace_parent() -> str:
    """Return a new trace, marked as one that is not recorded: nobody would find its first span."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"


class RetryContext(func._abc.RetryContext):  # noqa: SLF001 - the worker's base class
    """No retries: the local host has no function-level retry policies."""

    @property
    def retry_count(self) -> int:
        """Always 0."""
        return 0

    @property
    def max_retry_count(self) -> int:
        """Always 0."""
        return 0

    @property
    def exception(self) -> Any:
        """Always None."""
        return None


class InvocationContext(func.Context):
    """The value of a function's `context` parameter."""

    _thread_local_storage = threading.local()

    def __init__(
        self, invocation: Invocation, metadata: FunctionMetadata, headers: Mapping[str, str]
    ) -> None:
        self._invocation = invocation
        self._metadata = metadata
        self._trace_context = TraceContext(headers)

    @property
    def invocation_id(self) -> str:
        """The call's id."""
        return self._invocation.invocation_id

    @property
    def thread_local_storage(self) -> Any:
        """Where the worker keeps the invocation id for the app's own threads."""
        return self._thread_local_storage

    @property
    def function_name(self) -> str:
        """The function's name."""
        return self._metadata.name

    @property
    def function_directory(self) -> str:
        """The function's folder."""
        return str(self._metadata.directory)

    @property
    def trace_context(self) -> TraceContext:
        """The trace that the call is part of."""
        return self._trace_context

    @property
    def retry_context(self) -> RetryContext:
        """No retries."""
        return RetryContext()


class Out(func.Out[Any]):
    """The value of an output parameter; None means that nothing was set."""

    def __init__(self) -> None:
        self._value: Any = None

    def set(self, val: Any) -> None:
        """Set what goes out."""
        self._value = val

    def get(self) -> Any:
        """Return what goes out, or None."""
        return self._value
