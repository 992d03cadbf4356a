from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acijobs.domain.policy import PollPolicy, retry_delay_s

AGES = st.floats(min_value=0, max_value=1e8)
IDS = st.text(max_size=20)
POLLS = st.integers(1, 10**6)
RETRY = st.none() | st.floats(min_value=0, max_value=1e6)
POLICIES = st.tuples(st.floats(0.1, 60), st.floats(0, 600)).map(
    lambda pair: PollPolicy(min_interval_s=pair[0], max_interval_s=pair[0] + pair[1])
)


@given(POLICIES, IDS, POLLS, AGES)
def test_an_interval_stays_within_its_bounds(
    policy: PollPolicy, job_id: str, poll: int, age_s: float
) -> None:
    """Jitter only ever shortens, by a tenth at most."""
    delay_s = policy.delay_s(job_id=job_id, poll=poll, age_s=age_s)
    assert policy.min_interval_s * 0.9 - 0.001 <= delay_s <= policy.max_interval_s + 0.001
    assert delay_s == policy.delay_s(job_id=job_id, poll=poll, age_s=age_s)


@given(POLICIES, IDS, POLLS, AGES, AGES)
def test_an_older_job_is_never_polled_more_often(
    policy: PollPolicy, job_id: str, poll: int, one_s: float, other_s: float
) -> None:
    """At the same poll, the interval grows with the age."""
    younger, older = sorted((one_s, other_s))
    assert policy.delay_s(job_id=job_id, poll=poll, age_s=younger) <= policy.delay_s(
        job_id=job_id, poll=poll, age_s=older
    )


@given(st.floats(30, 375), IDS, POLLS)
def test_the_interval_is_about_eight_percent_of_the_age(
    age_s: float, job_id: str, poll: int
) -> None:
    """Between its bounds, less the jitter."""
    delay_s = PollPolicy().delay_s(job_id=job_id, poll=poll, age_s=age_s)
    assert 0.072 * age_s - 0.001 <= delay_s <= 0.08 * age_s + 0.001


@given(IDS, st.integers(0, 100), AGES, st.floats(0, 1e6))
def test_a_retry_after_is_obeyed_up_to_ten_minutes(
    job_id: str, poll: int, age_s: float, asked_s: float
) -> None:
    """Also before the first poll; it never shortens an interval."""
    policy = PollPolicy()
    plain_s = policy.delay_s(job_id=job_id, poll=poll, age_s=age_s)
    delay_s = policy.delay_s(job_id=job_id, poll=poll, age_s=age_s, retry_after_s=asked_s)
    assert abs(delay_s - max(plain_s, min(asked_s, 600))) <= 0.001


@given(st.lists(st.uuids().map(str), min_size=2, max_size=2, unique=True))
def test_jobs_started_together_are_not_polled_together(job_ids: list[str]) -> None:
    """The jitter differs by job, so their polls drift apart."""
    one, other = (
        [PollPolicy().delay_s(job_id=job_id, poll=poll, age_s=300) for poll in range(1, 20)]
        for job_id in job_ids
    )
    assert one != other


@given(IDS, st.integers(1, 1000), RETRY)
def test_a_retry_waits_longer_each_time_up_to_a_bound(
    job_id: str, attempt: int, asked_s: float | None
) -> None:
    """At least as long as the service asked, up to ten minutes, and up to a quarter longer."""
    delay_s = retry_delay_s(job_id, attempt, asked_s)
    least_s = max(min(2.0**attempt, 600), min(asked_s or 0, 600))
    assert least_s - 0.001 <= delay_s <= least_s * 1.25 + 0.001
    assert delay_s == retry_delay_s(job_id, attempt, asked_s)


@given(st.sets(st.uuids().map(str), min_size=5, max_size=5))
def test_jobs_that_were_put_off_together_do_not_come_back_together(job_ids: set[str]) -> None:
    """A service that was busy once would be busy again."""
    assert len({retry_delay_s(job_id, 6, 60.0) for job_id in job_ids}) > 1


def test_the_first_poll_comes_after_about_two_seconds() -> None:
    """However old the job is; less the jitter."""
    assert 1.8 <= PollPolicy().delay_s(job_id="a", poll=0, age_s=1e6) <= 2.0


@given(POLICIES, IDS, POLLS, AGES, st.floats(0, 1e4))
def test_a_slow_engine_is_not_asked_for_more_than_it_can_do(
    policy: PollPolicy, job_id: str, poll: int, age_s: float, lag_s: float
) -> None:
    """The interval is at least twice the lag, up to 8 s or two fifths of the age: a burst passes."""
    delay_s = policy.delay_s(job_id=job_id, poll=poll, age_s=age_s, lag_s=lag_s)
    least_s = min(2 * lag_s, max(8.0, 0.4 * age_s), policy.max_interval_s)
    assert delay_s >= least_s * 0.9 - 0.001
    assert delay_s <= policy.max_interval_s + 0.001


@given(st.floats(0, 1e4), st.integers(0, 10**7))
def test_a_log_is_due_after_a_while_or_while_it_is_noisy(since_s: float, added: int) -> None:
    """A window that rolls on loses lines; a quiet one costs a request."""
    due = PollPolicy().log_is_due(since_s=since_s, added_bytes=added)
    assert due is (since_s >= 4.0 or added > 2000)
    assert PollPolicy().log_is_due(since_s=None, added_bytes=0)


@pytest.mark.parametrize(("days", "followed_h"), [(1, 12), (7, 7), (14, 1)])
def test_followers_leave_the_polls_what_a_blob_takes(days: int, followed_h: int) -> None:
    """It takes 50,000 appends; each poll may need one, and the end must have its own."""
    policy, seconds = PollPolicy(), days * 86_400
    age_s, polls = 0.0, 0
    while age_s < seconds:
        age_s += policy.delay_s(job_id="j", poll=polls, age_s=age_s)
        polls += 1
    followed = policy.most_followed_appends(seconds)
    assert followed + polls < 50_000
    assert followed > followed_h * 3_600
    assert PollPolicy(max_interval_s=1).most_followed_appends(seconds) >= 3_600
