"""Metrics and traces of the whole local stack, as an OTLP collector gets them."""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from otlp_collector import OtlpCollector
from stack.engine_stack import EngineOptions, EngineStack
from stack.http import send
from stack.local_stack import LocalStack, StackOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otlp_collector import SeenSpan

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "reference" / "metrics.md").read_text("utf-8")
SECRET = "hunter2-of-the-environment"
CALLER = "c" * 16
THROTTLED = {"kind": "respond", "status": 429, "code": "TooManyRequests", "retry_after_s": 1}


@dataclass(frozen=True, kw_only=True)
class Observed:
    """A running app that sends all it tells to a collector, a few times a second.

    Attributes:
        url: Where it answers.
        admin: Where the emulator's admin API answers.
        collector: The collector.
        tells_reads: Whether its Azure says how many reads are left: without limits it does not.
    """

    url: str
    admin: str
    collector: OtlpCollector
    tells_reads: bool = True

    def run(self, job_id: str, code: int, trace_id: str) -> None:
        """Run a job that exits with this code, for a caller with this trace, to its end."""
        spec = {
            "id": job_id,
            "image": "alpine:3.20",
            "command": ["/bin/sh", "-c", f"sleep 1; exit {code}"],
            "environment": {"PASSWORD": SECRET},
        }
        caller = {"traceparent": f"00-{trace_id}-{CALLER}-01"}
        started = send("POST", f"{self.url}/api/jobs", body=spec, headers=caller)
        assert started.status == 202, started.body
        self.collector.wait_for(lambda: _has_ended(self.collector.spans_of(trace_id)), within_s=90)


@pytest.fixture(scope="module", params=["host", "engine"])
def observed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Observed]:
    """The app on our own host; and on the Durable engine that the command ENGINE serves."""
    engine = os.environ.get("ENGINE")
    if request.param == "engine" and not engine:
        pytest.skip("no Durable engine is at hand: set ENGINE to a command that serves one")
    state = tmp_path_factory.mktemp("observed") / "state"
    with OtlpCollector() as collector, pytest.MonkeyPatch.context() as patch:
        patch.setenv("Telemetry", "otlp")
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        patch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "500")
        patch.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")
        if request.param == "engine":
            served = EngineOptions(app=ROOT, engine=str(engine), state=state, runtime="process")
            with EngineStack(served) as running:
                yield Observed(
                    url=running.base_url,
                    admin=running.admin,
                    collector=collector,
                    tells_reads=False,
                )
        else:
            local = StackOptions(app=ROOT, state=state, port=0, arm_port=0, runtime="process")
            with LocalStack(local) as stack:
                admin = stack.emulator_env["ACI_EMULATOR_ADMIN"]
                yield Observed(url=stack.base_url, admin=admin, collector=collector)


@pytest.fixture(scope="module")
def collector(observed: Observed) -> OtlpCollector:
    return observed.collector


@pytest.fixture(scope="module")
def jobs(observed: Observed) -> dict[str, list[SeenSpan]]:
    """A job that succeeded, one that failed, one whose create was throttled: the spans of each."""
    throttled = {"group": "job-late-*", "operation": "ContainerGroups_CreateOrUpdate", "times": 1}
    assert send("POST", f"{observed.admin}/faults", body=THROTTLED | throttled).status < 300
    traces = {name: secrets.token_hex(16) for name in ("good", "bad", "late")}
    for name, trace_id in traces.items():
        observed.run(name, 3 if name == "bad" else 0, trace_id)
    return {name: observed.collector.spans_of(trace_id) for name, trace_id in traces.items()}


def _has_ended(spans: list[SeenSpan]) -> bool:
    return {"acijobs.job", "acijobs.delete"} <= {span.name for span in spans}


def ended(collector: OtlpCollector) -> dict[str, float]:
    """Return how many jobs ended how, as was told last."""
    points = collector.points_of("acijobs.job.ended")
    return {point.attributes["cicd.pipeline.result"]: point.value for point in points}


def one(spans: list[SeenSpan], name: str) -> SeenSpan:
    [found] = [span for span in spans if span.name == name]
    return found


