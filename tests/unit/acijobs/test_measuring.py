"""What is measured: each job once, by whoever decided it, and nothing where nothing was decided."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from acijobs.domain import measuring, metrics
from acijobs.domain.callback.state import Delivery
from acijobs.domain.errors import UnreadableRowError
from acijobs.domain.messages import CallbackRequest, CheckRequest, CreateRequest, DeleteRequest
from acijobs.domain.metrics import CATALOGUE, VALUES, Attribute, Kind
from acijobs.domain.outcome import Outcome
from acijobs.domain.reasons import TAXONOMY, Fault, Reason
from acijobs.gauging import MOST_READS, Seen, gauged, oldest_pending_s
from acijobs.logs.window import LOST_MARK
from acijobs.queued_jobs import start_queued_job
from acijobs.settings.jobs import DefaultJobSettings
from acijobs.sweeping import sweep
from acijobs.usecases.check_status import check_status
from acijobs.usecases.create_group import create_group
from acijobs.usecases.finish_job import End, end_job, finish_job
from acijobs.usecases.send_callback import send_callback
from acijobs_interleaving import RUN, accept, at_call, let_pass
from acijobs_world import SCOPE, World
from job_calls import Calls

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from acijobs.domain.messages import Reply
    from acijobs.domain.row import Row

SUCCESS = {
    "cicd.pipeline.result": "success",
    "acijobs.phase": "Succeeded",
    "acijobs.reason": "none",
    "acijobs.fault": "none",
}
NO_GROUPS: Mapping[str, tuple[str, ...]] = {SCOPE.path: ()}


def ended_world(**spec: Any) -> World:
    """Return a world in which the job's container has just ended."""
    world = World()
    accept(world, **spec)
    create_group(world, CreateRequest(run=RUN))
    let_pass(world, 26)
    return world


def finish(world: World, outcome: Outcome, **asked: Any) -> Reply:
    return finish_job(world, DeleteRequest(run=RUN, outcome=outcome, **asked))


def row_of(world: World) -> Row:
    return world.memory_rows.now_of("j")


def test_a_job_that_succeeded_is_counted_with_its_times_and_its_cost() -> None:
    """In one go, when its row is closed; a step that is delivered again adds nothing."""
    world = ended_world()
    seen = check_status(world, CheckRequest(run=RUN))
    times = getattr(seen, "times", {})
    finish(world, Outcome.succeeded(), times=times)
    finish(world, Outcome.succeeded(), times=times)
    told, row = world.telemetry, row_of(world)
    assert told.attributes(metrics.JOB_ENDED) == [SUCCESS]
    assert told.attributes(metrics.ATTEMPT_ENDED) == [
        {
            name: SUCCESS[name]
            for name in ("acijobs.reason", "acijobs.fault", "cicd.pipeline.result")
        }
    ]
    started, finished = row.times["containerStarted"], row.times["containerFinished"]
    assert told.values(metrics.JOB_WAIT) == [(started - row.accepted_at).total_seconds()]
    assert told.values(metrics.JOB_RUN) == [(finished - started).total_seconds()]
    assert row.closed_at is not None
    assert told.values(metrics.JOB_DETECTION) == [(row.closed_at - finished).total_seconds()]
    assert told.values(metrics.JOB_COST) == [pytest.approx(row.billed_s * row.terms.usd_per_second)]


def test_of_two_who_end_a_job_only_the_winner_counts_it() -> None:
    """Who comes too late adopts the outcome, and tells nothing."""
    world = ended_world()

    def elsewhere() -> None:
        stored = world.memory_rows.read("j")
        assert stored is not None
        end_job(world, stored, End(outcome=Outcome.timed_out(Reason.RUN_TIMEOUT, "late")))

    at_call(world, "rows.swap:1", elsewhere)
    finish(world, Outcome.succeeded())
    assert world.telemetry.attributes(metrics.JOB_ENDED) == [
        {
            "cicd.pipeline.result": "timeout",
            "acijobs.phase": "TimedOut",
            "acijobs.reason": "RunTimeout",
            "acijobs.fault": "job",
        }
    ]


def test_a_job_that_never_ran_has_no_times() -> None:
    """A wait without an end is none: it would look like a short one."""
    world = World()
    accept(world)
    finish_cancelled = End(outcome=Outcome.cancelled())
    stored = world.memory_rows.read("j")
    assert stored is not None
    end_job(world, stored, finish_cancelled)
    told = world.telemetry
    assert len(told.values(metrics.JOB_ENDED)) == 1
    assert told.values(metrics.JOB_COST) == [0.0]
    for metric in (metrics.JOB_WAIT, metrics.JOB_RUN, metrics.JOB_DETECTION):
        assert told.values(metric) == []


