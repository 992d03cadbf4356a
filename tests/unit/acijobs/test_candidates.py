"""Where a job's group is asked for, and where next: spread over scopes, and none is forgotten."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acijobs.domain.attempt import Attempt
from acijobs.domain.candidates import Candidate, Lack, candidates, lack, spread
from acijobs.domain.group import GroupRef, Scope
from acijobs.domain.outcome import Outcome
from acijobs.domain.reasons import Reason
from acijobs.domain.retry import Again
from acijobs.domain.row import Row, Run, claimed, created, has_room_elsewhere, moved, retried

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RUN = Run(job_id="j", offer=1, execution="x")
SCOPES = tuple(Scope(subscription_id=f"s{n}", resource_group="rg") for n in range(6))
A, B, C = SCOPES[:3]
A2 = replace(A, resource_group="rg2")
SUBNET = (
    "/subscriptions/S1/resourceGroups/n/providers/Microsoft.Network/virtualNetworks/v/subnets/s"
)


def at(scope: Scope, location: str) -> Candidate:
    return Candidate(scope=scope, location=location)


def row_at(among: tuple[Candidate, ...]) -> Row:
    row = claimed(Row(job_id="j"), RUN, candidates=among, nonce="n0", now=NOW)
    assert row is not None
    return row


def place(row: Row) -> Candidate:
    assert row.group is not None
    return Candidate.of(row.group)


def walk(among: tuple[Candidate, ...], *lacks: Lack) -> list[Candidate]:
    """Return where a job is asked for, that is refused like this."""
    row, seen = row_at(among), [place(row_at(among))]
    for number, why in enumerate(lacks, 1):
        step = moved(row, RUN, why, candidates=among, nonce=f"n{number}")
        if step is None:
            break
        row = step
        seen.append(place(row))
    return seen


def test_jobs_are_spread_evenly_over_the_scopes() -> None:
    """Each gets its share of a thousand, by a fifth more or less."""
    first = Counter(spread(SCOPES, f"job-{n}")[0] for n in range(6_000))
    assert set(first) == set(SCOPES)
    assert all(800 <= count <= 1_200 for count in first.values())


def test_a_scope_that_is_added_takes_its_share_and_moves_no_other_job() -> None:
    """And one that is removed gives its own away: the order of the others stays."""
    for number in range(500):
        before, after = (spread(scopes, f"job-{number}") for scopes in (SCOPES[:5], SCOPES))
        assert tuple(scope for scope in after if scope != SCOPES[5]) == before


def test_a_job_always_has_the_same_order() -> None:
    """Whatever the order in the setting, and however the names are spelt."""
    spelt = [replace(scope, resource_group="RG") for scope in reversed(SCOPES)]
    assert [s.path for s in spread(spelt, "j")] == [s.path for s in spread(SCOPES, "j")]


def test_each_region_is_tried_in_all_scopes_before_the_next() -> None:
    """The order of regions is the user's or the operator's."""
    found = candidates((A, B), ("west", "north"), "j")
    first, second = spread((A, B), "j")
    assert found == (
        *(at(first, "west"), at(second, "west"), at(first, "north"), at(second, "north")),
    )


def test_a_job_in_a_subnet_is_asked_for_in_its_subscription() -> None:
    """Where the operator has a scope there."""
    assert candidates((A, B, C), ("west",), "j", subnet_id=SUBNET) == (at(B, "west"),)
    assert len(candidates((A, C), ("west",), "j", subnet_id=SUBNET)) == 2


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("ContainerGroupQuotaReached", Lack.QUOTA),
        ("TooManyRequests", Lack.QUOTA),
        ("ServiceUnavailable", Lack.CAPACITY),
        ("LocationNotAvailableForResourceType", Lack.REGION),
        ("ResourceGroupNotFound", Lack.SCOPE),
        ("AuthorizationFailed", Lack.SCOPE),
        *(("InaccessibleImage", None), ("HTTP 503", None), ("LinkedAuthorizationFailed", None)),
    ],
)
def test_a_refusal_tells_what_another_candidate_may_have(code: str, why: Lack | None) -> None:
    """What is wrong with the job, or with Azure as a whole, is so everywhere."""
    assert lack(code) == why


def test_a_full_quota_leads_to_another_subscription_in_the_same_region() -> None:
    """Then to the next region."""
    among = (at(A, "west"), at(B, "west"), at(A, "north"), at(B, "north"))
    assert walk(among, *[Lack.QUOTA] * 4) == [*among, among[0]]


def test_a_region_without_capacity_leads_to_another_region() -> None:
    """To another subscription only after all of them."""
    regions = ("west", "north", "east")
    among = tuple(at(scope, name) for name in regions for scope in (A, B))
    assert walk(among, *[Lack.CAPACITY] * 3) == [
        *(at(A, "west"), at(A, "north"), at(A, "east"), at(B, "west"))
    ]


def test_a_resource_group_of_the_same_subscription_has_the_same_quota() -> None:
    """It is not asked; and where there is no other candidate, the refusal stands."""
    among = (at(A, "west"), at(A2, "west"), at(B, "west"))
    assert walk(among, Lack.QUOTA) == [at(A, "west"), at(B, "west")]
    assert walk(among[:2], Lack.QUOTA) == [at(A, "west")]


def test_a_scope_that_is_not_there_is_left_for_good() -> None:
    """With all its regions; also by the attempts that follow."""
    among = (at(A, "west"), at(B, "west"), at(A, "north"), at(B, "north"))
    assert walk(among, Lack.SCOPE, Lack.QUOTA, Lack.QUOTA) == [
        *(at(A, "west"), at(B, "west"), at(B, "north"), at(B, "west"))
    ]
    row = moved(row_at(among), RUN, Lack.SCOPE, candidates=among, nonce="n1")
    assert row is not None
    again = claimed(replace(row, group=None), RUN, candidates=among, nonce="n2", now=NOW)
    assert again is not None
    assert place(again) == at(B, "west")


def test_a_group_keeps_its_name_in_its_scope_only() -> None:
    """In another scope a request that was lost may still create the old one, which is then swept."""
    among = (at(A, "west"), at(A, "north"), at(B, "west"))
    north = moved(row_at(among), RUN, Lack.CAPACITY, candidates=among, nonce="n1")
    assert north is not None
    assert north.group is not None
    assert (place(north), north.group.nonce) == (at(A, "north"), "n0")
    other = moved(north, RUN, Lack.CAPACITY, candidates=among, nonce="n2")
    assert other is not None
    assert other.group is not None
    assert (place(other), other.group.nonce) == (at(B, "west"), "n2")


def test_a_new_attempt_begins_in_a_region_that_none_was_in() -> None:
    """In the job's first scope; when all were tried, in the first."""
    among = (at(A, "west"), at(B, "west"), at(A, "north"), at(B, "north"))
    west, north = (Attempt(group=GroupRef(scope=A, location=name)) for name in ("west", "north"))
    for attempts, chosen in (((west,), at(A, "north")), ((west, north), at(A, "west"))):
        row = Row(job_id="j", attempts=attempts)
        found = claimed(row, RUN, candidates=among, nonce="n", now=NOW)
        assert found is not None
        assert place(found) == chosen


