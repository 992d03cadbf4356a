"""Microsoft's exporter to Application Insights, against a service that takes what it sends."""

from __future__ import annotations

import json
import logging
import ssl
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, Self

import pytest
import trustme

from acijobs.domain.metrics import (
    ARM_READS_REMAINING,
    ARM_REQUEST,
    ARM_THROTTLED,
    CALLBACK_DELIVERIES,
    GROUP_ALIVE,
    GROUP_ORPHANED,
    JOB_ACTIVE,
    JOB_COST,
    JOB_ENDED,
    JOB_OLDEST_PENDING,
    JOB_WAIT,
    ROUND,
    Attribute,
    Measurement,
)
from acijobs.domain.tracing import Parents
from acijobs.settings.reading import read
from acijobs.settings.telemetry import TelemetrySettings
from acijobs.telemetry.providers import new_providers
from acijobs.telemetry.recording import OpenTelemetry
from infra_queries import rules_of
from log_workspace import LogWorkspace
from loopback_server import LoopbackServer
from otlp_collector import body_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from acijobs.telemetry.providers import Providers

KEY = str(uuid.UUID(int=7))
PARENT = f"00-{'a' * 32}-{'1' * 16}-01"
ENDED = {
    Attribute.RESULT: "error",
    Attribute.PHASE: "Failed",
    Attribute.REASON: "NoCapacity",
    Attribute.FAULT: "platform",
}


class Ingestion:
    """The ingestion endpoint of a region, and the identity endpoint of a function app."""

    def __init__(self, authority: trustme.CA) -> None:
        self.items: list[dict[str, Any]] = []
        self.authorizations: set[str] = set()
        self.paths: set[str] = set()
        self.asked_for: list[str] = []
        ingestion = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                items = json.loads(body_of(self))
                ingestion.paths.add(self.path)
                ingestion.authorizations.add(self.headers.get("Authorization") or "")
                ingestion.items += items
                answer = {"itemsReceived": len(items), "itemsAccepted": len(items), "errors": []}
                self._answer(answer)

            def do_GET(self) -> None:
                ingestion.asked_for.append(self.path)
                token = {"access_token": "a-token", "token_type": "Bearer", "resource": "r"}
                self._answer(token | {"expires_on": str(int(time.time()) + 3600)})

            def _answer(self, answer: dict[str, Any]) -> None:
                body = json.dumps(answer).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = LoopbackServer(Handler)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.__exit__()

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        """Return what was sent of this kind, like `MetricData`."""
        return [item for item in self.items if item["data"]["baseType"] == kind]

    def metric(self, name: str) -> list[dict[str, Any]]:
        """Return the data of this metric, in the order in which it was sent."""
        found = [item["data"]["baseData"] for item in self.of_kind("MetricData")]
        return [data for data in found if data["metrics"][0]["name"] == name]


@pytest.fixture
def ingestion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ingestion]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    with Ingestion(authority) as running:
        yield running


@pytest.fixture
def providers(ingestion: Ingestion) -> Iterator[Providers]:
    made = new_providers(_settings(ingestion))
    yield made
    made.meters.shutdown()
    made.tracers.shutdown()


def _settings(ingestion: Ingestion) -> TelemetrySettings:
    connection = f"InstrumentationKey={KEY};IngestionEndpoint={ingestion.url}/"
    given = {"Telemetry": "applicationinsights", "AppName": "my-jobs"}
    return read(TelemetrySettings, given | {"APPLICATIONINSIGHTS_CONNECTION_STRING": connection})


def test_metrics_arrive_as_differences(ingestion: Ingestion, providers: Providers) -> None:
    """A counter's sum over any time is right only where each message tells what is new."""
    telemetry = OpenTelemetry(providers)
    for _ in range(2):
        telemetry.record(lambda: [JOB_ENDED.of(attributes=ENDED), JOB_ENDED.of(attributes=ENDED)])
        telemetry.record(lambda: [JOB_WAIT.of(3), JOB_WAIT.of(5)])
        providers.flush()
    told = ingestion.metric("acijobs.job.ended")
    assert [data["metrics"][0]["value"] for data in told] == [2, 2]
    assert told[0]["properties"] == {
        "cicd.pipeline.result": "error",
        "acijobs.phase": "Failed",
        "acijobs.reason": "NoCapacity",
        "acijobs.fault": "platform",
    } | {name: value for name, value in told[0]["properties"].items() if name.startswith("_")}
    wait = ingestion.metric("acijobs.job.wait.duration")[0]["metrics"][0]
    assert (wait["count"], wait["value"], wait["min"], wait["max"]) == (2, 8, 3, 5)


def test_spans_arrive_as_dependencies_of_the_operation(
    ingestion: Ingestion, providers: Providers
) -> None:
    """Of the app by its name; the host tells the requests, which would else count twice."""
    telemetry = OpenTelemetry(providers)
    job = {"acijobs.job.id": "render-42"}
    with telemetry.span("acijobs.create", Parents(job=PARENT), attributes=job):
        known = {"http.request.method": "PUT", "server.address": "management.azure.com"}
        with telemetry.span("ARM create", attributes=known, is_request=True) as span:
            span.note({"http.response.status_code": 429})
            span.fail("HTTP 429")
    providers.flush()
    assert ingestion.of_kind("RequestData") == []
    request, create = ingestion.of_kind("RemoteDependencyData")
    assert create["tags"]["ai.operation.id"] == "a" * 32
    assert create["tags"]["ai.operation.parentId"] == "1" * 16
    assert create["tags"]["ai.cloud.role"] == "my-jobs"
    assert create["data"]["baseData"]["properties"]["acijobs.job.id"] == "render-42"
    assert request["tags"]["ai.operation.parentId"] == create["data"]["baseData"]["id"]
    assert request["data"]["baseData"]["success"] is False
    assert request["data"]["baseData"]["resultCode"] == "429"


