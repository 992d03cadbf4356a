"""What a watch makes of each poll of a group."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from acijobs.domain.messages import (
    Absent,
    Busy,
    Created,
    Fetched,
    Refused,
    Reply,
    Seen,
    Superseded,
    merged,
)
from acijobs.domain.outcome import Outcome, Phase
from acijobs.domain.progress import LogState
from acijobs.domain.reasons import Reason
from acijobs.domain.row import Cancel, Run
from acijobs.domain.terms import Terms
from acijobs.domain.watch import Change, Watch, What

START = datetime(2026, 11, 23, 10, tzinfo=UTC)
RUN = Run(job_id="j", offer=1, execution="x")
REFUSED = Refused(code="AuthorizationFailed", message="no right to read")
BUSY = Busy(code="TooManyRequests", message="later", retry_after_s=17.0)
GONE = Absent(is_confirmed=True)
UNSEEN = Absent(is_confirmed=False)
FAILED = Outcome.failed(Reason.EXIT_CODE, "it exited", exit_code=3, has_ended=True)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def watch(**fields: Any) -> Watch:
    known: dict[str, Any] = {"run": RUN, "created_at": START, "deadline": after(3600)}
    return Watch(**known | fields)


def seen(stage: str = "running", **more: Any) -> Seen:
    return Seen(stage=stage, **more)


def test_a_watch_begins_with_the_jobs_own_deadline() -> None:
    """From its submission, however late the group was created."""
    terms = Terms(provision_seconds=600, run_seconds=60)
    reply = Created(accepted_at=START, terms=terms)
    watching = Watch.begin(RUN, reply, started=after(5), now=after(300))
    assert (watching.created_at, watching.deadline) == (after(300), after(600))
    assert (watching.terms, watching.stage, watching.poll) == (terms, "creating", 0)
    unknown = Watch.begin(RUN, Created(), started=after(5), now=after(300))
    assert unknown.deadline == after(1805)


def test_each_later_stage_is_one_change() -> None:
    """And none of them is reported twice, nor a step back."""
    watching, changes = watch(), []
    ended = Outcome.succeeded()
    for reply in [
        seen("creating"),
        seen("pulling", times={"imagePulling": after(1)}),
        seen("pulling"),
        seen("creating"),
        seen("running", times={"containerStarted": after(9)}),
        seen("running"),
        seen("creating", restarts=1),
        seen("ended", outcome=ended, times={"containerFinished": after(29)}),
    ]:
        watching, change = watching.see(reply, after(1))
        changes.append(change.what if change else None)
    assert changes == [
        *(None, What.STAGE, None, None, What.STAGE, None, What.RESTARTED, What.ENDED),
    ]
    assert (watching.stage, watching.phase, watching.poll) == ("running", Phase.RUNNING, 8)
    assert watching.times == {
        "imagePulling": after(1),
        "containerStarted": after(9),
        "containerFinished": after(29),
    }


def test_a_stage_of_another_release_changes_nothing() -> None:
    """The watch goes on with what it knows."""
    watching, change = watch(stage="pulling").see(seen("thawing"), after(1))
    assert (watching.stage, change) == ("pulling", None)


def test_an_end_carries_its_outcome() -> None:
    """As the poll judged it."""
    _, change = watch().see(seen("ended", outcome=FAILED), after(1))
    assert change == Change(what=What.ENDED, outcome=FAILED)


def test_a_right_withdrawn_by_mistake_may_come_back() -> None:
    """Only ten minutes of nothing but refusals give the job up."""
    watching = watch(stage="running")
    polls: list[tuple[float, Reply]] = [
        *((0, REFUSED), (599, REFUSED), (700, seen()), (800, REFUSED)),
    ]
    for at_s, reply in polls:
        watching, change = watching.see(reply, after(at_s))
        assert change is None
    assert watching.see(REFUSED, after(1399))[1] is None
    _, change = watching.see(REFUSED, after(1400))
    assert change is not None
    assert change.outcome is not None
    assert change.outcome.reason == Reason.ACCESS_DENIED.value
    assert change.outcome.azure_code == "AuthorizationFailed"


def test_a_group_is_gone_after_a_minute_of_absence_and_not_in_the_list() -> None:
    """One 404, or three in ten seconds, proves nothing at ARM."""
    watching = watch(stage="running")
    for at_s in (0, 5, 30, 59):
        assert not watching.request(after(at_s)).confirm_absence
        watching, change = watching.see(UNSEEN, after(at_s))
        assert change is None
        assert watching.sleep(after(at_s)).due == after(at_s + 5)
    assert watching.request(after(60)).confirm_absence
    assert watching.see(UNSEEN, after(60))[1] is None
    _, change = watching.see(GONE, after(60))
    assert change is not None
    assert change.outcome is not None
    assert change.outcome.reason == Reason.GROUP_VANISHED.value


@pytest.mark.parametrize("reply", [BUSY, REFUSED, Superseded()])
def test_a_poll_that_failed_neither_proves_nor_ends_an_absence(reply: Reply) -> None:
    """Only a poll that finds the group does."""
    watching, _ = watch(stage="running").see(UNSEEN, after(0))
    watching, _ = watching.see(reply, after(30))
    assert watching.absent_since == after(0)
    watching, _ = watching.see(seen(), after(40))
    assert watching.absent_since is None
    assert watching.see(GONE, after(70))[1] is None


def test_a_container_that_crashes_for_ever_is_reported_five_times() -> None:
    """The job's own history must not grow with its restarts."""
    watching, changes = watch(stage="running"), []
    for count in range(1, 20):
        watching, change = watching.see(seen(restarts=count), after(1))
        changes.append(change)
    assert [c.what for c in changes if c] == [What.RESTARTED] * 5
    assert watching.restarts == 19


