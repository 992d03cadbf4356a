"""Our Functions host with Microsoft's worker library, each in a Python of its own, as in Azure.

A program: `python -m host_of_worker APP_DIR --port N --state DIR --worker PYTHON`. It is our host in
everything but this: functions are loaded and called in another process, `microsofts_worker.py`, which
PYTHON runs. It imports nothing of the app.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import signal
import socket
import subprocess
import threading
from concurrent.futures import Future
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from functions_host.console import set_up_logging
from functions_host.contract import UserCodeError
from functions_host.host import FunctionsHost, HostOptions
from functions_host.hostjson import read_host_json
from functions_host.invoking.invoker import Call, Invoker, Outcome
from functions_host.loader.app import LoadedApp, LoadedFunction
from functions_host.loader.converters import Datum
from functions_host.loader.metadata import read_metadata
from functions_host.loader.signature import Signature
from functions_host.plan import Plan, make_plan
from functions_host.problems import Problem
from functions_host.settings import LocalSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from functions_host.loader.metadata import FunctionMetadata

PROGRAM = Path(__file__).parent / "microsofts_worker.py"
CLIENTS = {"durableclient", "orchestrationclient"}
TIMEOUT_S = 300.0


class Worker:
    """The process of Microsoft's library; asked from any thread, many questions at once.

    Attributes:
        called: Names of the functions that it called.
    """

    def __init__(self, python: str, app_dir: Path) -> None:
        ours, theirs = socket.socketpair()
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        with theirs:
            self._process = subprocess.Popen(
                [python, str(PROGRAM), str(app_dir), str(theirs.fileno())],
                pass_fds=[theirs.fileno()], env=environment, cwd=app_dir,
            )  # fmt: skip
        self._channel = ours
        self._numbers = count()
        self._sending = threading.Lock()
        self._asked: dict[int, Future[dict[str, Any]]] = {}
        self.called: set[str] = set()
        threading.Thread(target=self._listen, daemon=True).start()

    def ask(self, what: str, message: dict[str, Any]) -> dict[str, Any]:
        """Return the answer.

        Raises:
            UserCodeError: it is that the function raised, or could not be loaded.
        """
        number, answer = next(self._numbers), Future[dict[str, Any]]()
        self._asked[number] = answer
        with self._sending:
            self._channel.sendall(json.dumps({"id": number, what: message}).encode() + b"\n")
        said = answer.result(TIMEOUT_S)
        if "error" in said:
            raise UserCodeError(said["error"], stack=said["stack"])
        return said

    def stop(self) -> None:
        """End it."""
        self._channel.shutdown(socket.SHUT_WR)
        self._process.wait(30)

    def _listen(self) -> None:
        with self._channel.makefile("rb") as lines:
            for line in lines:
                said = json.loads(line)
                self._asked.pop(said["id"]).set_result(said)
        for answer in self._asked.values():
            answer.set_exception(RuntimeError("the worker has ended"))


class WorkersInvoker(Invoker):
    """Calls functions in the worker."""

    worker: Worker

    def invoke_here(self, function: LoadedFunction, call: Call) -> Outcome:
        """Return what the function gave."""
        inputs = {function.metadata.trigger.name: sent(call.data)}
        for binding in function.metadata.bindings:
            if binding.type.casefold() in CLIENTS:
                inputs[binding.name] = {"string": self._client_binding()}
        message = {
            "function": function.name,
            "invocation_id": call.invocation.invocation_id,
            "inputs": inputs,
            "metadata": {name: sent(datum) for name, datum in call.metadata.items()},
            "trace_parent": call.headers.get("traceparent", ""),
        }
        self.worker.called.add(function.name)
        said = self.worker.ask("invoke", message)
        outcome = outcome_of(function.metadata, said)
        for binding, datum in outcome.outputs:
            if binding.type.casefold() != "http":
                self._publish(binding, datum)
        return outcome


def sent(datum: Datum) -> dict[str, Any]:
    """Return a value as it goes to the worker."""
    if datum.type == "bytes":
        return {"bytes": base64.b64encode(datum.value).decode()}
    if datum.type == "int":  # Functions sends numbers of a trigger's metadata as JSON
        return {"json": json.dumps(datum.value)}
    if datum.type != "http":
        return {datum.type: datum.value}
    parts = datum.value
    texts = {name: parts[name].value for name in ("method", "url")}
    for name in ("headers", "query", "params"):
        texts[name] = {key: value.value for key, value in parts[name].items()}
    return {"http": texts | {"body": sent(parts["body"])}}


def received(data: dict[str, Any] | None) -> Datum:
    """Return a value that the worker gave."""
    if data is None:
        return Datum(type=None, value=None)
    ((kind, value),) = data.items()
    if kind == "bytes":
        return Datum(type="bytes", value=base64.b64decode(value))
    if kind != "http":
        return Datum(type=kind, value=value)
    headers = {name: Datum(type="string", value=text) for name, text in value["headers"].items()}
    status = Datum(type="string", value=value["status_code"])
    body = received(value["body"])
    return Datum(type="http", value={"status_code": status, "headers": headers, "body": body})


def outcome_of(metadata: FunctionMetadata, said: dict[str, Any]) -> Outcome:
    """Return what a function gave, by its bindings."""
    bindings = {binding.name: binding for binding in metadata.bindings}
    outputs = [(bindings[name], received(data)) for name, data in said["outputs"].items()]
    returned = received(said["returned"])
    if "$return" not in bindings:
        return Outcome(returned=returned, outputs=tuple(outputs))
    return Outcome(outputs=(*outputs, (bindings["$return"], returned)))


class HostOfWorker(FunctionsHost):
    """Our host, whose functions are in the worker."""

    def __init__(
        self, options: HostOptions, environment: Mapping[str, str], *, worker: Worker
    ) -> None:
        self.worker = worker
        config = read_host_json(options.app_dir, environment)
        super().__init__(options, config, LocalSettings(), environment)

    def _load(self, environment: Mapping[str, str]) -> Plan:
        functions: dict[str, LoadedFunction] = {}
        problems: list[Problem] = []
        for path in sorted(self.options.app_dir.glob("*/function.json")):
            metadata = read_metadata(path.parent, environment)
            try:
                self.worker.ask("load", wanted(metadata))
                functions[metadata.name] = LoadedFunction(
                    metadata=metadata, signature=UNKNOWN, call=in_another_process
                )
            except UserCodeError as error:
                problems.append(Problem(function=metadata.name, reason=str(error)))
        app = LoadedApp(
            directory=self.options.app_dir,
            functions=functions,
            broken={},
            disabled=(),
            problems=tuple(problems),
        )
        return make_plan(app, self._config, environment)

    def _make_invoker(self) -> Invoker:
        invoker = WorkersInvoker(
            client_binding=self._client_binding,
            publish=self._outputs.publish,
            timeout_s=self._config.function_timeout,
        )
        invoker.worker = self.worker
        return invoker


UNKNOWN = Signature(inputs={}, outputs={}, returned=None, takes_context=False, is_async=False)
"""The worker knows the function's parameters; to the host each is a call that waits."""