def attempts_at(among: tuple[Candidate, ...]) -> list[Candidate]:
    """Return where the attempts of a job are that never finds room for what Azure has accepted."""
    row, seen = Row(job_id="j"), []
    for number in range(20):
        begun = claimed(row, RUN, candidates=among, nonce=f"n{number}", now=NOW)
        assert begun is not None
        seen.append(place(begun))
        there = created(begun, RUN, now=NOW)
        assert there is not None
        if not has_room_elsewhere(there, among):
            break
        again, full = Again(counts=False, is_elsewhere=True), Outcome.failed(Reason.CAPACITY, "")
        following = retried(there, again, full, now=NOW)
        assert following is not None
        row = following
    return seen


def test_capacity_that_is_lost_leads_to_each_candidate_once() -> None:
    """As where it is refused: to another region first, and to another subscription after all of them.

    A resource group of the same subscription has no more room.
    """
    among = tuple(at(scope, name) for name in ("west", "north") for scope in (A, A2, B))
    assert attempts_at(among) == [*(at(A, "west"), at(A, "north"), at(B, "west"), at(B, "north"))]
    assert attempts_at(among[:3]) == [at(A, "west"), at(B, "west")]
    assert attempts_at(among[:2]) == [at(A, "west")]


def test_an_attempt_that_is_refused_comes_last_to_where_there_was_no_room() -> None:
    """What an earlier attempt found is remembered by the later ones."""
    among = (at(A, "west"), at(B, "west"), at(A, "north"), at(B, "north"))
    full = Attempt(group=GroupRef(scope=A, location="west"), counts=False, moved=True)
    row = claimed(Row(job_id="j", attempts=(full,)), RUN, candidates=among, nonce="n", now=NOW)
    seen = []
    for number in range(5):
        assert row is not None
        seen.append(place(row))
        row = moved(row, RUN, Lack.QUOTA, candidates=among, nonce=f"n{number}")
    assert seen == [at(A, "north"), at(B, "west"), at(B, "north"), at(A, "west"), at(B, "west")]


