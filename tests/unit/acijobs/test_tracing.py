"""A job has one trace: what a span hangs on, and what is shown of a job that is over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from acijobs.domain import measuring
from acijobs.domain.codec import encode
from acijobs.domain.messages import CreateRequest, DeleteRequest, JobInput
from acijobs.domain.outcome import Outcome
from acijobs.domain.reasons import Reason
from acijobs.domain.row import Row
from acijobs.domain.tracing import Parents, is_trace_parent
from acijobs.usecases.answering import answer
from acijobs.usecases.create_group import create_group
from acijobs.usecases.finish_job import finish_job
from acijobs.usecases.telemetry import Invocation
from acijobs_interleaving import RUN, accept, let_pass
from acijobs_world import World
from scripted_azure import denied

JOB = f"00-{'a' * 32}-{'1' * 16}-01"
IN_JOBS_TRACE = f"00-{'a' * 32}-{'2' * 16}-00"
ELSEWHERE = f"00-{'b' * 32}-{'3' * 16}-01"


@pytest.mark.parametrize(
    ("job", "invocation", "chosen", "linked"),
    [
        ("", "", "", ""),
        (JOB, "", JOB, ""),
        ("", ELSEWHERE, ELSEWHERE, ""),
        (JOB, IN_JOBS_TRACE, IN_JOBS_TRACE, ""),
        (JOB, ELSEWHERE, JOB, ELSEWHERE),
        (JOB, "no trace at all", JOB, ""),
        ("no trace at all", ELSEWHERE, ELSEWHERE, ""),
    ],
    ids=["none", "job", "invocation", "both", "taken over", "bad invocation", "bad job"],
)
def test_the_jobs_trace_wins_and_another_is_linked(
    job: str, invocation: str, chosen: str, linked: str
) -> None:
    """The invocation's span is the nearer parent, as long as it is in the job's trace."""
    parents = Parents(job=job, invocation=invocation)
    assert (parents.chosen, parents.linked) == (chosen, linked)


@pytest.mark.parametrize(
    "text",
    [
        *("", "00", JOB.upper(), JOB + "-", JOB[:-1], JOB.replace("a" * 32, "0" * 32)),
        *(f"01{JOB[2:]}", JOB.replace("1" * 16, "0" * 16), f"{JOB}\n", None, 7, "x" * 100_000),
    ],
)
def test_what_is_no_trace_parent_is_none(text: Any) -> None:
    """Callers, and whoever starts an orchestration past the API, may send anything."""
    assert not is_trace_parent(text)


def test_an_activity_is_shown_in_the_trace_of_its_job() -> None:
    """With the job's id and what was answered; its request says where it hangs."""
    world = World()
    accept(world)
    invocation = Invocation(telemetry=world.telemetry, trace_parent=ELSEWHERE)
    request = encode(CreateRequest(run=RUN, trace_parent=JOB))
    answer(CreateRequest, request, lambda asked: create_group(world, asked), invocation)
    [span] = world.telemetry.spans
    assert (span.name, span.parents.chosen, span.parents.linked) == (
        "acijobs.create",
        JOB,
        ELSEWHERE,
    )
    assert span.attributes == {"acijobs.job.id": "j", "acijobs.reply": "created"}
    assert span.failure == ""


def test_a_refused_activity_is_shown_as_failed_by_its_code_only() -> None:
    """The message may hold anything; the log has it, cleaned."""
    world = World()
    accept(world)
    world.azure.troubles["create"] = [denied()]
    invocation = Invocation(telemetry=world.telemetry)
    request = encode(CreateRequest(run=RUN))
    answer(CreateRequest, request, lambda asked: create_group(world, asked), invocation)
    [span] = world.telemetry.spans
    assert span.failure == "AuthorizationFailed"
    assert "no right" not in str(span)


def test_a_job_that_was_closed_is_shown_as_one_span() -> None:
    """From its submission to its close, with what happened in between."""
    world = World()
    accept(world)
    create_group(world, CreateRequest(run=RUN))
    let_pass(world, 26)
    outcome = Outcome.failed(Reason.EXIT_CODE, "a secret in a message", exit_code=3, has_ended=True)
    at = world.clock.current - timedelta(seconds=5)
    times = {"containerStarted": at, "containerFinished": at}
    finish_job(world, DeleteRequest(run=RUN, outcome=outcome, times=times))
    [past] = world.telemetry.past
    row = world.memory_rows.now_of("j")
    assert (past.name, past.started_at, past.ended_at) == (
        "acijobs.job",
        row.accepted_at,
        row.closed_at,
    )
    assert past.attributes["cloud.platform"] == "azure.container_instances"
    assert past.attributes["cicd.pipeline.result"] == "failure"
    assert set(past.events) == {"groupCreated", "containerStarted", "containerFinished"}
    assert past.failure == "NonZeroExitCode"
    assert "secret" not in str(past)


@pytest.mark.parametrize(
    ("outcome", "is_failed"),
    [
        (Outcome.succeeded(), False),
        (Outcome.cancelled("why"), False),
        (Outcome.timed_out(Reason.RUN_TIMEOUT, "too long"), True),
    ],
    ids=lambda value: getattr(value, "phase", ""),
)
def test_a_cancelled_job_is_no_error(outcome: Outcome, is_failed: bool) -> None:  # noqa: FBT001
    """Somebody wanted that."""
    past = measuring.span_of(Row(job_id="j", outcome=outcome))
    assert bool(past.failure) is is_failed


def test_without_telemetry_nothing_of_a_trace_is_stored_or_sent() -> None:
    """What is stored and sent is what it was before there was telemetry."""
    for value in (Row(job_id="j"), JobInput(id="j", offer=1), CreateRequest(run=RUN)):
        assert "traceParent" not in encode(value)