def test_each_attempt_is_counted_and_the_job_once() -> None:
    """The first attempt when the next one is decided, the last one with its job."""
    world = ended_world(retry={"attempts": 2})
    failed = Outcome.failed(Reason.EXIT_CODE, "it exited with 3", exit_code=3, has_ended=True)
    finish(world, failed)
    assert world.telemetry.values(metrics.JOB_ENDED) == []
    attempt = {
        "acijobs.reason": "NonZeroExitCode",
        "acijobs.fault": "job",
        "cicd.pipeline.result": "failure",
    }
    assert world.telemetry.attributes(metrics.ATTEMPT_ENDED) == [attempt]
    let_pass(world, 600)
    create_group(world, CreateRequest(run=RUN))
    finish(world, failed, attempt=2)
    assert world.telemetry.attributes(metrics.ATTEMPT_ENDED) == [attempt, attempt]
    assert world.telemetry.attributes(metrics.JOB_ENDED) == [attempt | {"acijobs.phase": "Failed"}]


@pytest.mark.parametrize("reason", Reason)
def test_a_failure_is_the_jobs_own_fault_and_an_error_is_not(reason: Reason) -> None:
    """So that an alert on errors wakes nobody for a user's typing mistake."""
    outcome = Outcome.failed(reason, "because")
    expected = "failure" if TAXONOMY[reason].fault is Fault.JOB else "error"
    assert measuring.result_of(outcome) == expected
    assert measuring.result_of(Outcome.timed_out(reason, "too long")) == "timeout"


def test_a_reason_of_another_release_makes_no_series_of_its_own() -> None:
    """Values of attributes are bounded by this release's taxonomy."""
    odd = replace(Outcome.failed(Reason.EXIT_CODE, "x"), reason="OfTomorrow")
    assert measuring.reason_of(odd) == Reason.INTERNAL.value


async def test_a_job_is_accepted_once_however_often_it_is_posted() -> None:
    """With the way it came; a rerun is told apart."""
    api = Calls()
    job = {"id": "j", "image": "alpine:3.20"}
    await api.post(job)
    await api.post(job)
    api.close("j")
    await api.rerun("j")
    told = api.world.telemetry.attributes(metrics.JOB_ACCEPTED)
    assert told == [{"acijobs.source": "http"}, {"acijobs.source": "rerun"}]


async def test_a_job_of_the_queue_is_counted_as_one() -> None:
    """Once, however often its message is delivered."""
    api, body = Calls(), b'{"image": "alpine:3.20"}'
    for _ in range(2):
        await start_queued_job(body, "m1", api.instances, api.world, DefaultJobSettings)  # type: ignore[arg-type]
    assert api.world.telemetry.attributes(metrics.JOB_ACCEPTED) == [{"acijobs.source": "queue"}]


async def test_the_submissions_span_is_kept_with_the_job() -> None:
    """Of the first POST: a repeated one begins no other trace."""
    api = Calls()
    first, second = (f"00-{digit * 32}-{digit * 16}-01" for digit in "12")
    api.world.telemetry.current = first
    await api.post({"id": "j", "image": "alpine:3.20"})
    api.world.telemetry.current = second
    await api.post({"id": "j", "image": "alpine:3.20"})
    assert api.row("j").trace_parent == first


def test_a_lost_line_is_counted_where_its_mark_is_written() -> None:
    """Once for each mark, and not again by the fetches that follow."""
    world = ended_world()
    world.memory_logs.logs.clear()
    group = row_of(world).group
    assert group is not None
    world.memory_logs.logs[f"{group.log_key}/job"] = b"2025-01-01T00:00:00+00:00 an older line\n"
    finish(world, Outcome.succeeded())
    [log] = world.memory_logs.logs.values()
    assert LOST_MARK.encode() in log
    assert world.telemetry.values(metrics.LOG_GAPS) == [1]


@pytest.mark.parametrize(
    ("delivery", "outcome"),
    [
        (Delivery(status=200), "delivered"),
        (Delivery(status=500), "failed"),
        (Delivery(trouble="no route"), "failed"),
        (Delivery(was_made=False), "postponed"),
    ],
)
def test_each_try_of_a_callback_is_counted(delivery: Delivery, outcome: str) -> None:
    """By what came of it."""
    world = ended_world(callback={"url": "https://example.com/hook"})
    finish(world, Outcome.succeeded())
    world.scripted_callbacks.answers.append(delivery)
    send_callback(world, CallbackRequest(run=RUN))
    told = world.telemetry.attributes(metrics.CALLBACK_DELIVERIES)
    assert told == [{"acijobs.outcome": outcome}]


