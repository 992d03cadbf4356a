"""The seam between the app's functions and the durable engine.

The loader implements `DurableFunctions`; the engine in `functions_host.durable` consumes it. Neither
side knows more of the other than this page.
"""

from __future__ import annotations

from typing import Protocol

from functions_host.credentials import hide_credentials


class UserCodeError(Exception):
    """A function of the app raised; `str()` is the text that reaches the durable extension.

    The worker reports `<ExceptionType>: <message>`, and the Functions host hides in it what looks like
    a credential. For an orchestrator it may end in `$OutOfProcData$:<state JSON>`, which the engine
    reads, if the hiding has left it readable.

    Attributes:
        stack: The Python stack of the failure, for logs and `Details`; empty when unknown.
    """

    def __init__(self, text: str, *, stack: str = "") -> None:
        super().__init__(hide_credentials(text))
        self.stack = stack


class DurableFunctions(Protocol):
    """The app's orchestrators, activities and entities, ready to be invoked.

    All names are the names of the function folders. The three `run_*` methods may be called from any
    thread, and `run_activity` from many at once.
    """

    @property
    def orchestrators(self) -> frozenset[str]:
        """Names of the functions with an orchestrationTrigger that loaded and are enabled."""
        ...

    @property
    def activities(self) -> frozenset[str]:
        """Names of the functions with an activityTrigger that loaded and are enabled."""
        ...

    @property
    def entities(self) -> frozenset[str]:
        """Names of the functions with an entityTrigger that loaded and are enabled."""
        ...

    def run_orchestrator(self, name: str, context: str) -> str:
        """Run one episode and return the orchestrator state JSON, both in the extension's wire form.

        Raises:
            UserCodeError: the function raised; its text may carry `$OutOfProcData$`.
        """
        ...

    def run_activity(
        self, name: str, payload: str | None, *, instance_id: str, trace_parent: str | None
    ) -> str | None:
        """Run one activity to its end, on the calling thread, and return its result as JSON text.

        Args:
            name: The activity's name.
            payload: The input as JSON text, or None.
            instance_id: The orchestration that asked, for logs.
            trace_parent: The `traceparent` that it was started with, or None.

        Raises:
            UserCodeError: the function raised.
        """
        ...

    def run_entity(self, name: str, batch: str) -> str:
        """Run one batch of operations and return the batch result JSON.

        Raises:
            UserCodeError: the function raised.
        """
        ...
