"""Loads and calls functions with Microsoft's worker library, as a host asks over a socket.

A program: `python microsofts_worker.py APP_DIR FD`, run by a Python that has the app's requirements
and `azure-functions-runtime-v1`, and nothing of this project. Each line is a JSON object; an answer
has the `id` of what was asked. It ends when the socket is closed.

The library is called as Microsoft's own embedder does: one event loop, sync functions on the
library's threads. Source: Azure/azure-functions-python-worker, workers/proxy_worker.
"""

from __future__ import annotations

import asyncio
import base64
import importlib
import json
import logging
import socket
import sys
from typing import Any

from worker_messages import PROTOS, BindingInfo, ParameterBinding, Record, StatusResult, TypedData

DIRECTIONS = {"in": 0, "out": 1, "inout": 2}
LONGEST_LINE = 2**28


async def main(app_dir: str, descriptor: int) -> None:
    """Serve until the host goes away."""
    # As in Azure, where the app's folder is the first on the path and this one is unknown.
    sys.path[0] = app_dir
    worker: Any = importlib.import_module("azure_functions_runtime_v1")
    properties = {"host": "127.0.0.1", "protos": PROTOS}
    asked = Record(worker_init_request=Record(capabilities={}))
    await worker.worker_init_request(Record(request=asked, properties=properties))
    worker.start_threadpool_executor()
    channel = socket.socket(fileno=descriptor)
    reader, writer = await asyncio.open_connection(sock=channel, limit=LONGEST_LINE)
    running = set()
    while line := await reader.readline():
        task = asyncio.create_task(serve(worker, json.loads(line), writer))
        running.add(task)
        task.add_done_callback(running.discard)


async def serve(worker: Any, message: dict[str, Any], writer: asyncio.StreamWriter) -> None:
    """Answer one line."""
    if "load" in message:
        request = Record(function_load_request=load_request(message["load"]))
        answer = await worker.function_load_request(Record(request=request))
        said = {}
    else:
        request = Record(invocation_request=invocation_request(message["invoke"]))
        answer = await worker.invocation_request(Record(request=request))
        said = outcome(answer)
    if answer.result.status != StatusResult.Success:
        failure = answer.result.exception
        said = {"error": failure.message, "stack": failure.stack_trace}
    writer.write(json.dumps({"id": message["id"], **said}).encode() + b"\n")


def load_request(function: dict[str, Any]) -> Record:
    """Return what the host sends to have a function loaded."""
    bindings = {
        name: BindingInfo(type=kind, direction=DIRECTIONS[direction], data_type=0)
        for name, (kind, direction) in function["bindings"].items()
    }
    metadata = Record(
        name=function["name"],
        directory=function["directory"],
        script_file=function["script_file"],
        entry_point=function["entry_point"],
        bindings=bindings,
    )
    return Record(function_id=function["name"], metadata=metadata)


def invocation_request(call: dict[str, Any]) -> Record:
    """Return what the host sends to have a function called."""
    trace = {"trace_parent": call["trace_parent"], "trace_state": "", "attributes": {}}
    return Record(
        invocation_id=call["invocation_id"],
        function_id=call["function"],
        input_data=[ParameterBinding(name=k, data=typed(v)) for k, v in call["inputs"].items()],
        trigger_metadata={name: typed(value) for name, value in call["metadata"].items()},
        trace_context=Record(**trace),
        retry_context=Record(retry_count=0, max_retry_count=0, exception=None),
    )


def typed(data: dict[str, Any]) -> TypedData:
    """Return a value for the library."""
    ((kind, value),) = data.items()
    if kind == "bytes":
        return TypedData(bytes=base64.b64decode(value))
    if kind == "http":
        return TypedData(http=Record(**value | {"body": typed(value["body"])}))
    return TypedData(**{kind: value})


def outcome(answer: Any) -> dict[str, Any]:
    """Return what a function gave, as it goes over the socket."""
    outputs = {each.name: untyped(each.data) for each in answer.output_data or ()}
    return {"outputs": outputs, "returned": untyped(answer.return_value)}


def untyped(data: TypedData | None) -> dict[str, Any] | None:
    """Return a value of the library's."""
    if data is None or data.kind is None:
        return None
    value = getattr(data, data.kind)
    if data.kind == "bytes":
        return {"bytes": base64.b64encode(value).decode()}
    if data.kind == "http":
        assert not value.cookies, "the app sets no cookies, and none are passed on"
        parts = {"status_code": value.status_code, "headers": value.headers}
        return {"http": parts | {"body": untyped(value.body)}}
    return {data.kind: value}


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(name)s %(message)s")
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