def test_nothing_but_the_telemetry_is_sent(
    ingestion: Ingestion, providers: Providers, caplog: pytest.LogCaptureFixture
) -> None:
    """The exporter's own statistics, and what it asks for as its configuration, are off.

    And it does not complain of that: each of its complaints would be an error of the app.
    """
    telemetry = OpenTelemetry(providers)
    telemetry.record(lambda: [JOB_WAIT.of(3)])
    with telemetry.span("acijobs.create"):
        pass
    providers.flush()
    assert [data["metrics"][0]["name"] for data in map(_data, ingestion.of_kind("MetricData"))] == [
        "acijobs.job.wait.duration"
    ]
    assert len(ingestion.items) == 2
    assert [record.message for record in caplog.records if record.levelno >= logging.ERROR] == []
    names = {thread.name for thread in threading.enumerate()}
    assert not [name for name in names if "config" in name.lower()]


def test_it_is_sent_as_the_apps_identity(
    ingestion: Ingestion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a token of the managed identity that the setting names, as the templates have it."""
    monkeypatch.setenv("APPLICATIONINSIGHTS_AUTHENTICATION_STRING", "ClientId=c1;Authorization=AAD")
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{ingestion.url}/token")
    monkeypatch.setenv("IDENTITY_HEADER", "h")
    providers = new_providers(_settings(ingestion))
    OpenTelemetry(providers).record(lambda: [JOB_WAIT.of(3)])
    providers.flush()
    providers.meters.shutdown()
    providers.tracers.shutdown()
    assert ingestion.authorizations == {"Bearer a-token"}
    assert "monitor.azure.com" in ingestion.asked_for[0]
    assert "c1" in ingestion.asked_for[0]
    assert ingestion.metric("acijobs.job.wait.duration")


def minute(*, jobs: int, troubles: int) -> list[Measurement]:
    """Return what is measured in a minute with so many jobs, and so many of each trouble."""
    read: dict[Attribute, str | int] = {Attribute.OPERATION: "read", Attribute.STATUS: 200}
    failed = {reason: _ended(*of) for reason, of in OF_TROUBLE.items()}
    return [
        ROUND.of(1.2, {Attribute.OUTCOME: "whole"}),
        GROUP_ALIVE.of(jobs + 15 * troubles, {Attribute.SCOPE: "s/jobs"}),
        GROUP_ALIVE.of(5 * troubles, {Attribute.SCOPE: "t/jobs"}),
        JOB_ACTIVE.of(jobs, {Attribute.STATE: "executing"}),
        JOB_OLDEST_PENDING.of(60 + 1800 * troubles),
        JOB_ENDED.of(jobs, _ended("success", "Succeeded", "none", "none")),
        JOB_COST.of(0.1 + 100 * troubles, {Attribute.RESULT: "success"}),
        ARM_READS_REMAINING.of(200 - 199 * troubles),
        CALLBACK_DELIVERIES.of(jobs, {Attribute.OUTCOME: "delivered"}),
        *[ARM_REQUEST.of(0.2, read) for _ in range(jobs)],
        *[ARM_THROTTLED.of(jobs, {Attribute.OPERATION: "read"}) for _ in range(troubles)],
        *[CALLBACK_DELIVERIES.of(99, {Attribute.OUTCOME: "failed"}) for _ in range(troubles)],
        *[GROUP_ORPHANED.of() for _ in range(troubles)],
        *[JOB_ENDED.of(9, one) for one in failed.values() for _ in range(troubles)],
    ]


OF_TROUBLE = {
    "ours": ("error", "Failed", "InternalError", "platform"),
    "Azure's": ("error", "Failed", "NoCapacity", "platform"),
    "the operator's": ("error", "Failed", "AccessDenied", "operator"),
}
OF_METRICS = {
    *("operator-failures", "app-failures", "platform-failures", "orphans", "groups-beyond-jobs"),
    *("queue-age", "throttling", "reads-low", "callbacks-failing", "cost"),
}
"""The alerts that metrics fire; others are fired by log lines, or by silence."""


def _ended(result: str, phase: str, reason: str, fault: str) -> dict[Attribute, str | int]:
    return {
        Attribute.RESULT: result,
        Attribute.PHASE: phase,
        Attribute.REASON: reason,
        Attribute.FAULT: fault,
    }


@pytest.mark.parametrize(("troubles", "alerts"), [(0, set()), (1, OF_METRICS)], ids=["no", "all"])
def test_what_is_sent_fires_the_alerts_that_it_should(
    ingestion: Ingestion, providers: Providers, troubles: int, alerts: set[str]
) -> None:
    """From the measurement, by the exporter, to the rules: none where all is well, else each."""
    OpenTelemetry(providers).record(lambda: minute(jobs=30, troubles=troubles))
    providers.flush()
    with LogWorkspace() as logs:
        for item in ingestion.of_kind("MetricData"):
            for minutes_ago in range(2, 30, 5):
                logs.took(item["data"]["baseData"], minutes_ago=minutes_ago)
        fired = {name for name, rule in rules_of("flex").items() if rule.fires(logs.value_of(rule))}
    assert fired == alerts


def _data(item: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = item["data"]["baseData"]
    return found
