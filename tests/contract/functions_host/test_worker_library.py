"""Our loader and Microsoft's worker library for this programming model do the same with the same apps.

Each function is loaded and called by both, in processes of their own, and the outcomes are compared:
the conformance apps, and the app in this repository.
"""

from __future__ import annotations

import base64
import importlib.util
import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from functions_host_process import APPS, REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.skipif(
        sys.version_info < (3, 13), reason="azure-functions-runtime-v1 needs Python 3.13 or newer"
    ),
    pytest.mark.skipif(
        importlib.util.find_spec("azure_functions_runtime_v1") is None,
        reason="azure-functions-runtime-v1 is not installed",
    ),
]
WORKER = REPOSITORY / "tests" / "support" / "functions_host_worker.py"
MOMENT = "2026-01-01T00:00:00.0000000Z"
# What functions are given, where the default below does not do.
INPUTS: dict[str, dict[str, Any]] = {
    "chaining": {
        "Pick": {"items": ["a", "b", "c"]},
        "Pack": {"items": ["a"], "boxes": 1},
        "Ship": {"items": ["a"], "boxes": 1},
    },
    "fan_out": {"FanOut": {"count": 3}, "Batch": 3, "Square": 4},
    "sub_orchestration": {"Child": {"n": 1}, "Double": 4},
    "retry": {"Retry": {"attempts": 3}, "Flaky": {"counter": "/nowhere/at/all", "failures": 1}},
    "human_interaction": {"Approval": {"seconds": 60}},
    "monitor": {"Monitor": {"patience": 60}, "Look": {"look": 1, "ready_at": 2}},
    "eternal": {"Eternal": {"total": 0, "round": 1, "last": 2}, "Add": [1, 2]},
    "aggregator": {"Tally": {"key": "k"}},
    "error_handling": {"Debit": 3, "Credit": 3},
    "versioning": {"OrderSafely": {"release": "1"}, "Reserve": "1", "Bill": "1"},
    "web": {},
    "queues": {},
    "timers": {},
}
JOB = {"image": "alpine:3.20", "command": ["true"], "id": "a-job"}
OUR_APP = {
    "JobOrchestrator": JOB,
    "WatchOrchestrator": {},
    "CreateContainerActivity": {"jobId": "a-job", "spec": JOB, "deadline": MOMENT},
    "CheckStatusActivity": {"jobId": "a-job", "group": "job-a-job"},
    "FetchLogsActivity": {"jobId": "a-job", "group": "job-a-job", "ended": True},
    "DeleteContainerActivity": {"jobId": "a-job", "group": "job-a-job"},
    "SendCallbackActivity": {"run": {"jobId": "a-job", "offer": 1, "execution": "x"}},
}
SETTINGS = {
    "IN_QUEUE": "in",
    "OUT_QUEUE": "out",
    "Store": "x",
    "DAILY": "0 0 4 * * *",
    "RELEASE": "1",
    "JobQueueName": "jobs",
}


class RpcStub(BaseHTTPRequestHandler):
    """Answers the Durable SDK as a hub without instances does."""

    def do_POST(self) -> None:
        """A start is accepted, under an id that is always the same."""
        self._answer(202, {"id": "an-instance"})

    def do_GET(self) -> None:
        """There is no such instance or entity."""
        self._answer(404, {})

    def _answer(self, status: int, content: Any) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@pytest.fixture(scope="module")
def client() -> Iterator[str]:
    """The durableClient binding of a hub that answers."""
    with ThreadingHTTPServer(("127.0.0.1", 0), RpcStub) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        names = (
            "statusQueryGetUri", "sendEventPostUri", "terminatePostUri", "rewindPostUri",
            "purgeHistoryDeleteUri", "restartPostUri", "suspendPostUri", "resumePostUri",
        )  # fmt: skip
        urls = {name: f"http://localhost/instances/INSTANCEID/{name}" for name in names}
        yield json.dumps(
            {
                "taskHubName": "hub",
                "connectionName": None,
                "creationUrls": {},
                "managementUrls": {"id": "INSTANCEID", **urls},
                "baseUrl": "http://localhost/runtime/webhooks/durabletask",
                "requiredQueryStringParameters": "",
                "rpcBaseUrl": f"http://127.0.0.1:{server.server_port}/durabletask/",
            }
        )
        server.shutdown()
        thread.join()


