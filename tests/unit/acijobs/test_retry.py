"""Whether a job is attempted again, after each kind of end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from acijobs.domain.attempt import Attempt
from acijobs.domain.outcome import Outcome
from acijobs.domain.reasons import Fault, Reason
from acijobs.domain.retry import Again, another_attempt
from acijobs.domain.terms import RetryRule, RetryTerms, Terms

TWICE = Terms(retry=RetryTerms(attempts=2, backoff_seconds=0))
ELSEWHERE = Again(counts=False, is_elsewhere=True)
EXITED = Outcome.failed(Reason.EXIT_CODE, "exit", exit_code=3, has_ended=True)


def again(
    terms: Terms, outcome: Outcome, *earlier: Attempt, has_room_elsewhere: bool = False
) -> Again | None:
    return another_attempt(terms, "j", earlier, outcome, has_room_elsewhere=has_room_elsewhere)


def moves(count: int) -> list[Attempt]:
    return [Attempt(counts=False, moved=True)] * count


def attempts(count: int, *, counts: bool = True) -> list[Attempt]:
    return [Attempt(counts=counts)] * count


def test_a_job_without_retry_is_attempted_exactly_once() -> None:
    """Whatever ended it: some work must not be done twice."""
    for reason in Reason:
        assert again(Terms(), Outcome.failed(reason, "")) is None


def test_success_and_cancel_are_never_attempted_again() -> None:
    """Not even where a rule names them."""
    always = RetryTerms(
        attempts=9, rules=(RetryRule(on_reasons=("Cancelled", ""), action="retry"),)
    )
    assert again(Terms(retry=always), Outcome.succeeded()) is None
    assert again(Terms(retry=always), Outcome.cancelled("why")) is None


def test_an_exit_code_uses_up_an_attempt() -> None:
    """The first attempt is one of them."""
    assert again(TWICE, EXITED) == Again(counts=True)
    assert again(TWICE, EXITED, *attempts(1)) is None


@pytest.mark.parametrize("reason", [Reason.CAPACITY, Reason.MAINTENANCE, Reason.GROUP_VANISHED])
def test_the_platforms_faults_use_up_none(reason: Reason) -> None:
    """They have a bound of their own."""
    lost = Outcome.failed(reason, "")
    assert again(TWICE, lost) == Again(counts=False)
    assert again(TWICE, lost, *attempts(2, counts=False)) == Again(counts=False)
    assert again(TWICE, lost, *attempts(3, counts=False)) is None
    assert again(TWICE, EXITED, *attempts(3, counts=False)) == Again(counts=True)
    assert again(TWICE, lost, *attempts(1)) == Again(counts=False)


def test_what_another_attempt_cannot_mend_ends_the_job() -> None:
    """A wrong request, a right that is missing, a limit of cost."""
    for reason in (Reason.INVALID_REQUEST, Reason.ACCESS_DENIED, Reason.COST_LIMIT):
        assert again(TWICE, Outcome.failed(reason, "")) is None


def test_every_reason_of_the_platform_that_is_called_retryable_is_retried() -> None:
    """The table and the behaviour say the same."""
    for reason in Reason:
        about = reason.about
        if about.fault is Fault.PLATFORM and about.is_retryable:
            assert again(TWICE, Outcome.failed(reason, "")) == Again(counts=False)


def test_the_first_rule_that_fits_decides() -> None:
    """By exit code or by reason; what no rule names is as without rules."""
    rules = (
        RetryRule(on_exit_codes=(3,), action="fail"),
        RetryRule(on_exit_codes=(3, 4), action="retry"),
        RetryRule(on_exit_codes=(5,), action="ignore"),
        RetryRule(on_reasons=("ImagePullFailed",), action="retry"),
    )
    terms = Terms(retry=RetryTerms(attempts=2, backoff_seconds=0, rules=rules))

    def exited(code: int) -> Outcome:
        return replace(EXITED, exit_code=code)

    assert again(terms, exited(3)) is None
    assert again(terms, exited(4)) == Again(counts=True)
    assert again(terms, exited(5), *attempts(1)) == Again(counts=False)
    assert again(terms, exited(6)) == Again(counts=True)
    assert again(terms, Outcome.failed(Reason.IMAGE_PULL, "")) == Again(counts=True)
    assert again(terms, Outcome.failed(Reason.IMAGE_PULL, ""), *attempts(1)) is None


def test_an_action_of_another_release_fails_the_job() -> None:
    """What is not known is not repeated."""
    rules = (RetryRule(on_exit_codes=(3,), action="wait"),)
    assert again(Terms(retry=RetryTerms(attempts=9, rules=rules)), EXITED) is None


def test_pauses_double_up_to_the_longest_and_are_spread() -> None:
    """Jobs that failed together do not come back together."""
    terms = Terms(retry=RetryTerms(attempts=10, backoff_seconds=10, max_backoff_seconds=60))
    pauses = []
    for count in range(6):
        following = again(terms, EXITED, *attempts(count))
        assert following is not None
        pauses.append(following.delay_s)
    for pause_s, least_s in zip(pauses, [10, 20, 40, 60, 60, 60], strict=True):
        assert least_s <= pause_s <= least_s * 1.2
    other = another_attempt(terms, "another", (), EXITED)
    assert other is not None
    assert other.delay_s != pauses[0]


def test_a_place_without_room_leads_to_the_next_one_without_retry() -> None:
    """While there is one; then the job's own rules hold. Its own failures lead nowhere."""
    full = Outcome.failed(Reason.CAPACITY, "")
    assert again(Terms(), full, has_room_elsewhere=True) == ELSEWHERE
    assert again(Terms(), full, *moves(9), has_room_elsewhere=True) == ELSEWHERE
    assert again(Terms(), full, *moves(9)) is None
    assert again(TWICE, full, *moves(9)) == Again(counts=False)


def test_moves_are_bounded() -> None:
    """Each is a group that was created, and a row that holds it; twenty scopes may be many places."""
    full = Outcome.failed(Reason.CAPACITY, "")
    assert again(Terms(), full, *moves(10), has_room_elsewhere=True) is None
    assert again(TWICE, full, *moves(10), has_room_elsewhere=True) == Again(counts=False)


def test_a_place_without_room_uses_up_nothing() -> None:
    """Neither the user's attempts nor the platform's, and the pauses begin at their beginning."""
    terms = Terms(retry=RetryTerms(attempts=2, backoff_seconds=10, platform_attempts=1))
    vanished = Outcome.failed(Reason.GROUP_VANISHED, "")
    first = again(terms, vanished, *moves(2))
    assert first is not None
    assert first == again(terms, vanished)
    assert again(terms, vanished, *moves(2), *attempts(1, counts=False)) is None
    worked = again(terms, EXITED, *moves(2))
    assert worked == again(terms, EXITED)
