"""OpenTelemetry behind the port: what is recorded, that it disturbs nothing, and that off means off."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
import threading
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from acijobs.domain.errors import InvalidSettingsError
from acijobs.domain.metrics import CATALOGUE, Kind
from acijobs.domain.tracing import Parents, PastSpan
from acijobs.health_checks import check_settings
from acijobs.log_lines import tell
from acijobs.settings.reading import read
from acijobs.settings.telemetry import TelemetrySettings
from acijobs.telemetry import process
from acijobs.telemetry.providers import Providers, new_providers
from acijobs.telemetry.recording import OpenTelemetry
from acijobs.usecases.telemetry import NO_TELEMETRY
from manual_clock import START

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
FUNCTIONS = sorted(path.parent.name for path in ROOT.glob("*/function.json"))
OTLP = {"Telemetry": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}
REQUIRED = {
    "AZURE_SUBSCRIPTION_ID": "00000000-0000-0000-0000-00000000000a",
    "ResourceGroupName": "rg",
    "Location": "eastus",
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
}
PARENT = f"00-{'a' * 32}-{'1' * 16}-00"
OTHER = f"00-{'b' * 32}-{'2' * 16}-01"


class Recorded:
    """Telemetry whose providers keep what they collect."""

    def __init__(self) -> None:
        self.reader = InMemoryMetricReader()
        self.exporter = InMemorySpanExporter()
        meters = MeterProvider([self.reader], shutdown_on_exit=False)
        tracers = TracerProvider(shutdown_on_exit=False)
        tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.providers = Providers(meters=meters, tracers=tracers)
        self.telemetry = OpenTelemetry(self.providers)

    @property
    def metrics(self) -> dict[str, Any]:
        """What was measured, by the metric's name."""
        data = self.reader.get_metrics_data()
        scopes = [] if data is None else data.resource_metrics[0].scope_metrics
        return {metric.name: metric for scope in scopes for metric in scope.metrics}

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        """The spans that have ended."""
        return self.exporter.get_finished_spans()


@pytest.fixture
def recorded() -> Iterator[Recorded]:
    made = Recorded()
    yield made
    made.providers.meters.shutdown()
    made.providers.tracers.shutdown()


def test_every_metric_of_the_catalogue_is_recorded_as_it_says(recorded: Recorded) -> None:
    """With its unit, its kind, its attributes and its buckets."""
    for metric in CATALOGUE:
        attributes = dict.fromkeys(metric.attributes, "x")
        recorded.telemetry.record(lambda m=metric, a=attributes: [m.of(2, a), m.of(3, a)])  # type: ignore[misc]
    found = recorded.metrics
    assert set(found) == {metric.name for metric in CATALOGUE}
    for metric in CATALOGUE:
        [point] = found[metric.name].data.data_points
        assert found[metric.name].unit == metric.unit
        assert set(point.attributes) == {name.value for name in metric.attributes}
        if metric.kind is Kind.HISTOGRAM:
            assert tuple(point.explicit_bounds) == metric.bounds
            assert (point.sum, point.count) == (5, 2)
        else:
            assert point.value == (5 if metric.kind is Kind.COUNTER else 3)


def test_a_span_hangs_on_its_parent_and_is_the_current_one_within() -> None:
    """Also where the parent is marked as not sampled, with the sampler that the app uses by default."""
    providers = new_providers(read(TelemetrySettings, {}))
    exporter = InMemorySpanExporter()
    providers.tracers.add_span_processor(SimpleSpanProcessor(exporter))
    telemetry = OpenTelemetry(providers)
    parents = Parents(job=PARENT, invocation=OTHER)
    with telemetry.span("outer", parents, attributes={"a": "b"}) as span:
        told = telemetry.trace_parent()
        span.note({"acijobs.reply": "created"})
        with telemetry.span("inner", is_request=True):
            pass
    assert telemetry.trace_parent() is None
    inner, outer = exporter.get_finished_spans()
    assert outer.parent is not None
    assert inner.parent is not None
    assert outer.context is not None
    assert told == f"00-{'a' * 32}-{outer.context.span_id:016x}-01"
    assert f"{outer.parent.span_id:016x}" == "1" * 16
    assert [f"{link.context.trace_id:032x}" for link in outer.links] == ["b" * 32]
    assert inner.parent.span_id == outer.context.span_id
    assert (outer.kind, inner.kind) == (SpanKind.INTERNAL, SpanKind.CLIENT)
    assert dict(outer.attributes or {}) == {"a": "b", "acijobs.reply": "created"}
    providers.tracers.shutdown()
    providers.meters.shutdown()


