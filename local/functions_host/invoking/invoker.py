"""Calls one function with wire data and brings its outputs back as wire data."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
import traceback
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from functions_host.contract import UserCodeError
from functions_host.invocation_log import log_invocation
from functions_host.invoking.app_loop import AppLoop
from functions_host.invoking.context import (
    Invocation,
    InvocationContext,
    Out,
    current_invocation,
)
from functions_host.loader.converters import Datum, decode, encode
from functions_host.threads import WorkerPool

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping

    from functions_host.loader.app import LoadedFunction
    from functions_host.loader.metadata import Binding

logger = logging.getLogger("functions_host.invocations")

THREADS_SETTING = "PYTHON_THREADPOOL_THREAD_COUNT"
_CLIENTS = frozenset({"durableclient", "orchestrationclient"})


class FunctionTimeoutError(UserCodeError):
    """The function ran longer than host.json's functionTimeout."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of a function.

    Attributes:
        invocation: Its identity.
        data: What the trigger delivers.
        metadata: The trigger's metadata, by the names of the real extensions.
        headers: Of an HTTP request, lower case; of an activity the `traceparent`, if there is one.
    """

    invocation: Invocation
    data: Datum
    metadata: Mapping[str, Datum] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The result of a call.

    Attributes:
        returned: The value of a trigger with an output of its own, such as an activity.
        outputs: What goes to each output binding.
    """

    returned: Datum | None = None
    outputs: tuple[tuple[Binding, Datum], ...] = ()

    def of_type(self, kind: str) -> Iterator[tuple[Binding, Datum]]:
        """Give the outputs to bindings of this type."""
        return ((b, datum) for b, datum in self.outputs if b.type.casefold() == kind)


