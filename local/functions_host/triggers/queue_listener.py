"""Takes the messages of one storage queue to one function.

Source: https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue, and the
extension's QueueListener: hidden for ten minutes and renewed while the function runs, tried
`maxDequeueCount` times, then moved to `<queue>-poison`; empty queues are asked less and less often.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from typing import TYPE_CHECKING, Any

from functions_host.contract import UserCodeError
from functions_host.invoking.context import Invocation
from functions_host.invoking.invoker import Call
from functions_host.triggers.queue_message import decode_text, metadata_of

if TYPE_CHECKING:
    from functions_host.hostjson import QueueSettings
    from functions_host.invoking.invoker import Invoker
    from functions_host.loader.app import LoadedFunction
    from functions_host.triggers.queue_settings import QueueSource

logger = logging.getLogger("functions_host.queues")

_HIDDEN_S = 600
_FIRST_PAUSE_S = 0.1
_POISON_SUFFIX = "-poison"


class QueueListener:
    """Takes messages of one queue to one function."""

    def __init__(
        self,
        function: LoadedFunction,
        source: QueueSource,
        invoker: Invoker,
        settings: QueueSettings,
        stopping: asyncio.Event,
    ) -> None:
        from azure.storage.queue.aio import QueueServiceClient

        self._function = function
        self._invoker = invoker
        self._settings = settings
        self._stopping = stopping
        self._name = source.name
        # Our own pauses are the retry: the SDK's would hold up the host's end for minutes.
        self._service: Any = QueueServiceClient.from_connection_string(
            source.connection_string, retry_total=0
        )
        self._queue: Any = self._service.get_queue_client(source.name)
        self._poison: Any = self._service.get_queue_client(f"{source.name}{_POISON_SUFFIX}")
        self._working: set[asyncio.Task[None]] = set()
        self._pause_s = _FIRST_PAUSE_S
        self._is_reachable = True

    async def listen(self) -> None:
        """Take messages until the host stops, and finish those that were taken."""
        while not self._stopping.is_set():
            await self._pause(self._pause_s if not await self._take() else 0.0)
        if self._working:
            await asyncio.wait(self._working)

    async def close(self) -> None:
        """Drop the connection."""
        for task in self._working:
            task.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)
        await self._service.close()

    async def _take(self) -> bool:
        """Start on new messages; return whether to look again without a pause."""
        if len(self._working) > self._settings.new_batch_threshold:
            stop = asyncio.ensure_future(self._stopping.wait())
            await asyncio.wait([*self._working, stop], return_when=asyncio.FIRST_COMPLETED)
            stop.cancel()
            return True
        messages = await self._receive()
        if not messages:
            self._back_off()
            return False
        self._pause_s = _FIRST_PAUSE_S
        for message in messages:
            task = asyncio.ensure_future(self._work(message))
            self._working.add(task)
            task.add_done_callback(self._working.discard)
        return True

    async def _receive(self) -> list[Any]:
        from azure.core.exceptions import AzureError, ResourceNotFoundError

        try:
            pages = self._queue.receive_messages(
                max_messages=self._settings.batch_size, visibility_timeout=_HIDDEN_S
            )
            messages = [message async for message in pages]
        except ResourceNotFoundError:  # the real listener waits for the queue to appear
            messages = []
        except AzureError as error:
            self._unreachable(error)
            return []
        self._is_reachable = True
        return messages

    def _unreachable(self, error: Exception) -> None:
        if self._is_reachable:  # once, not at every look
            first_line = str(error).split("\n", 1)[0]
            logger.error(
                "%s cannot read its queue %r: %s", self._function.name, self._name, first_line
            )
        self._is_reachable = False

    def _back_off(self) -> None:
        longest_s = max(_FIRST_PAUSE_S, self._settings.max_polling_interval)
        self._pause_s = min(longest_s, self._pause_s * random.uniform(1.6, 2.4))  # noqa: S311 - jitter

    async def _pause(self, pause_s: float) -> None:
        if pause_s > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause_s)

    async def _work(self, message: Any) -> None:
        renewal = asyncio.ensure_future(self._renew(message))
        try:
            succeeded = await self._run(message)
        finally:
            renewal.cancel()
            await asyncio.gather(renewal, return_exceptions=True)
        try:
            await self._settle(message, succeeded=succeeded)
        except Exception as error:  # noqa: BLE001 - whatever storage says, the message comes again
            logger.error("%s: a message could not be settled: %s", self._function.name, error)  # noqa: TRY400 - the stack is the SDK's

    async def _run(self, message: Any) -> bool:
        try:
            body = decode_text(
                message.content, is_base64=self._settings.message_encoding == "base64"
            )
        except ValueError as error:
            logger.error("%s: %s", self._function.name, error)  # noqa: TRY400 - the message says it all
            await self._to_poison(message)
            return True
        invocation = Invocation(
            function=self._function.name, kind="queue", reason=f"new message on {self._name}"
        )
        call = Call(invocation=invocation, data=body, metadata=metadata_of(message))
        try:
            await self._invoker.invoke(self._function, call)
        except UserCodeError:
            return False
        return True

    async def _settle(self, message: Any, *, succeeded: bool) -> None:
        if succeeded:
            await self._queue.delete_message(message)
        elif message.dequeue_count >= self._settings.max_dequeue_count:
            await self._to_poison(message)
            await self._queue.delete_message(message)
        else:
            hidden_s = int(self._settings.visibility_timeout)
            await self._queue.update_message(message, visibility_timeout=hidden_s)

    async def _to_poison(self, message: Any) -> None:
        from azure.core.exceptions import ResourceExistsError

        logger.warning(
            "%s: message %s goes to %s%s after %d tries",
            self._function.name, message.id, self._name, _POISON_SUFFIX, message.dequeue_count,
        )  # fmt: skip
        with contextlib.suppress(ResourceExistsError):
            await self._poison.create_queue()
        await self._poison.send_message(message.content)

    async def _renew(self, message: Any) -> None:
        while True:
            await asyncio.sleep(_HIDDEN_S / 2)
            receipt = await self._queue.update_message(message, visibility_timeout=_HIDDEN_S)
            message.pop_receipt = receipt.pop_receipt