def orchestration(name: str, given: Any) -> dict[str, Any]:
    """A first episode."""
    text = json.dumps(given)
    base = {"IsPlayed": False, "Timestamp": MOMENT, "EventId": -1}
    started = {
        **base, "EventType": 0, "Name": name, "Version": "", "Input": json.dumps(text),
        "OrchestrationInstance": {"InstanceId": "an-instance", "ExecutionId": "e"},
        "ParentInstance": None, "Tags": None,
    }  # fmt: skip
    context = {
        "history": [{**base, "EventType": 12}, started],
        "input": text, "instanceId": "an-instance", "isReplaying": False, "parentInstanceId": None,
        "upperSchemaVersion": 1, "upperSchemaVersionNew": 3,
        "longRunningTimerIntervalDuration": "3.00:00:00",
        "maximumShortTimerDuration": "6.00:00:00",
        "defaultHttpAsyncRequestSleepTimeMillseconds": 30000,
    }  # fmt: skip
    return {"type": "string", "value": json.dumps(context)}


ENTITY = {
    "self": {"name": "counter", "key": "k"},
    "exists": True,
    "state": "5",
    "batch": [
        {"name": "add", "input": json.dumps("2"), "isSignal": True},
        {"name": "fail", "input": None, "isSignal": False},
    ],
}
HTTP = {
    "type": "http",
    "method": "POST",
    "url": "http://localhost:7071/api/x?s=0",
    "headers": {"content-type": "application/json", "x-mixed-case": "v"},
    "query": {"s": "0"},
    "params": {"name": "Chain", "id": "7", "key": "k", "path": "a/b"},
    "body": json.dumps(["1", "2"]),
}
TIMER = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": {"Next": MOMENT}, "IsPastDue": True}


def data_of(name: str, trigger: str, inputs: dict[str, Any]) -> dict[str, Any]:
    """What the trigger delivers."""
    given = inputs.get(name)
    kinds: dict[str, Callable[[], dict[str, Any]]] = {
        "orchestrationTrigger": lambda: orchestration(name, given),
        "activityTrigger": lambda: {"type": "string", "value": json.dumps(given)},
        "entityTrigger": lambda: {"type": "string", "value": json.dumps(ENTITY)},
        "httpTrigger": lambda: HTTP if given is None else {**HTTP, "body": json.dumps(given)},
        "queueTrigger": lambda: {"type": "string", "value": "a message"},
        "timerTrigger": lambda: {"type": "json", "value": json.dumps(TIMER)},
    }
    return kinds[trigger]()


def cases_of(app: Path, inputs: dict[str, Any], client: str) -> dict[str, Any]:
    """One case per enabled function of the app."""
    cases: dict[str, Any] = {}
    for path in sorted(app.glob("*/function.json")):
        config = json.loads(path.read_text())
        if config.get("disabled"):
            continue
        name, trigger = path.parent.name, config["bindings"][0]["type"]
        metadata = {
            "Id": ["string", "m1"],
            "DequeueCount": ["json", "1"],
            "InsertionTime": ["string", MOMENT],
        }
        cases[name] = {
            "data": data_of(name, trigger, inputs),
            "client": client,
            "metadata": metadata if trigger == "queueTrigger" else {},
        }
    assert cases
    return cases