class Invoker:
    """Calls functions of the app.

    Args:
        client_binding: Returns the durableClient binding's JSON.
        publish: Delivers the outputs that are not HTTP; runs on a function's thread.
        timeout_s: The longest that one invocation may take, in seconds; None is without end.
    """

    def __init__(
        self,
        *,
        client_binding: Callable[[], str],
        publish: Callable[[Binding, Datum], None],
        timeout_s: float | None,
    ) -> None:
        self._client_binding = client_binding
        self._publish = publish
        self._timeout_s = timeout_s
        self._pool = WorkerPool("function", _thread_count())
        self._app_loop = AppLoop()
        self._running: set[asyncio.Task[Any]] = set()

    async def invoke(self, function: LoadedFunction, call: Call) -> Outcome:
        """Return what the function gave; it ran on a thread or on the app's loop, and was logged.

        Raises:
            UserCodeError: the function raised, or took too long.
        """
        task = asyncio.ensure_future(self._invoke(function, call))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        # A caller that goes away does not stop the function: the real host lets it run to its end.
        return await asyncio.shield(task)

    def invoke_here(self, function: LoadedFunction, call: Call) -> Outcome:
        """Return what the function gave; it ran on this thread, unless it is async. Not logged.

        Raises:
            UserCodeError: the function raised, or is async and took too long.
        """
        token = current_invocation.set(call.invocation)
        try:
            arguments = self._arguments(function, call)
            if function.signature.is_async:
                result = self._wait(self._in_invocation(function, call, arguments))
            else:
                result = function.call(**arguments)
            return self._finish(function, arguments, result)
        except UserCodeError:
            raise
        except (Exception, SystemExit) as error:
            raise failure_of(error) from error
        finally:
            current_invocation.reset(token)

    async def drain(self, timeout_s: float) -> int:
        """Wait for running invocations; return how many were still running when time was up."""
        if not self._running:
            return 0
        _, pending = await asyncio.wait(self._running, timeout=timeout_s)
        return len(pending)

    def close(self) -> None:
        """End the threads and the loop of the functions, waiting for none of them."""
        self._pool.close()
        self._app_loop.close()

    async def _invoke(self, function: LoadedFunction, call: Call) -> Outcome:
        invocation, started = call.invocation, time.monotonic()
        logger.debug("Executing '%s' (%s)", function.name, invocation.reason)
        failure: UserCodeError | None = None
        try:
            if function.signature.is_async:
                return await self._invoke_async(function, call)
            job = self._pool.run(lambda: self.invoke_here(function, call))
            outcome: Outcome = await self._within_time(job)
        except UserCodeError as error:
            failure = error
            raise
        finally:
            log_invocation(
                logger,
                invocation.kind,
                invocation.function,
                duration_s=time.monotonic() - started,
                failure=None if failure is None else str(failure),
                stack=failure.stack if failure else "",
                invocation_id=invocation.invocation_id,
            )
        return outcome

    async def _invoke_async(self, function: LoadedFunction, call: Call) -> Outcome:
        try:
            arguments = self._arguments(function, call)
            job = self._app_loop.submit(self._in_invocation(function, call, arguments))
            result = await self._within_time(asyncio.wrap_future(job))
            if not _publishes(function):
                return self._finish(function, arguments, result)
            done: Outcome = await self._pool.run(lambda: self._finish(function, arguments, result))
        except UserCodeError:
            raise
        except (Exception, SystemExit) as error:
            raise failure_of(error) from error
        return done

    async def _in_invocation(
        self, function: LoadedFunction, call: Call, arguments: Mapping[str, Any]
    ) -> Any:
        current_invocation.set(call.invocation)  # a task of its own: its context ends with it
        try:
            return await function.call(**arguments)
        except SystemExit as error:  # would end the loop's thread, and with it all async functions
            raise failure_of(error) from error

    async def _within_time(self, future: asyncio.Future[Any]) -> Any:
        try:
            return await asyncio.wait_for(future, self._timeout_s)
        except TimeoutError:
            raise self._too_long() from None

    def _wait(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        future = self._app_loop.submit(coroutine)
        try:
            return future.result(self._timeout_s)
        except FutureTimeoutError:
            if future.done():
                raise
            future.cancel()
            raise self._too_long() from None

    def _too_long(self) -> FunctionTimeoutError:
        return FunctionTimeoutError(
            f"Timeout value of {self._timeout_s:g} s exceeded (functionTimeout in host.json)"
        )

    def _arguments(self, function: LoadedFunction, call: Call) -> dict[str, Any]:
        arguments: dict[str, Any] = {}
        bindings = {binding.name: binding for binding in function.metadata.bindings}
        for name, kind in function.signature.inputs.items():
            if bindings[name].type.casefold() in _CLIENTS:
                data = Datum(type="string", value=self._client_binding())
                arguments[name] = decode(kind.converter, data, {})
            else:
                arguments[name] = decode(kind.converter, call.data, dict(call.metadata))
        for name in function.signature.outputs:
            arguments[name] = Out()
        if function.signature.takes_context:
            context = InvocationContext(call.invocation, function.metadata, call.headers)
            context.thread_local_storage.invocation_id = call.invocation.invocation_id
            arguments["context"] = context
        return arguments

    def _finish(
        self, function: LoadedFunction, arguments: Mapping[str, Any], result: Any
    ) -> Outcome:
        outcome = _outcome(function, arguments, result)
        for binding, datum in outcome.outputs:
            if binding.type.casefold() != "http":
                self._publish(binding, datum)
        sys.stdout.flush()
        return outcome


def _outcome(function: LoadedFunction, arguments: Mapping[str, Any], result: Any) -> Outcome:
    signature = function.signature
    if result is not None and signature.returned is None:
        raise RuntimeError(
            f"function {function.name!r} without a $return binding returned a non-None value"
        )
    outputs: list[tuple[Binding, Datum]] = []
    returned: Datum | None = None
    for binding in function.metadata.bindings:
        if binding.name == "$return":
            assert signature.returned is not None
            kind = signature.returned
            if binding.type.casefold() == "http" or result is not None:
                outputs.append((binding, encode(kind.converter, result, kind.pytype)))
        elif binding.name in signature.outputs:
            value = arguments[binding.name].get()
            kind = signature.outputs[binding.name]
            if value is not None:
                outputs.append((binding, encode(kind.converter, value, kind.pytype)))
    explicit = any(binding.name == "$return" for binding in function.metadata.bindings)
    if signature.returned is not None and not explicit:
        returned = encode(signature.returned.converter, result, signature.returned.pytype)
    return Outcome(returned=returned, outputs=tuple(outputs))


def _publishes(function: LoadedFunction) -> bool:
    return any(binding.type.casefold() == "queue" for binding in function.metadata.bindings)


def failure_of(error: BaseException) -> UserCodeError:
    """Return the error in the words in which the real worker reports it to its host."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if not f.filename.startswith(_HERE)] or list(frames)
    stack = "".join(traceback.format_list(own))
    cause = error.__cause__
    if cause is not None:
        stack = "".join(traceback.format_exception(cause)) + _CAUSED + stack
    return UserCodeError(f"{type(error).__name__}: {error}", stack=stack)


_HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - compared with str file names
_CAUSED = "\nThe above exception was the direct cause of the following exception:\n\n"


def _thread_count() -> int:
    """Return the size of the pool; the default is the real worker's on Python 3.9 and later."""
    try:
        return max(1, int(os.environ[THREADS_SETTING]))
    except (KeyError, ValueError):
        return min(32, (os.cpu_count() or 1) + 4)
