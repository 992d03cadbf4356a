from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from acijobs.domain.policy import WatchPolicy, retry_delay_s

AGES = st.floats(min_value=0, max_value=1e8)
IDS = st.text(max_size=20)
LOOKS = st.integers(1, 10**6)
RETRY = st.none() | st.floats(min_value=0, max_value=1e6)
POLICIES = st.tuples(st.floats(0.1, 60), st.floats(0, 600)).map(
    lambda pair: WatchPolicy(min_interval_s=pair[0], max_interval_s=pair[0] + pair[1])
)


@given(POLICIES, IDS, LOOKS, AGES)
def test_an_interval_stays_within_its_bounds(
    policy: WatchPolicy, job_id: str, look: int, age_s: float
) -> None:
    """Jitter only ever shortens, by a tenth at most."""
    delay_s = policy.delay_s(job_id=job_id, look=look, age_s=age_s)
    assert policy.min_interval_s * 0.9 - 0.001 <= delay_s <= policy.max_interval_s + 0.001
    assert delay_s == policy.delay_s(job_id=job_id, look=look, age_s=age_s)


@given(POLICIES, IDS, LOOKS, AGES, AGES)
def test_an_older_job_is_never_looked_at_more_often(
    policy: WatchPolicy, job_id: str, look: int, one_s: float, other_s: float
) -> None:
    """At the same look, the interval grows with the age."""
    younger, older = sorted((one_s, other_s))
    assert policy.delay_s(job_id=job_id, look=look, age_s=younger) <= policy.delay_s(
        job_id=job_id, look=look, age_s=older
    )


@given(st.floats(30, 375), IDS, LOOKS)
def test_the_interval_is_about_eight_percent_of_the_age(
    age_s: float, job_id: str, look: int
) -> None:
    """Between its bounds, less the jitter."""
    delay_s = WatchPolicy().delay_s(job_id=job_id, look=look, age_s=age_s)
    assert 0.072 * age_s - 0.001 <= delay_s <= 0.08 * age_s + 0.001


@given(IDS, st.integers(0, 100), AGES, st.floats(0, 1e6))
def test_a_retry_after_is_obeyed_up_to_ten_minutes(
    job_id: str, look: int, age_s: float, asked_s: float
) -> None:
    """Also before the first look; it never shortens an interval."""
    policy = WatchPolicy()
    plain_s = policy.delay_s(job_id=job_id, look=look, age_s=age_s)
    delay_s = policy.delay_s(job_id=job_id, look=look, age_s=age_s, retry_after_s=asked_s)
    assert abs(delay_s - max(plain_s, min(asked_s, 600))) <= 0.001


@given(st.lists(st.uuids().map(str), min_size=2, max_size=2, unique=True))
def test_jobs_started_together_do_not_look_together(job_ids: list[str]) -> None:
    """The jitter differs by job, so their looks drift apart."""
    one, other = (
        [WatchPolicy().delay_s(job_id=job_id, look=look, age_s=300) for look in range(1, 20)]
        for job_id in job_ids
    )
    assert one != other


@given(st.integers(1, 1000), RETRY)
def test_a_retry_waits_longer_each_time_up_to_a_bound(attempt: int, asked_s: float | None) -> None:
    """And at least as long as the service asked, up to ten minutes."""
    delay_s = retry_delay_s(attempt, asked_s)
    assert delay_s <= retry_delay_s(attempt + 1, asked_s)
    assert 2 <= delay_s <= 600
    if asked_s is not None:
        assert delay_s >= min(asked_s, 600)


def test_the_first_look_comes_after_two_seconds() -> None:
    """Without jitter: nothing has started together yet that could be apart."""
    assert WatchPolicy().delay_s(job_id="a", look=0, age_s=1e6) == 2.0


@given(st.floats(0.1, 10), st.floats(0.1, 10))
def test_a_policy_survives_its_way_through_a_reply(first: float, last: float) -> None:
    """It travels as JSON from an activity to the orchestrators."""
    assume(first <= last)
    policy = WatchPolicy(min_interval_s=first, max_interval_s=last)
    assert WatchPolicy(**policy.to_json()) == policy
