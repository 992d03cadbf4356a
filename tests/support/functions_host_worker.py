"""Loads every function of an app and calls it, through our loader or Microsoft's worker library.

A program: `python functions_host_worker.py ours|theirs APP_DIR CASES_JSON`. It prints one JSON object:
each function's outcome in a form that does not tell which of the two ran it.
"""

from __future__ import annotations

import asyncio
import base64
import importlib
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from worker_messages import PROTOS, BindingInfo, ParameterBinding, Record, StatusResult, TypedData

if TYPE_CHECKING:
    from collections.abc import Mapping

    from functions_host.loader.metadata import FunctionMetadata

CLIENTS = {"durableClient", "orchestrationClient"}
DIRECTIONS = {"in": 0, "out": 1, "inout": 2}


def main() -> None:
    """Print the outcomes."""
    which, app_dir, cases = sys.argv[1], Path(sys.argv[2]).resolve(), json.loads(sys.argv[3])
    os.environ.update(cases.pop("settings", {}))
    run = {"ours": ours, "theirs": theirs}[which]
    print(json.dumps(run(app_dir, cases)))  # noqa: T201 - the answer to the test that started it


def metadata_of(app_dir: Path, cases: Mapping[str, Any]) -> list[FunctionMetadata]:
    """Return what function.json says of each function that the cases name."""
    from functions_host.loader.metadata import read_metadata

    return [read_metadata(app_dir / name, os.environ) for name in cases]


def ours(app_dir: Path, cases: Mapping[str, Any]) -> dict[str, Any]:
    """Return each function's outcome under our loader."""
    from functions_host.contract import UserCodeError
    from functions_host.invoking.context import Invocation
    from functions_host.invoking.invoker import Call, Invoker
    from functions_host.loader.app import load_app
    from functions_host.loader.converters import Datum

    app = load_app(app_dir, os.environ)
    outcomes: dict[str, Any] = {p.function: {"not loaded": p.reason} for p in app.problems}
    client = str(next(iter(cases.values()))["client"])
    # One for all, as in the host: the Durable SDK keeps a session on the loop it first ran on.
    invoker = Invoker(client_binding=lambda: client, publish=lambda *_: None, timeout_s=60)
    for name, case in cases.items():
        function = app.functions.get(name)
        if function is None:
            continue  # told above
        call = Call(
            invocation=Invocation(function=name, kind="test"),
            data=datum_of(case["data"]),
            metadata={k: Datum(type=t, value=v) for k, (t, v) in case["metadata"].items()},
        )
        try:
            outcome = invoker.invoke_here(function, call)
        except UserCodeError as error:
            outcomes[name] = {"error": str(error)}
            continue
        found = {binding.name: shown_datum(datum) for binding, datum in outcome.outputs}
        if outcome.returned is not None:
            found["$return"] = shown_datum(outcome.returned)
        outcomes[name] = found
    return outcomes


def datum_of(data: dict[str, Any]) -> Any:
    """Return a case's data for our side."""
    from functions_host.http.exchange import request_datum
    from functions_host.loader.converters import Datum

    if data["type"] != "http":
        return Datum(type=data["type"], value=data["value"])
    return request_datum(
        method=data["method"],
        url=data["url"],
        headers=data["headers"],
        query=data["query"],
        route_parameters=data["params"],
        body=data["body"].encode(),
    )


def shown_datum(datum: Any) -> Any:
    """Return a value of our side in the neutral form."""
    if datum.type != "http":
        return {datum.type: datum.value}
    value = datum.value
    return shown_http(
        value["status_code"].value,
        {name: header.value for name, header in value["headers"].items()},
        value["body"].value,
    )


def shown_http(status: str, headers: dict[str, str], body: bytes) -> dict[str, Any]:
    """Return an HTTP answer in the neutral form."""
    return {"status": str(status), "headers": headers, "body": base64.b64encode(body).decode()}


def theirs(app_dir: Path, cases: Mapping[str, Any]) -> dict[str, Any]:
    """Return each function's outcome under Microsoft's library."""
    sys.path.insert(0, str(app_dir))
    return asyncio.run(call_theirs(app_dir, cases))


async def call_theirs(app_dir: Path, cases: Mapping[str, Any]) -> dict[str, Any]:
    """Load, then call, each function."""
    worker: Any = importlib.import_module("azure_functions_runtime_v1")  # only on 3.13 and later

    properties = {"host": "test", "protos": PROTOS}
    start = Record(
        request=Record(worker_init_request=Record(capabilities={})), properties=properties
    )
    await worker.worker_init_request(start)
    outcomes: dict[str, Any] = {}
    for metadata in metadata_of(app_dir, cases):
        loaded = await worker.function_load_request(load_request(metadata))
        if loaded.result.status != StatusResult.Success:
            prefix = f"FunctionLoadError: cannot load the {metadata.name} function: "
            reason = loaded.result.exception.message.removeprefix(prefix)
            outcomes[metadata.name] = {"not loaded": reason}
            continue
        answer = await worker.invocation_request(invocation_request(metadata, cases[metadata.name]))
        outcomes[metadata.name] = shown_answer(answer)
    return outcomes


def load_request(metadata: FunctionMetadata) -> Record:
    """Return what the host sends to have a function loaded."""
    bindings = {
        binding.name: BindingInfo(
            type=binding.type, direction=DIRECTIONS[binding.direction], data_type=0
        )
        for binding in metadata.bindings
    }
    message = Record(
        function_id=metadata.name,
        metadata=Record(
            name=metadata.name,
            directory=str(metadata.directory),
            script_file=str(metadata.script_file),
            entry_point=metadata.entry_point,
            bindings=bindings,
        ),
    )
    return Record(request=Record(function_load_request=message))


def invocation_request(metadata: FunctionMetadata, case: Mapping[str, Any]) -> Record:
    """Return what the host sends to have a function called."""
    inputs = [ParameterBinding(name=metadata.trigger.name, data=typed(case["data"]))]
    inputs += [
        ParameterBinding(name=binding.name, data=TypedData(string=case["client"]))
        for binding in metadata.bindings
        if binding.type in CLIENTS
    ]
    message = Record(
        invocation_id="00000000-0000-0000-0000-000000000000",
        function_id=metadata.name,
        input_data=inputs,
        trigger_metadata={k: TypedData(**{t: v}) for k, (t, v) in case["metadata"].items()},
        trace_context=Record(trace_parent="", trace_state="", attributes={}),
        retry_context=Record(retry_count=0, max_retry_count=0, exception=None),
    )
    return Record(request=Record(invocation_request=message))


def typed(data: dict[str, Any]) -> TypedData:
    """Return a case's data for their side."""
    if data["type"] != "http":
        return TypedData(**{data["type"]: data["value"]})
    parts = {name: data[name] for name in ("method", "url", "headers", "query", "params")}
    return TypedData(http=Record(**parts, body=TypedData(bytes=data["body"].encode())))


def shown_answer(answer: Any) -> dict[str, Any]:
    """Return an answer of their side in the neutral form."""
    if answer.result.status != StatusResult.Success:
        return {"error": answer.result.exception.message}
    found = {each.name: shown_typed(each.data) for each in answer.output_data}
    if answer.return_value is not None:
        found["$return"] = shown_typed(answer.return_value)
    return found


def shown_typed(data: TypedData) -> Any:
    """Return a value of their side in the neutral form."""
    if data.kind != "http":
        return {data.kind: getattr(data, str(data.kind))}
    http = data.http  # type: ignore[attr-defined]
    return shown_http(http.status_code, dict(http.headers), http.body.bytes)


if __name__ == "__main__":
    main()