def outcomes(which: str, app: Path, cases: dict[str, Any]) -> dict[str, Any]:
    environment = os.environ | {
        "PYTHONPATH": str(REPOSITORY / "local"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    ended = subprocess.run(
        [sys.executable, str(WORKER), which, str(app), json.dumps({**cases, "settings": SETTINGS})],
        env=environment, cwd=app, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return found


def without_times(outcome: Any) -> Any:
    """Leave out when an entity's operations ran and how long they took."""
    content = outcome.get("$return", {}).get("json")
    if not isinstance(content, str) or '"results"' not in content:
        return outcome
    state = json.loads(content)
    for result in state["results"]:
        result.pop("startTime", None)
        result.pop("duration", None)
    return state


@pytest.mark.parametrize("name", sorted(INPUTS))
def test_conformance_apps_do_the_same_under_both(name: str, client: str) -> None:
    """Every function loads in both, and returns or raises the same."""
    cases = cases_of(APPS / name, INPUTS[name], client)
    mine, reference = (outcomes(which, APPS / name, cases) for which in ("ours", "theirs"))
    assert set(mine) == set(reference) == set(cases)
    for function in cases:
        assert "not loaded" not in reference[function], reference[function]
        assert without_times(mine[function]) == without_times(reference[function]), function


def test_this_repositorys_app_does_the_same_under_both(client: str) -> None:
    """The app loads where it will be deployed."""
    inputs = OUR_APP | {"HttpStart": JOB}
    cases = cases_of(REPOSITORY, inputs, client)
    mine, reference = (outcomes(which, REPOSITORY, cases) for which in ("ours", "theirs"))
    assert set(mine) == set(reference) == set(cases)
    for function in cases:
        assert "not loaded" not in reference[function], reference[function]
        assert untimed(mine[function]) == untimed(reference[function]), function


def untimed(outcome: Any) -> Any:
    """Return the outcome with its body decoded, and without how long things took."""
    answer = outcome.get("$return") if isinstance(outcome, dict) else None
    if not isinstance(answer, dict) or not isinstance(answer.get("body"), str):
        return outcome
    body = base64.b64decode(answer["body"]).decode()
    timeless = re.sub(r'"seconds": [0-9.e-]+', '"seconds": 0', body)
    return outcome | {"$return": answer | {"body": timeless}}


REQUEST = {"name": "req", "type": "httpTrigger", "direction": "in"}
ANSWER = {"name": "$return", "type": "http", "direction": "out"}
RESPONSE = {"name": "res", "type": "http", "direction": "out"}
WORK = {"name": "work", "type": "activityTrigger", "direction": "in"}
CLIENT = {"name": "client", "type": "durableClient", "direction": "in"}
# Functions that the worker may refuse to load: bindings, and the code.
SIGNATURES: dict[str, tuple[list[dict[str, str]], str]] = {
    "Extra": ([REQUEST, ANSWER], "def main(req, extra): ..."),
    "Missing": ([REQUEST, ANSWER, CLIENT], "def main(req): ..."),
    "NotRequest": ([REQUEST, ANSWER], "def main(req: int): ..."),
    "OutAsIn": ([REQUEST, RESPONSE], "def main(req, res: str): ..."),
    "InAsOut": ([REQUEST, ANSWER], "import azure.functions as f\ndef main(req: f.Out[str]): ..."),
    "WrongOut": (
        [REQUEST, RESPONSE],
        "import azure.functions as f\ndef main(req, res: f.Out[int]): ...",
    ),
    "WrongReturn": ([REQUEST, ANSWER], "def main(req) -> int: ..."),
    "OutReturn": (
        [REQUEST, ANSWER],
        "import azure.functions as f\ndef main(req) -> f.Out[str]: ...",
    ),
    "ListReturn": ([REQUEST, ANSWER], "import typing\ndef main(req) -> typing.List[str]: ..."),
    "BadContext": ([REQUEST, ANSWER], "def main(req, context: int): ..."),
    "Union": ([WORK], "import typing\ndef main(work: typing.Optional[int]): ..."),
    "BarUnion": ([WORK], "def main(work: int | None): ..."),
    "BuiltinGeneric": ([WORK], "def main(work: dict[str, int]): ..."),
    "BuiltinOut": (
        [REQUEST, RESPONSE],
        "import azure.functions as f\ndef main(req, res: f.Out[list[str]]): ...",
    ),
    "Tuple": ([WORK], "import typing\ndef main(work: typing.Tuple[int, int]): ..."),
    "Function": ([WORK], "import typing\ndef main(work: typing.Callable[[], int]): ..."),
    "ClientNumber": ([REQUEST, ANSWER, CLIENT], "def main(req, client: int): ..."),
    "NoMain": ([REQUEST, ANSWER], "def other(req): ..."),
    # and some that it takes
    "Plain": ([WORK], "def main(work): return work"),
    "Typed": ([WORK], "import typing\ndef main(work: typing.Dict[str, int]): return 1"),
    "ContextToo": (
        [WORK],
        "import azure.functions as f\ndef main(work, context: f.Context): return 2",
    ),
    "BytesClient": ([WORK, CLIENT], "def main(work, client: bytes): return 3"),
    "Returns": ([WORK], "def main(work) -> dict: return {'a': 1}"),
    "Raises": ([WORK], "def main(work): raise KeyError('k')"),
    "NotJson": ([WORK], "def main(work): return {1, 2}"),
}


def test_the_same_functions_are_refused_in_the_same_words(tmp_path: Path, client: str) -> None:
    """Parameters, annotations and the entry point are judged alike."""
    (tmp_path / "host.json").write_text('{"version": "2.0"}')
    for name, (bindings, code) in SIGNATURES.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "function.json").write_text(json.dumps({"bindings": bindings}))
        (tmp_path / name / "__init__.py").write_text(code + "\n")
    cases = cases_of(tmp_path, {}, client)
    mine, reference = (outcomes(which, tmp_path, cases) for which in ("ours", "theirs"))
    for name in ("NoMain", "BadContext"):  # its words differ from the worker's for Python 3.12
        assert "not loaded" in mine.pop(name)
        assert "not loaded" in reference.pop(name)
    assert mine == reference
    assert sum("not loaded" in outcome for outcome in reference.values()) == 16