def test_an_attempt_after_all_found_no_room_begins_anew() -> None:
    """As `retry` allows it: what was full may have room by then."""
    among = (at(A, "west"), at(B, "west"))
    full = tuple(
        Attempt(group=GroupRef(scope=scope, location="west"), moved=True) for scope in (A, B)
    )
    row = claimed(Row(job_id="j", attempts=full), RUN, candidates=among, nonce="n", now=NOW)
    assert row is not None
    assert (place(row), row.tried) == (at(A, "west"), ())


def test_a_candidate_that_is_unfit_has_no_room() -> None:
    """Nor has any a group that was not accepted: it was asked for everywhere."""
    among = (at(A, "west"), at(B, "west"))
    row = replace(row_at(among), created_at=NOW)
    assert has_room_elsewhere(row, among)
    assert not has_room_elsewhere(replace(row, unfit=(at(B, "west").name,)), among)
    assert not has_room_elsewhere(replace(row, created_at=None), among)


def test_only_the_driver_of_a_job_whose_group_is_not_created_moves_it() -> None:
    """Never one that Azure has accepted."""
    among = (at(A, "west"), at(B, "west"))
    row, late = row_at(among), replace(RUN, execution="another")
    assert moved(row, late, Lack.QUOTA, candidates=among, nonce="n") is None
    there = replace(row, created_at=NOW + timedelta(seconds=1))
    assert moved(there, RUN, Lack.QUOTA, candidates=among, nonce="n") is None


def test_settings_that_changed_lead_to_what_they_name_now() -> None:
    """A group that waits in a scope that is named no more moves to one that is."""
    row = row_at((at(A, "west"),))
    found = moved(row, RUN, Lack.QUOTA, candidates=(at(B, "west"),), nonce="n")
    assert found is not None
    assert place(found) == at(B, "west")


@given(
    scopes=st.integers(1, 4),
    regions=st.integers(1, 3),
    lacks=st.lists(st.sampled_from([Lack.QUOTA, Lack.CAPACITY]), min_size=30, max_size=40),
)
def test_no_candidate_is_forgotten_however_others_are_refused(
    scopes: int, regions: int, lacks: list[Lack]
) -> None:
    """In each pass every one is asked once, and the next pass begins elsewhere than the last ended."""
    names = tuple(f"r{number}" for number in range(regions))
    among = candidates(SCOPES[:scopes], names, "j")
    seen = walk(among, *lacks)
    if len(among) == 1:
        assert seen == list(among)
        return
    assert set(seen[: len(among)]) == set(among)
    assert all(one != other for one, other in pairwise(seen))
    assert len(seen) == len(lacks) + 1
