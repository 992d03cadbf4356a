"""Small apps of one property each."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from functions_host_process import DURABLE, HostProcess

if TYPE_CHECKING:
    from pathlib import Path

HTTP = {"name": "req", "type": "httpTrigger", "authLevel": "anonymous"}
RETURN = {"name": "$return", "type": "http", "direction": "out"}


def write_app(
    folder: Path, content: dict[str, tuple[list[dict[str, Any]], str]], **host: Any
) -> Path:
    folder.mkdir()
    (folder / "host.json").write_text(json.dumps({"version": "2.0", **host}))
    for name, (bindings, code) in content.items():
        (folder / name).mkdir()
        (folder / name / "function.json").write_text(json.dumps({"bindings": bindings}))
        (folder / name / "__init__.py").write_text(code)
    return folder


def test_host_json_can_choose_functions(tmp_path: Path) -> None:
    """Others are not even imported."""
    functions = {
        "Wanted": ([HTTP, RETURN], "def main(req): return 'here'\n"),
        "Other": ([HTTP, RETURN], "raise RuntimeError\n"),
    }
    app = write_app(tmp_path / "app", functions, functions=["Wanted"])
    with HostProcess(app, tmp_path / "state") as host:
        assert host.get("/api/Wanted").text == "here"
        assert host.get("/api/Other").status == 404
        assert "Other" not in host.log


def test_an_empty_route_prefix_puts_functions_at_the_root(tmp_path: Path) -> None:
    """The host's own paths stay its own."""
    functions = {
        "Page": ([{**HTTP, "route": "{*path}"}, RETURN], "def main(req): return req.method\n"),
        "Greedy": ([{**HTTP, "route": "admin/x"}, RETURN], "def main(req): return ''\n"),
    }
    app = write_app(tmp_path / "app", functions, extensions={"http": {"routePrefix": ""}})
    with HostProcess(app, tmp_path / "state") as host:
        assert host.get("/anything/at/all").text == "GET"
        assert host.request("PATCH", "/x").text == "PATCH"
        assert host.get("/admin/host/status").json()["state"] == "Running"
        assert "Greedy is not loaded" in host.log


def test_packages_beside_the_app_are_importable(tmp_path: Path) -> None:
    """Where a deployment puts them."""
    app = write_app(
        tmp_path / "app",
        {"Uses": ([HTTP, RETURN], "import only_here\ndef main(req): return only_here.NAME\n")},
    )
    packages = app / ".python_packages" / "lib" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "only_here.py").write_text("NAME = 'from the package'\n")
    with HostProcess(app, tmp_path / "state") as host:
        assert host.get("/api/Uses").text == "from the package"


def test_an_app_without_functions_is_served(tmp_path: Path) -> None:
    """There is nothing to find in it."""
    with HostProcess(write_app(tmp_path / "app", {}), tmp_path / "state") as host:
        assert host.get("/admin/functions").json() == []
        assert host.get("/").status == 200
        assert host.stop() == 0


def test_what_an_activity_prints_and_logs_is_shown(tmp_path: Path) -> None:
    """Log records with the function's name before them."""
    code = "import logging\ndef main(req):\n    print('printed')\n    logging.warning('logged')\n"
    code += "    return ''\n"
    app = write_app(tmp_path / "app", {"Says": ([HTTP, RETURN], code)})
    with HostProcess(app, tmp_path / "state", settings={"PYTHONUNBUFFERED": "1"}) as host:
        assert host.get("/api/Says").status == 200
        host.wait_for_line(r"(?m)^printed$")
        host.wait_for_line("Says logged")


ACTIVITY = {"name": "given", "type": "activityTrigger", "direction": "in"}
ORCHESTRATOR = {"name": "context", "type": "orchestrationTrigger", "direction": "in"}
TELLS = "def main({}, context): return context.trace_context.trace_parent\n"
CALLS = """import azure.durable_functions as df
def run(context):
    told = yield context.call_activity("Tells", "x")
    if not context.get_input():
        told = [told, (yield context.call_sub_orchestrator("Calls", "child"))]
    return told
main = df.Orchestrator.create(run)
"""
CALLER = f"00-{'a' * 32}-{'b' * 16}-01"


def traced_app(folder: Path) -> Path:
    return write_app(
        folder,
        {
            "Page": ([HTTP, RETURN], TELLS.format("req")),
            "Tells": ([ACTIVITY], TELLS.format("given")),
            "Calls": ([ORCHESTRATOR], CALLS),
        },
    )


def test_a_functions_context_has_the_callers_trace_or_a_new_one(tmp_path: Path) -> None:
    """What is no `traceparent` is taken for none."""
    with HostProcess(traced_app(tmp_path / "app"), tmp_path / "state") as host:
        assert host.get("/api/Page", {"traceparent": CALLER}).text == CALLER
        others = [
            host.get("/api/Page", {"traceparent": told}).text for told in ("", "x", CALLER[1:])
        ]
        assert all(re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-00", told) for told in others)
        assert len({*others, CALLER}) == 4


def test_an_activitys_context_has_the_trace_that_started_its_orchestration(tmp_path: Path) -> None:
    """And so has one of its children's; after a crash of the host, too."""
    app, state = traced_app(tmp_path / "app"), tmp_path / "state"
    settings = {"FUNCTIONS_HOST_CRASH_AT": "activity.started"}
    path = f"{DURABLE}/orchestrators/Calls/traced"
    with HostProcess(app, state, settings=settings) as host:
        assert host.request("POST", path, headers={"traceparent": CALLER}).status == 202
        host.wait_ended()
    with HostProcess(app, state) as host:
        assert host.wait_end("traced")["output"] == [CALLER, CALLER]