@pytest.mark.parametrize(("name", "result"), [("good", "success"), ("bad", "failure")])
def test_a_job_has_one_trace_from_the_post_to_the_requests_to_azure(
    jobs: dict[str, list[SeenSpan]], name: str, result: str
) -> None:
    """The caller's. Activities hang on the span of the submission, requests on their activity."""
    spans = jobs[name]
    start = one(spans, "acijobs.start")
    assert start.parent_id == CALLER
    names = {"acijobs.create", "acijobs.check", "acijobs.delete"}
    steps = [span for span in spans if span.name in names]
    assert {span.name for span in steps} == names
    assert {span.parent_id for span in steps} == {start.span_id}
    assert {span.attributes["acijobs.job.id"] for span in steps} == {name}
    requests = [span for span in spans if span.name.startswith("ARM ")]
    assert {"ARM create", "ARM read", "ARM logs", "ARM delete"} <= {span.name for span in requests}
    of_step = {span.span_id: span.name for span in steps}
    assert {span.parent_id for span in requests} <= set(of_step)
    assert of_step[one(spans, "ARM create").parent_id] == "acijobs.create"
    job = one(spans, "acijobs.job")
    assert job.parent_id == start.span_id
    assert job.attributes["cicd.pipeline.result"] == result
    assert job.attributes["cloud.platform"] == "azure.container_instances"
    assert job.failed is (result != "success")
    assert {"containerStarted", "containerFinished"} <= set(job.events)


def test_every_span_has_its_parent(jobs: dict[str, list[SeenSpan]]) -> None:
    """No span hangs in the air, but for the first, which hangs on the caller's."""
    for spans in jobs.values():
        ids = {span.span_id for span in spans} | {CALLER}
        assert [span for span in spans if span.parent_id not in ids] == []


def test_a_throttled_request_and_its_repetition_are_two_spans(
    jobs: dict[str, list[SeenSpan]], collector: OtlpCollector
) -> None:
    """The first failed with 429, and is counted; the second worked."""
    creates = [span for span in jobs["late"] if span.name == "ARM create"]
    statuses = [span.attributes["http.response.status_code"] for span in creates]
    assert sorted(statuses) == [201, 429]
    assert {span.attributes["http.response.status_code"] for span in creates if span.failed} == {
        429
    }
    collector.wait_for(
        lambda: any(
            point.attributes == {"acijobs.operation": "create"}
            for point in collector.points_of("acijobs.arm.throttled")
        )
    )


def test_metrics_are_those_of_the_page(
    observed: Observed, jobs: dict[str, list[SeenSpan]], collector: OtlpCollector
) -> None:
    """With its kinds, units and attributes; each job once."""
    assert send("POST", f"{observed.url}/admin/functions/Reconcile", body={}).status < 300
    # An export of all jobs may still be to come, as their spans go another way.
    collector.wait_for(lambda: ended(collector) == {"success": 2, "failure": 1})
    collector.wait_for(lambda: bool(collector.points_of("acijobs.group.alive")))
    collector.wait_for(lambda: bool(collector.points_of("acijobs.reconciler.round.duration")))
    collector.wait_for(lambda: collector.points_of("acijobs.job.wait.duration")[-1].count == 3)
    seen: dict[str, set[Any]] = {}
    for point in list(collector.points):
        about = (point.kind, point.unit, tuple(sorted(point.attributes)))
        seen.setdefault(point.name, set()).add(about)
    described = dict(rows_of_the_page())
    assert set(seen) <= set(described)
    for name, kinds in seen.items():
        assert kinds == {described[name]}, name
    expected = {"acijobs.job.accepted", "acijobs.job.ended", "acijobs.job.cost"}
    expected |= {"acijobs.job.wait.duration", "acijobs.job.run.duration", "acijobs.job.active"}
    expected |= {"acijobs.job.detection.duration", "acijobs.arm.request.duration"}
    assert expected | {"acijobs.attempt.ended"} <= set(seen)
    left = [point.value for point in collector.points_of("acijobs.arm.reads_remaining")]
    assert bool(left) == observed.tells_reads
    assert all(0 < one <= 250 for one in left)
    started = collector.points_of("acijobs.job.wait.duration")[-1]
    assert (started.count, started.value > 0) == (3, True)


def test_resource_tells_app_release_and_process(jobs: dict[str, list[SeenSpan]]) -> None:
    """So that two apps, two releases and two instances are told apart."""
    [resource] = {tuple(sorted(s.resource.items())) for spans in jobs.values() for s in spans}
    known = dict(resource)
    assert known["service.name"]
    assert known["service.version"]
    assert known["service.instance.id"]
    assert known["cloud.platform"] == "azure.functions"


def test_nothing_secret_is_sent(jobs: dict[str, list[SeenSpan]], collector: OtlpCollector) -> None:
    """No value of an environment, no URL, no key."""
    everything = b"".join(collector.bodies)
    assert jobs
    assert SECRET.encode() not in everything
    assert b"http://" not in everything
    assert b"https://" not in everything
    assert b"/by/" not in everything


def rows_of_the_page() -> Iterator[tuple[str, tuple[str, str, tuple[str, ...]]]]:
    """Give what the page says of each metric."""
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if line.startswith("| `acijobs.") and len(cells) == 7:
            attributes = tuple(sorted(re.findall(r"`([^`]+)`", cells[4])))
            yield cells[1].strip("`"), (cells[2], cells[3].strip("`"), attributes)
