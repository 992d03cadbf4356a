"""A capability opens one job for the verbs it has, while its key is a current one, and nothing else."""

from __future__ import annotations

import base64
import string
from datetime import UTC, datetime, timedelta

import pytest

from acijobs.security.capability import PURPOSE, Capabilities, Capability, Verb, capability_path
from acijobs.security.keys import derived

NOW = datetime(2026, 11, 26, 6, 0, 0, 123456, tzinfo=UTC)
BORN = datetime(2026, 11, 26, 5, 59, 0, 987654, tzinfo=UTC)
OLD, NEW = b"o" * 32, b"n" * 32
CAPABILITIES = Capabilities((NEW, OLD))
URL_SAFE = set(string.ascii_letters + string.digits + "-_")


def token(*verbs: Verb, job_id: str = "job-a", keys: tuple[bytes, ...] = (NEW, OLD)) -> str:
    return Capabilities(keys).token(job_id, BORN, verbs or (Verb.READ,), now=NOW)


def test_a_capability_allows_its_verbs_and_no_other() -> None:
    """Whatever order they were named in."""
    for verbs in [(Verb.READ,), (Verb.CANCEL, Verb.LOGS), tuple(Verb)]:
        found = CAPABILITIES.read(token(*verbs), "job-a", now=NOW)
        assert found == Capability(
            job_id="job-a", born_s=int(BORN.timestamp()), verbs=frozenset(verbs)
        )


def test_a_capability_of_one_job_opens_nothing_of_another() -> None:
    """Not even where one id is the beginning of the other."""
    for other in ["job-b", "job", "job-a-2", "", "JOB-A"]:
        assert CAPABILITIES.read(token(), other, now=NOW) is None


def test_a_capability_knows_the_job_that_it_was_made_for() -> None:
    """An id may be used again once a job was purged: its new job has other capabilities."""
    found = CAPABILITIES.read(token(), "job-a", now=NOW)
    assert found is not None
    assert found.is_of(BORN)
    assert not found.is_of(BORN + timedelta(seconds=1))


def test_a_capability_expires_where_it_was_told_to() -> None:
    """To the second; without the setting it does not."""
    expiring = Capabilities((NEW,), days=0.5)
    made = expiring.token("job-a", BORN, [Verb.READ], now=NOW)
    assert expiring.read(made, "job-a", now=NOW + timedelta(hours=11, minutes=59))
    assert expiring.read(made, "job-a", now=NOW + timedelta(hours=12)) is None
    assert CAPABILITIES.read(made, "job-a", now=NOW + timedelta(hours=12)) is None
    assert CAPABILITIES.read(token(), "job-a", now=NOW + timedelta(days=36_500))


def test_a_capability_is_good_while_its_key_is_a_current_one() -> None:
    """A new key in front does not end it; its own key's removal does."""
    made = token(keys=(OLD,))
    assert CAPABILITIES.read(made, "job-a", now=NOW)
    assert Capabilities((NEW,)).read(made, "job-a", now=NOW) is None


def test_a_capability_is_short_and_needs_no_escaping_in_a_url() -> None:
    """Also one that has every verb and an expiry."""
    made = Capabilities((NEW,), days=3650).token("job-a", BORN, Verb, now=NOW)
    assert set(made) <= URL_SAFE
    assert len(made) <= 48
    assert capability_path("job-a", made, "logs") == f"jobs/job-a/by/{made}/logs"
    assert capability_path("job-a", made) == f"jobs/job-a/by/{made}"


def test_no_part_of_a_capability_can_be_changed() -> None:
    """Every character replaced, left out or doubled."""
    made = token(Verb.READ, Verb.LOGS)
    for at, old in enumerate(made):
        for new in {"a", "A", "0", "-", "_", ".", "é", "\n", "r", "c"} - {old}:
            assert CAPABILITIES.read(made[:at] + new + made[at + 1 :], "job-a", now=NOW) is None
        for changed in (
            made[:at],
            made[at + 1 :],
            made[:at] + made[at + 1 :],
            made[: at + 1] + made[at:],
        ):
            if changed != made:
                assert CAPABILITIES.read(changed, "job-a", now=NOW) is None


@pytest.mark.parametrize(
    "forged",
    [
        *("", "1", "-", "1r-0-0-", "1r-0-0-" + "A" * 23, "1r-0-0-" + "A" * 25, "1-0-0-" + "A" * 24),
        *("2r-0-0-" + "A" * 24, "1r--0-" + "A" * 24, "1r-0-0-" + "+" * 24, "1r-0-0-" + "=" * 24),
        *("1r-٣-0-" + "A" * 24, "1r-0-0-" + "\uff21" * 24, "1r-0-0-" + "A" * 24 + "\n", "\ud800"),
        "x" * 100_000,
    ],
    ids=lambda forged: f"{len(forged)}:{ascii(forged)[:30]}",
)
def test_what_is_forged_opens_nothing(forged: str) -> None:
    """And raises nothing."""
    assert CAPABILITIES.read(forged, "job-a", now=NOW) is None


def test_a_code_in_another_alphabet_opens_nothing() -> None:
    """One token has one spelling."""
    for _ in range(50):
        born = BORN + timedelta(seconds=_)
        made = CAPABILITIES.token("job-a", born, [Verb.READ], now=NOW)
        code = made[-24:]
        standard = base64.b64encode(base64.urlsafe_b64decode(code)).decode()
        if standard != code:
            assert CAPABILITIES.read(made[:-24] + standard, "job-a", now=NOW) is None
        assert CAPABILITIES.read(made[:-24] + code.swapcase(), "job-a", now=NOW) is None


def test_a_letter_that_is_no_verb_allows_nothing() -> None:
    """A later release may know it, and have signed it."""
    letters = Capabilities((NEW,))
    made = letters.token("job-a", BORN, [Verb.READ], now=NOW)
    assert letters.read(made.replace("1r-", "1rz-"), "job-a", now=NOW) is None


def test_keys_for_two_purposes_or_stores_are_two_keys() -> None:
    """Neither tells the other."""
    keys = {
        derived(secret, purpose=purpose, salt=store)
        for secret in (OLD, NEW)
        for purpose in (PURPOSE, "another")
        for store in (b"one", b"two")
    }
    assert len(keys) == 8
    assert {len(key) for key in keys} == {32}