def in_another_process(**_: object) -> None:
    """Refuse: no function is called here."""
    raise NotImplementedError


def wanted(metadata: FunctionMetadata) -> dict[str, Any]:
    """Return how the worker finds a function."""
    return {
        "name": metadata.name,
        "directory": str(metadata.directory),
        "script_file": str(metadata.script_file),
        "entry_point": metadata.entry_point,
        "bindings": {one.name: (one.type, one.direction.value) for one in metadata.bindings},
    }


async def run(app_dir: Path, port: int, state: Path, python: str) -> None:
    """Serve until told to end; then say which functions were called."""
    set_up_logging(verbose=False, as_json=False, app_dir=str(app_dir), levels={})
    worker = Worker(python, app_dir)
    options = HostOptions(app_dir=app_dir, state=state, port=port)
    host = HostOfWorker(options, os.environ, worker=worker)
    for problem in host.plan.app.problems:
        print(f"not loaded: {problem.function}: {problem.reason}", flush=True)  # noqa: T201
    ending = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)
    await host.start()
    await ending.wait()
    await host.stop()
    worker.stop()
    print(f"called: {' '.join(sorted(worker.called))}", flush=True)  # noqa: T201


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("app", type=Path)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--worker", required=True)
    given = parser.parse_args()
    given.state.mkdir(parents=True, exist_ok=True)
    asyncio.run(run(given.app.resolve(), given.port, given.state.resolve(), given.worker))