def test_a_reply_of_an_earlier_release_counts_no_new_starts() -> None:
    """What was decided on it stays decided when it is replayed."""
    watching, _ = watch(stage="running").see(seen(times={"containerStarted": after(9)}), after(10))
    watching, change = watching.see(seen(times={"containerStarted": after(20)}), after(21))
    assert (watching.restarts, change) == (0, None)
    again = seen(started_at=after(30), times={"containerStarted": after(30)})
    watching, change = watching.see(again, after(31))
    assert (watching.restarts, change) == (1, Change(what=What.RESTARTED))


@pytest.mark.parametrize(
    ("stage", "hindrance", "reason", "limit"),
    [
        ("running", "CrashLoop", Reason.CRASH_LOOP, "runSeconds"),
        ("pulling", "CrashLoop", Reason.CRASH_LOOP, "provisionSeconds"),
        ("running", "Unhealthy", Reason.UNHEALTHY, "runSeconds"),
        ("creating", "Unhealthy", Reason.UNHEALTHY, "provisionSeconds"),
        ("creating", "OfALaterRelease", Reason.PROVISION_TIMEOUT, "provisionSeconds"),
        ("running", "", Reason.RUN_TIMEOUT, "runSeconds"),
    ],
)
def test_a_deadline_tells_what_was_in_the_way(
    stage: str, hindrance: str, reason: Reason, limit: str
) -> None:
    """Not before it has passed: Azure may mend it, and the next start may go well."""
    watching, reply = watch(stage=stage), seen(stage, hindrance=hindrance)
    assert watching.see(reply, after(3599))[1] is None
    _, change = watching.see(reply, after(3600))
    assert change is not None
    assert change.outcome is not None
    assert (change.outcome.phase, change.outcome.reason) == (Phase.TIMED_OUT, reason.value)
    assert limit in change.outcome.message


@pytest.mark.parametrize("reply", [seen("creating"), BUSY, REFUSED, UNSEEN])
@pytest.mark.parametrize(
    ("stage", "reason"), [("creating", Reason.PROVISION_TIMEOUT), ("running", Reason.RUN_TIMEOUT)]
)
def test_a_deadline_holds_whatever_azure_answers(reply: Reply, stage: str, reason: Reason) -> None:
    """Throttling and refusals do not make a job immortal."""
    watching = watch(stage=stage)
    assert watching.see(reply, after(3599))[1] is None
    _, change = watching.see(reply, after(3600))
    assert change is not None
    assert change.outcome is not None
    assert (change.outcome.phase, change.outcome.reason) == (Phase.TIMED_OUT, reason.value)


def test_an_end_seen_at_the_deadline_is_an_end() -> None:
    """Not a timeout."""
    ended = seen("ended", outcome=Outcome.succeeded())
    _, change = watch(stage="running").see(ended, after(7200))
    assert change == Change(what=What.ENDED, outcome=Outcome.succeeded())


def test_a_container_that_runs_at_the_deadline_gets_its_own_time_to_run() -> None:
    """From when it was seen to run."""
    terms = Terms(run_seconds=100)
    watching, change = watch(terms=terms).see(seen(), after(3600))
    assert change == Change(what=What.STAGE)
    assert watching.deadline == after(3700)
    again, _ = watching.see(seen(), after(3650))
    assert again.deadline == after(3700)


@pytest.mark.parametrize("kind", [Seen, Absent, Refused, Busy])
def test_a_request_to_cancel_ends_the_job_with_any_reply(kind: type[Any]) -> None:
    """The event may have been lost."""
    _, change = watch().see(kind(cancel=Cancel(why="slow")), after(1))
    assert change == Change(what=What.ENDED, outcome=Outcome.cancelled("slow"))


def test_a_container_that_ended_decides_over_a_cancel() -> None:
    """The exit code is known."""
    reply = seen("ended", outcome=FAILED, cancel=Cancel())
    assert watch().see(reply, after(1))[1] == Change(what=What.ENDED, outcome=FAILED)


