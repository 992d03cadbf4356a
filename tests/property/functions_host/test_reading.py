"""Whatever an app's files and a request's path say: an answer or the one documented error."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from functions_host.hostjson import read_host_json
from functions_host.http.route_table import FunctionRoute, RouteTable
from functions_host.http.routes import RouteTemplateError, parse_route
from functions_host.loader.metadata import FunctionMetadata, read_metadata
from functions_host.plan import route_of
from functions_host.problems import AppError, FunctionLoadError
from functions_host.settings import read_local_settings
from functions_host.triggers.queue_settings import queue_of
from functions_host.triggers.schedule import parse_schedule, timer_of

texts = st.text(max_size=12)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


def objects(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with any values under known and unknown names."""
    return st.dictionaries(st.sampled_from(names) | texts, values, max_size=6)


kinds = st.sampled_from(
    [
        "httpTrigger",
        "timerTrigger",
        "queueTrigger",
        "activityTrigger",
        "http",
        "queue",
        "durableClient",
    ]
)
bindings = st.builds(
    lambda known, more: more | known,
    st.fixed_dictionaries({"type": kinds | values, "name": st.sampled_from(["req", "x"]) | values}),
    objects(
        "direction",
        "route",
        "methods",
        "authLevel",
        "schedule",
        "queueName",
        "connection",
        "dataType",
    ),
)
function_files = st.builds(
    lambda known, more: more | known,
    st.fixed_dictionaries({"bindings": st.lists(bindings | values, max_size=3) | values}),
    objects("scriptFile", "entryPoint", "disabled"),
)


@settings(max_examples=300, deadline=None)
@given(content=function_files | values)
def test_any_function_json_is_read_or_refused(content: Any) -> None:
    """With what its trigger says."""
    with tempfile.TemporaryDirectory() as folder:
        function = Path(folder) / "Some"
        function.mkdir()
        (function / "function.json").write_text(json.dumps(content), "utf-8")
        refusal: FunctionLoadError | None = None
        try:
            read_trigger(read_metadata(function, {"AzureWebJobsStorage": "x"}))
        except FunctionLoadError as error:
            refusal = error
    assert refusal is None or (refusal.function == "Some" and refusal.reason.strip())
    assert refusal is None or len(refusal.reason.strip().splitlines()) == 1


def read_trigger(metadata: FunctionMetadata) -> None:
    """Read the trigger as the plan does."""
    kind = metadata.trigger.type
    if kind == "httpTrigger":
        route_of(metadata, "api")
    elif kind == "timerTrigger":
        timer_of(metadata.name, metadata.trigger)
    elif kind == "queueTrigger":
        queue_of(metadata.name, metadata.trigger, {"AzureWebJobsStorage": "x"})


host_files = st.builds(
    lambda more, extensions: more | {"version": "2.0", "extensions": extensions},
    objects("functionTimeout", "functions", "logging", "version"),
    st.fixed_dictionaries(
        {},
        optional={
            "http": objects("routePrefix", "customHeaders"),
            "queues": objects(
                "batchSize", "maxDequeueCount", "visibilityTimeout", "messageEncoding"
            ),
            "durableTask": objects(
                "hubName", "maxConcurrentActivityFunctions", "useGracefulShutdown"
            ),
        },
    )
    | values,
)


@settings(max_examples=300, deadline=None)
@given(content=host_files | values, override=st.dictionaries(texts, texts, max_size=2))
def test_any_host_json_is_read_or_refused(content: Any, override: dict[str, str]) -> None:
    """And so are overrides of it."""
    environment = {f"AzureFunctionsJobHost__{name}": value for name, value in override.items()}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "host.json").write_text(json.dumps(content), "utf-8")
        refusal = ""
        try:
            config = read_host_json(Path(folder), environment)
            assert 1 <= config.queues.batch_size <= 32
        except AppError as error:
            refusal = str(error)
    assert not refusal or "host.json" in refusal


@settings(max_examples=200, deadline=None)
@given(content=objects("Values", "Host", "IsEncrypted") | values)
def test_any_local_settings_are_read_or_refused(content: Any) -> None:
    """Values are texts then."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "local.settings.json").write_text(json.dumps(content), "utf-8")
        refusal = ""
        try:
            found = read_local_settings(Path(folder))
            assert all(isinstance(value, str) for value in found.values.values())
        except AppError as error:
            refusal = str(error)
    assert not refusal or "local.settings.json" in refusal


route_letters = st.text(alphabet="ab/{}*?:=.()[]^$\\1,~ int", max_size=24)


@settings(max_examples=500, deadline=None)
@given(template=route_letters, path=st.text(alphabet="ab/.1%2F ", max_size=12))
def test_any_template_is_a_route_or_refused(template: str, path: str) -> None:
    """And a route takes or leaves any path."""
    try:
        route = parse_route(template, prefix="api")
    except RouteTemplateError:
        return
    table = RouteTable([FunctionRoute(function="f", route=route, methods=frozenset())])
    for candidate in (f"/api/{path}", f"/{path}"):
        found = table.find("GET", candidate)
        assert found is None or found[0].function == "f"


@settings(max_examples=300, deadline=None)
@given(text=st.text(alphabet="0123456789*/,-: .LW#?JANMONSUN", max_size=20))
def test_any_schedule_is_one_or_refused(text: str) -> None:
    """A schedule then has a next time."""
    from datetime import UTC, datetime

    try:
        schedule = parse_schedule(text)
    except ValueError:
        return
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    assert schedule.next_after(moment) > moment