def test_a_group_without_a_reason_to_live_is_counted() -> None:
    """And what is left are the groups that have one."""
    world = ended_world()
    mine = dict(world.azure.tags[row_of(world).group.name])  # type: ignore[union-attr]
    world.azure.alive["stray"] = world.clock.now()
    world.azure.tags["stray"] = mine | {"acijobs-job": "nobody"}
    swept = sweep(world, unsettled={"j"}, nonces={})
    assert (swept.deleted, swept.left) == (1, {SCOPE.path: ("j",)})
    assert world.telemetry.values(metrics.GROUP_ORPHANED) == [1]


def test_a_group_that_its_job_deleted_during_the_sweep_is_no_orphan() -> None:
    """The job is younger than the round, and was over before its row was read: nothing went wrong."""
    world = ended_world()

    def ends() -> None:
        del world.memory_rows.before["read"]
        finish(world, Outcome.succeeded())

    world.memory_rows.before["read"] = ends
    swept = sweep(world, unsettled=set(), nonces={})
    assert (swept.deleted, swept.left) == (0, {SCOPE.path: ()})
    assert len(world.azure.deleted) == 1
    assert world.telemetry.values(metrics.GROUP_ORPHANED) == []


def test_a_group_that_takes_minutes_to_delete_is_one_orphan() -> None:
    """However many sweeps find it: it is deleted once, and there until it is gone."""
    world = ended_world()
    mine = dict(world.azure.tags[row_of(world).group.name])  # type: ignore[union-attr]
    world.azure.alive["stray"] = world.clock.now()
    world.azure.tags["stray"] = mine | {"acijobs-job": "nobody"}
    world.azure.delete_takes = 2
    swept = [sweep(world, unsettled={"j"}, nonces={}) for _ in range(4)]
    assert [one.deleted for one in swept] == [1, 0, 0, 0]
    assert [len(one.left[SCOPE.path]) for one in swept] == [1, 2, 2, 1]
    assert world.azure.deleted == ["stray"]
    assert world.telemetry.values(metrics.GROUP_ORPHANED) == [1]


def gauges(
    world: World,
    *jobs: str,
    looked_at: bool = True,
    groups: Mapping[str, tuple[str, ...]] = NO_GROUPS,
    knows_all: bool = True,
) -> Any:
    """Return what is gauged of these jobs: states, groups by scope, the oldest one's age."""
    rows = {job: world.memory_rows.now_of(job) for job in jobs}
    seen = Seen(
        unsettled={job: row.accepted_at for job, row in rows.items()},
        looked_at=rows if looked_at else {},
        groups=groups,
        knows_all=knows_all,
        now=world.clock.current,
    )
    told = list(gauged(seen, oldest_pending_s(world, seen)))
    states = {
        str(one.attributes[Attribute.STATE]): one.value
        for one in told
        if one.metric is metrics.JOB_ACTIVE
    }
    alive = {
        str(one.attributes[Attribute.SCOPE]): one.value
        for one in told
        if one.metric is metrics.GROUP_ALIVE
    }
    oldest = next(one.value for one in told if one.metric is metrics.JOB_OLDEST_PENDING)
    return states, alive, oldest


def seen_of(world: World, unsettled: Mapping[str, datetime | None], *looked_at: str) -> Seen:
    """Return what a round has seen that found no groups."""
    rows = {job: world.memory_rows.now_of(job) for job in looked_at}
    return Seen(unsettled=unsettled, looked_at=rows, groups=NO_GROUPS, now=world.clock.current)


def test_jobs_are_gauged_by_what_their_rows_say() -> None:
    """Every state is told, also one that no job is in: a gauge that is not told keeps its value."""
    world = World()
    accept(world)
    let_pass(world, 90)
    none = {"pending": 0, "executing": 0, "finalizing": 0, "unknown": 0}
    waiting = none | {"pending": 1}
    assert gauges(world, "j") == (waiting, {SCOPE.path: 0}, pytest.approx(90, abs=1))
    create_group(world, CreateRequest(run=RUN))
    running = gauges(world, "j", groups={SCOPE.path: ("j",), "v/rg": ()})
    assert running == (none | {"executing": 1}, {SCOPE.path: 1, "v/rg": 0}, 0)
    let_pass(world, 26)
    world.azure.delete_takes = 5
    finish(world, Outcome.succeeded())
    assert gauges(world, "j") == (none | {"finalizing": 1}, {SCOPE.path: 0}, 0)


