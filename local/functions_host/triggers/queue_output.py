"""Sends what functions give to their queue outputs."""

from __future__ import annotations

import contextlib
import json
import threading
from typing import TYPE_CHECKING, Any

from functions_host.triggers.queue_settings import queue_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from functions_host.loader.converters import Datum
    from functions_host.loader.metadata import Binding
    from functions_host.triggers.queue_settings import QueueSource


class QueueOutput:
    """Delivers messages; thread-safe, and keeps one client per queue.

    Args:
        environment: The app's settings.
        base64: Whether message texts are base64 on the wire.
    """

    def __init__(self, environment: Mapping[str, str], *, base64: bool) -> None:
        self._environment = environment
        self._base64 = base64
        self._clients: dict[QueueSource, Any] = {}
        self._lock = threading.Lock()

    def publish(self, binding: Binding, datum: Datum) -> None:
        """Put what a function gave on the binding's queue, which is made if it is missing.

        Raises:
            azure.core.exceptions.AzureError: the queue does not take it.
        """
        client = self._client(queue_of(binding.name, binding, self._environment))
        for text in messages(datum):
            client.send_message(text if self._base64 else text.decode("utf-8"))

    def _client(self, source: QueueSource) -> Any:
        from azure.core.exceptions import ResourceExistsError
        from azure.storage.queue import BinaryBase64EncodePolicy, LinearRetry, QueueClient

        with self._lock:
            if source not in self._clients:
                policy = BinaryBase64EncodePolicy() if self._base64 else None
                client = QueueClient.from_connection_string(
                    source.connection_string,
                    source.name,
                    message_encode_policy=policy,
                    # As the .NET SDK of the real host; this SDK's own default holds out for minutes.
                    retry_policy=LinearRetry(backoff=1, retry_total=3),
                )
                with contextlib.suppress(ResourceExistsError):
                    client.create_queue()
                self._clients[source] = client
            return self._clients[source]


def messages(datum: Datum) -> Iterator[bytes]:
    """Give the messages that an output's data makes: one, or one for each element of a list."""
    if datum.type == "json":
        content = json.loads(datum.value)
        for item in content if isinstance(content, list) else [content]:
            yield _text_of(item).encode()
    elif isinstance(datum.value, bytes):
        yield datum.value
    else:
        yield str(datum.value).encode()


def _text_of(item: Any) -> str:
    if isinstance(item, str):
        return item
    if isinstance(item, dict) and set(item) == {
        "id",
        "body",
    }:  # a QueueMessage, as the worker sends it
        return str(item["body"])
    return json.dumps(item)
