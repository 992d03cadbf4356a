"""A process that sends to an OTLP endpoint: it loses nothing at its end, and waits for nobody."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from otlp_collector import OtlpCollector

ROOT = Path(__file__).parents[3]
SHORT_LIFE = """
import os, sys
sys.path.insert(0, os.getcwd())
from acijobs import wiring
from acijobs.domain.metrics import LOG_GAPS
telemetry = wiring.telemetry()
assert wiring.telemetry() is telemetry
telemetry.record(lambda: [LOG_GAPS.of(), LOG_GAPS.of()])
with telemetry.span("acijobs.create"):
    pass
"""


def live(endpoint: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a process that records something and ends at once."""
    chosen = {"Telemetry": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
    return subprocess.run(
        [sys.executable, "-c", SHORT_LIFE],
        check=False,
        cwd=ROOT,
        env=os.environ | chosen | settings,
        capture_output=True,
        text=True,
        timeout=100,
    )


def test_what_is_recorded_is_sent_when_the_process_ends() -> None:
    """A worker that is scaled in has told all it knows."""
    with OtlpCollector() as collector:
        ran = live(collector.url, AppName="my-jobs")
        assert (ran.returncode, ran.stderr) == (0, "")
        [span], [point] = collector.spans, collector.points
    assert (span.name, span.resource["service.name"]) == ("acijobs.create", "my-jobs")
    assert (point.name, point.value) == ("acijobs.log.gaps", 2)


def test_the_operators_own_names_count() -> None:
    """OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES are standard, and stand above the app's name."""
    more = "deployment.environment.name=test,service.version=of-the-team"
    with OtlpCollector() as collector:
        ran = live(
            collector.url,
            AppName="my-jobs",
            OTEL_SERVICE_NAME="batch",
            OTEL_RESOURCE_ATTRIBUTES=more,
        )
        assert (ran.returncode, ran.stderr) == (0, "")
        [span] = collector.spans
    known = span.resource
    assert (known["service.name"], known["service.version"]) == ("batch", "of-the-team")
    assert known["deployment.environment.name"] == "test"


def test_spans_are_kept_as_the_operators_sampler_says() -> None:
    """All of them without one; metrics are never sampled."""
    with OtlpCollector() as collector:
        ran = live(collector.url, OTEL_TRACES_SAMPLER="always_off")
        assert (ran.returncode, ran.stderr) == (0, "")
        assert (len(collector.spans), len(collector.points)) == (0, 1)


def test_an_endpoint_that_never_answers_does_not_keep_the_process() -> None:
    """It ends seconds later, and nothing of it waits for the connection."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(16)
        began = time.monotonic()
        endpoint = f"http://127.0.0.1:{listening.getsockname()[1]}"
        ran = live(endpoint, OTEL_EXPORTER_OTLP_TIMEOUT="90")
        assert ran.returncode == 0
        assert time.monotonic() - began < 60