def test_a_job_whose_group_may_be_in_a_scope_that_was_not_listed_is_in_no_wrong_state() -> None:
    """It was not looked at. The oldest one is found by its row."""
    world = World()
    accept(world)
    let_pass(world, 90)
    hidden = gauges(world, "j", looked_at=False, groups={"v/rg": ()}, knows_all=False)
    none = {"pending": 0, "executing": 0, "finalizing": 0, "unknown": 0}
    age = pytest.approx(90, abs=1)
    assert hidden == (none | {"unknown": 1}, {"v/rg": 0}, age)
    seen = gauges(world, "j", groups={}, knows_all=False)
    assert seen == (none | {"pending": 1}, {}, age)
    there = gauges(world, "j", looked_at=False, groups={"v/rg": ("j",)}, knows_all=False)
    assert there == (none | {"executing": 1}, {"v/rg": 1}, 0)


def test_a_job_that_was_not_looked_at_is_read_before_it_is_called_the_oldest() -> None:
    """It may be long over: an old job that is being settled must not look like one that waits."""
    world = ended_world()
    let_pass(world, 36_000)
    world.azure.delete_takes = 5
    finish(world, Outcome.succeeded())
    states, _, oldest = gauges(world, "j", looked_at=False)
    assert (states["pending"], oldest) == (1, 0)


def test_the_oldest_job_is_looked_for_with_bounded_work() -> None:
    """A round must not read thousands of rows for a gauge. It says nothing then: 0 might be wrong."""
    world, reads = World(), 0

    def count() -> None:
        nonlocal reads
        reads += 1

    world.memory_rows.before["read"] = count
    many = {f"j{n}": world.clock.current for n in range(10 * MOST_READS)}
    seen = seen_of(world, many)
    assert oldest_pending_s(world, seen) is None
    assert reads == MOST_READS
    told = [one.metric for one in gauged(seen, None)]
    assert metrics.GROUP_ALIVE in told
    assert metrics.JOB_OLDEST_PENDING not in told
    few = dict(list(many.items())[:MOST_READS])
    assert oldest_pending_s(world, seen_of(world, few)) == 0


def test_a_job_that_is_seen_to_wait_is_told_though_others_are_not_read() -> None:
    """Somebody waits at least as long."""
    world = World()
    accept(world)
    let_pass(world, 90)
    before = world.clock.current - timedelta(days=1)
    many: dict[str, datetime | None] = {f"x{n}": before for n in range(2 * MOST_READS)}
    seen = seen_of(world, many | {"j": row_of(world).accepted_at}, "j")
    assert oldest_pending_s(world, seen) == pytest.approx(90, abs=1)


def test_a_row_that_cannot_be_read_hides_no_other_jobs_age() -> None:
    """It is looked past: else nobody would be told that jobs wait, for as long as it is there."""
    world = World()
    accept(world)
    broken = iter([UnreadableRowError("the row is not JSON")])

    def fail_once() -> None:
        for error in broken:
            raise error

    world.memory_rows.before["read"] = fail_once
    let_pass(world, 90)
    now = world.clock.current
    seen = seen_of(world, {"broken": now - timedelta(days=1), "j": now - timedelta(seconds=90)})
    assert oldest_pending_s(world, seen) == pytest.approx(90, abs=1)


def test_names_and_units_are_well_formed() -> None:
    """Each name once, below `acijobs.`; a duration in seconds; no id of a job anywhere."""
    names = [metric.name for metric in CATALOGUE]
    assert len(set(names)) == len(names)
    assert all(name.startswith("acijobs.") for name in names)
    assert all(metric.unit == "s" for metric in CATALOGUE if "duration" in metric.name)
    assert all(bool(metric.bounds) == (metric.kind is Kind.HISTOGRAM) for metric in CATALOGUE)
    assert set(VALUES) == {name for metric in CATALOGUE for name in metric.attributes}
    assert not [name for name in VALUES if "id" in name.value.split(".")]


def test_a_value_has_exactly_the_attributes_of_its_metric() -> None:
    """Fewer or more would be a series that no page explains."""
    with pytest.raises(ValueError, match=r"acijobs\.act"):
        metrics.ACTS.of()
    with pytest.raises(ValueError, match=r"acijobs\.log\.gaps"):
        metrics.LOG_GAPS.of(attributes={Attribute.ACT: "start"})