def test_what_the_service_asks_for_counts_for_one_poll() -> None:
    """The next answer without a Retry-After forgets it."""
    watching, _ = watch(poll=3, due=after(5)).see(BUSY, after(5))
    assert watching.sleep(after(5)).due == after(22)
    watching, _ = watching.see(seen("creating"), after(22))
    assert watching.sleep(after(22)).due <= after(60)
    assert watching.retry_after_s is None


def test_the_next_poll_is_never_after_the_deadline_nor_in_the_past() -> None:
    """So that a deadline is noticed when it passes."""
    watching = watch(poll=5, retry_after_s=600.0)
    assert watching.sleep(after(3500)).due == after(3600)
    assert watching.sleep(after(4000)).due == after(4000)


def test_an_engine_that_is_late_is_polled_less_often() -> None:
    """Polls that come faster than it can make them only make every job's end late."""
    watching, _ = watch(poll=3, due=after(26)).see(seen(), after(30))
    assert watching.lag_s == 4
    assert after(30 + 7.2) <= watching.sleep(after(30)).due <= after(30 + 8)
    early, _ = watch(poll=3, due=after(20)).see(seen(), after(19.5))
    assert early.lag_s == 0


def test_a_log_is_asked_for_when_it_is_due() -> None:
    """At once, then after a while or while it is noisy."""
    assert watch().request(after(1)).log_is_due
    quiet = watch(stage="running", log_fetched_at=after(0), log_added=10)
    assert not quiet.request(after(3)).log_is_due
    assert quiet.request(after(4)).log_is_due
    noisy = watch(stage="running", log_fetched_at=after(0), log_added=5000)
    assert noisy.request(after(1)).log_is_due


def test_a_failed_fetch_is_told_and_a_lost_line_is_never_forgotten() -> None:
    """The log's state only ever grows; the trouble is over with the next fetch that works."""
    first = Fetched(archived_bytes=10, added_bytes=10, truncated=True, found=True)
    broken = Fetched(archived_bytes=10, trouble="RefusedError: no right")
    watching = watch()
    replies: list[Reply] = [seen(log=first), seen(), seen(log=broken)]
    for reply in replies:
        watching, _ = watching.see(reply, after(9))
    assert watching.log == LogState(
        archived_bytes=10, truncated=True, trouble="RefusedError: no right"
    )
    assert (watching.log_fetched_at, watching.log_added) == (after(9), 0)
    watching, _ = watching.see(seen(log=Fetched(archived_bytes=20, found=True)), after(10))
    assert watching.log == LogState(archived_bytes=20, truncated=True)
    assert watching.request(after(11)).log_bytes == 20


def test_a_log_that_azure_never_showed_is_not_complete() -> None:
    """The last fetch worked, but there was nothing to fetch."""
    assert merged(LogState(), Fetched(found=True), has_ended=True).complete
    assert not merged(LogState(), Fetched(found=False), has_ended=True).complete
    assert not merged(LogState(), Fetched(found=True), has_ended=False).complete


@pytest.mark.parametrize("reply", [BUSY, REFUSED])
def test_a_fetch_that_was_refused_leaves_what_is_archived(reply: Reply) -> None:
    """And tells why."""
    log = merged(LogState(archived_bytes=9), reply, has_ended=True)
    assert (log.archived_bytes, log.complete) == (9, False)
    assert log.trouble in {"TooManyRequests: later", "AuthorizationFailed: no right to read"}


@pytest.mark.parametrize(
    "reply",
    [
        BUSY,
        REFUSED,
        seen(log=Fetched(trouble="BusyError: later")),
    ],
    ids=["busy", "refused", "no log"],
)
def test_polls_are_apart_though_nobody_can_tell_whether_the_container_is_silent(
    reply: Reply,
) -> None:
    """Azure that is busy is not asked again and again at once."""
    terms = Terms(silent_seconds=60)
    watching = watch(stage="running", terms=terms, poll=20, log_grew_at=after(100))
    watching, _ = watching.see(reply, after(161))
    now = after(161)
    for _ in range(5):
        watching = watching.sleep(now)
        assert watching.due >= now + timedelta(seconds=2)
        now = watching.due
        assert watching.request(now).log_is_due
        watching, change = watching.see(reply, now)
        assert change is None


def test_the_service_is_given_its_time_while_a_group_is_looked_for() -> None:
    """What it asks for wins over the haste to know whether the group is gone."""
    watching, _ = watch(stage="running").see(UNSEEN, after(1))
    assert watching.sleep(after(1)).due == after(6)
    watching, _ = watching.see(BUSY, after(6))
    assert watching.sleep(after(6)).due == after(23)


def test_who_takes_a_job_over_does_not_pay_for_it_anew() -> None:
    """Its cost limit counts from when Azure accepted the group, though the pull was not shown."""
    terms = Terms(cost_seconds=100)
    reply = Created(accepted_at=START, created_at=after(5), terms=terms)
    watching = Watch.begin(RUN, reply, started=after(90), now=after(90))
    assert watching.paid_until == after(105)
    pulled, _ = watching.see(seen("running", times={"imagePulling": after(9)}), after(92))
    assert pulled.paid_until == after(109)