def test_what_raises_within_a_span_is_shown_by_its_kind_only(recorded: Recorded) -> None:
    """The text may hold a secret."""

    def fails() -> None:
        with recorded.telemetry.span("fails"):
            raise KeyError("password=hunter2")

    with pytest.raises(KeyError):
        fails()
    [span] = recorded.spans
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "KeyError")
    assert "hunter2" not in span.to_json()


def test_something_that_is_over_is_shown_with_its_own_times(recorded: Recorded) -> None:
    """And with what happened in it."""
    past = PastSpan(
        name="acijobs.job",
        started_at=START,
        ended_at=START,
        parents=Parents(job=OTHER),
        attributes={"acijobs.job.id": "j"},
        events={"containerStarted": START},
        failure="RunTimeout",
    )
    recorded.telemetry.add(lambda: past)
    [span] = recorded.spans
    assert span.start_time == span.end_time == int(START.timestamp()) * 10**9
    assert [event.name for event in span.events] == ["containerStarted"]
    assert span.parent is not None
    assert f"{span.parent.trace_id:032x}" == "b" * 32


def test_a_defect_disturbs_nothing_and_is_told_once(
    recorded: Recorded, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever is recorded wrongly: the job goes on, and the log is not flooded."""

    def defect() -> Any:
        raise ZeroDivisionError("a defect")

    with caplog.at_level(logging.WARNING, "acijobs"):
        for _ in range(3):
            recorded.telemetry.record(defect)
            recorded.telemetry.add(defect)
        with recorded.telemetry.span("odd", attributes={1: 2}):  # type: ignore[dict-item]
            pass
    lines = [json.loads(record.message) for record in caplog.records if record.name == "acijobs"]
    kinds = [line["message"].partition(":")[0] for line in lines if line["event"] == "notRecorded"]
    assert kinds[0] == "ZeroDivisionError"
    assert len(kinds) == len(set(kinds))


def test_a_line_that_is_told_within_a_span_has_its_ids(
    recorded: Recorded, caplog: pytest.LogCaptureFixture
) -> None:
    """So that a log leads to its trace, and only there."""
    with caplog.at_level(logging.INFO, "acijobs"):
        with recorded.telemetry.span("create"):
            tell("created", job="j")
        tell("closed", job="j")
    within, after = (json.loads(record.message) for record in caplog.records)
    [span] = recorded.spans
    assert span.context is not None
    assert within["traceId"] == f"{span.context.trace_id:032x}"
    assert within["spanId"] == f"{span.context.span_id:016x}"
    assert "traceId" not in after


def test_a_disabled_sdk_gives_lines_no_trace(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An operator may set OTEL_SDK_DISABLED; ids of zeros would lead nowhere."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    telemetry = OpenTelemetry(new_providers(read(TelemetrySettings, {})))
    with caplog.at_level(logging.INFO, "acijobs"), telemetry.span("create"):
        tell("created", job="j")
    assert json.loads(caplog.records[-1].message) == {"event": "created", "job": "j"}


def test_a_receiver_that_hangs_holds_one_thread_and_nothing_else(recorded: Recorded) -> None:
    """A flush gives up in time. What comes after it waits for the same thread, and is sent together."""
    answers, sent = threading.Event(), threading.Semaphore(0)
    flushes: list[None] = []

    class Hanging:
        def flush(self) -> None:
            flushes.append(None)
            sent.release()
            answers.wait(60)

    telemetry = OpenTelemetry(recorded.providers)
    telemetry._providers = Hanging()  # type: ignore[assignment]
    telemetry.flush(0)
    assert sent.acquire(timeout=60)  # it hangs now
    before = threading.active_count()
    for _ in range(5):
        telemetry.flush(0.01)
    assert threading.active_count() <= before
    assert len(flushes) == 1
    answers.set()
    telemetry.flush(60)
    assert 2 <= len(flushes) <= 3


AT_THE_END = """
import atexit, time
from acijobs.telemetry.sending import Sender
sender = Sender(lambda: (print("sending", flush=True), time.sleep(300)))
atexit.register(lambda: (sender.send(1), print("over", flush=True)))
"""


def test_the_end_of_the_process_does_not_wait_for_a_receiver_that_hangs() -> None:
    """Though no thread can be started any more then, by Python 3.12; what is there is sent."""
    ran = subprocess.run(
        [sys.executable, "-c", AT_THE_END],
        check=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert ran.stdout.split() == ["sending", "over"]


@pytest.mark.parametrize(
    ("given", "receivers"),
    [
        ({}, set()),
        ({"Telemetry": "off"}, set()),
        (OTLP, {"otlp"}),
        (OTLP | {"Telemetry": "OTLP, ApplicationInsights"}, {"otlp", "applicationinsights"}),
        (OTLP | {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, {"otlp"}),
        (
            {
                "Telemetry": "otlp",
                "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "https://m.example.com/v1/metrics",
                "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://t.example.com/v1/traces",
            },
            {"otlp"},
        ),
    ],
)
def test_the_setting_says_where_to(given: dict[str, str], receivers: set[str]) -> None:
    """In any letter case."""
    key = "InstrumentationKey=00000000-0000-0000-0000-000000000001"
    found = read(TelemetrySettings, given | {"APPLICATIONINSIGHTS_CONNECTION_STRING": key})
    assert found.receivers == receivers


@pytest.mark.parametrize("connection", ["", "IngestionEndpoint=https://x/", "InstrumentationKey=1"])
def test_what_application_insights_needs_is_asked_for(connection: str) -> None:
    """Where it is chosen; else nobody uses the connection string, and it may be anything."""
    given = {"APPLICATIONINSIGHTS_CONNECTION_STRING": connection}
    with pytest.raises(InvalidSettingsError, match="APPLICATIONINSIGHTS_CONNECTION_STRING is not"):
        read(TelemetrySettings, given | {"Telemetry": "applicationinsights"})
    assert read(TelemetrySettings, given | OTLP).receivers == {"otlp"}


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, ["ENDPOINT"]),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "otel.example.com:4318"}, ["ENDPOINT"]),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, ["PROTOCOL"]),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            ["ENDPOINT", "PROTOCOL"],
        ),
        (
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": "",
                "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://t.example.com",
            },
            ["ENDPOINT"],
        ),
    ],
)
def test_what_otlp_needs_is_asked_for(given: dict[str, str], wrong: list[str]) -> None:
    """OpenTelemetry's own default would send to this machine, and not a word of it; likewise grpc."""
    with pytest.raises(InvalidSettingsError) as raised:
        check_settings(REQUIRED | OTLP | given)
    named = re.findall(r"OTEL_EXPORTER_OTLP_(\w+) is not (\S+)", str(raised.value))
    right = {"ENDPOINT": "an", "PROTOCOL": "http/protobuf,"}
    assert named == [(name, right[name]) for name in wrong]
    check_settings(REQUIRED | OTLP | given | {"Telemetry": "off"})


@pytest.mark.parametrize("value", ["on", "off,otlp", ",", "otlp;applicationinsights"])
def test_a_wrong_choice_is_told_with_what_would_be_right(value: str) -> None:
    """A misspelt receiver must not be silence."""
    with pytest.raises(InvalidSettingsError, match=r"Telemetry is .* not off, or otlp"):
        read(TelemetrySettings, {"Telemetry": value})


def test_wrong_settings_turn_it_off_and_no_job_fails(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A job that runs must not end because somebody mistyped a receiver. The log says so, once."""
    monkeypatch.setattr(process, "_TOLD", set())
    wrong = {"Telemetry": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    with caplog.at_level(logging.WARNING, "acijobs"):
        for _ in range(3):
            assert process.made_telemetry(wrong) is NO_TELEMETRY
            assert process.telemetry_of_process(wrong, nullcontext()) is NO_TELEMETRY
        assert process.telemetry_of_process({"Telemetry": "off"}, nullcontext()) is NO_TELEMETRY
        assert process.telemetry_of_process({}, nullcontext()) is NO_TELEMETRY
    [line] = [json.loads(record.message) for record in caplog.records]
    assert line["event"] == "notRecorded"
    assert "telemetry is off" in line["message"]
    assert "OTEL_EXPORTER_OTLP_PROTOCOL is not http/protobuf" in line["message"]


def test_a_receiver_that_cannot_be_made_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Telemetry is off then, and the log says why."""
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "-1")
    monkeypatch.setattr(process, "_MADE", {})
    with caplog.at_level(logging.WARNING, "acijobs"):
        assert process.telemetry_of_process(OTLP, nullcontext()) is NO_TELEMETRY
    assert "telemetry is off" in caplog.text


def test_a_key_that_is_no_header_is_not_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """That something is wrong with the headers is."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "Authorization: Bearer hunter2")
    made = new_providers(read(TelemetrySettings, OTLP))
    made.meters.shutdown()
    made.tracers.shutdown()
    assert "Header format invalid" in caplog.text
    assert "hunter2" not in caplog.text


def test_one_process_has_one_telemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many threads ask for it at once."""
    made: list[object] = []
    monkeypatch.setattr(process, "_MADE", {})
    making = threading.RLock()

    def new(settings: TelemetrySettings) -> Providers:
        made.append(settings)
        time.sleep(0.05)
        return Providers(
            meters=MeterProvider(shutdown_on_exit=False),
            tracers=TracerProvider(shutdown_on_exit=False),
        )

    monkeypatch.setattr("acijobs.telemetry.providers.new_providers", new)
    found: list[object] = []
    ask = lambda: found.append(process.telemetry_of_process(OTLP, making))  # noqa: E731
    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert len({id(one) for one in found}) == 1


IMPORTS = """
import importlib, json, os, sys
sys.path.insert(0, os.getcwd())
import azure.durable_functions  # what it imports of OpenTelemetry is not ours to choose
before, found = set(sys.modules), {}
for name in sys.argv[1:]:
    importlib.import_module(name)
    loaded = set(sys.modules) - before
    found[name] = [n for n in loaded if n.split(".")[0] == "opentelemetry" or "monitor" in n]
from acijobs import wiring
from acijobs.domain.group import Scope
wiring.telemetry().record(lambda: 1 / 0)
for part in (wiring.outside, wiring.patient_outside, wiring.outside_for_readers):
    assert part().telemetry.trace_parent() is None
    part().groups(Scope(subscription_id="s", resource_group="g"))
found["at work"] = [n for n in set(sys.modules) - before if n.startswith("opentelemetry")]
print(json.dumps(found))
"""


def test_with_telemetry_off_nothing_of_it_is_imported() -> None:
    """But for what `azure.durable_functions` itself imports: the API, to hand on a traceparent."""
    off = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    settings = {"Telemetry": "off", "Location": "eastus", "AppName": "acijobs"}
    ran = subprocess.run(
        [sys.executable, "-c", IMPORTS, *FUNCTIONS],
        check=False,
        cwd=ROOT,
        env=off | settings,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == {key: [] for key in [*FUNCTIONS, "at work"]}
