"""The failure taxonomy: every reason has its entry, every code of Azure its reason."""

from __future__ import annotations

import pytest

from acijobs.domain.outcome import Outcome, Phase
from acijobs.domain.reasons import TAXONOMY, Fault, Reason, reason_of_azure


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_says_what_happened_and_what_to_do(reason: Reason) -> None:
    """Meaning and advice are whole sentences; a user reads them."""
    about = reason.about
    for text in (about.meaning, about.advice):
        assert text[0].isupper()
        assert text.endswith(".")
    assert about.fault in Fault
    assert reason.value.isalnum()


def test_the_table_has_nothing_else() -> None:
    """An entry without a reason is one that was renamed."""
    assert set(TAXONOMY) == set(Reason)
    assert len({about.meaning for about in TAXONOMY.values()}) == len(TAXONOMY)


@pytest.mark.parametrize("reason", Reason)
def test_what_the_job_itself_did_is_not_worth_another_attempt(reason: Reason) -> None:
    """The same image and command would end the same way."""
    if reason.about.fault is Fault.JOB:
        assert not reason.about.is_retryable


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("InaccessibleImage", Reason.IMAGE_PULL),
        ("RegistryErrorResponse", Reason.REGISTRY),
        ("ContainerGroupQuotaReached", Reason.QUOTA),
        ("ServiceUnavailable", Reason.CAPACITY),
        ("InsufficientCapacity", Reason.CAPACITY),
        ("AuthorizationFailed", Reason.ACCESS_DENIED),
        ("LinkedAuthorizationFailed", Reason.ACCESS_DENIED),
        ("HTTP 401", Reason.ACCESS_DENIED),
        ("HTTP 403", Reason.ACCESS_DENIED),
        ("HTTP 500", Reason.AZURE_UNAVAILABLE),
        ("HTTP 503", Reason.AZURE_UNAVAILABLE),
        ("InternalServerError", Reason.AZURE_UNAVAILABLE),
        ("ServiceRequestError", Reason.AZURE_UNAVAILABLE),
        ("MissingSubscriptionRegistration", Reason.INVALID_SETTINGS),
        ("ResourceGroupNotFound", Reason.INVALID_SETTINGS),
        ("SubscriptionNotFound", Reason.INVALID_SETTINGS),
        ("InvalidSettings", Reason.INVALID_SETTINGS),
        ("NameTaken", Reason.NAME_TAKEN),
        ("InvalidContainerGroupUpdate", Reason.INVALID_REQUEST),
        ("InvalidContainerEnvironmentVariable", Reason.INVALID_REQUEST),
        ("InvalidOsType", Reason.INVALID_REQUEST),
        ("ResourceSomeRequestsNotSpecified", Reason.INVALID_REQUEST),
        ("MissingIpAddressPorts", Reason.INVALID_REQUEST),
        ("OsVersionNotSupported", Reason.INVALID_REQUEST),
        ("ACodeThatNobodyKnows", Reason.INVALID_REQUEST),
        ("", Reason.INVALID_REQUEST),
    ],
)
def test_each_code_of_azure_stands_for_a_reason(code: str, reason: Reason) -> None:
    """What was not taken and is not known otherwise was not in order; our own codes are not Azure's."""
    assert reason_of_azure(code) is reason
    outcome = Outcome.refused(code, "Azure's own words")
    azure_code = "" if code == reason.value else code
    assert (outcome.phase, outcome.reason) == (Phase.FAILED, reason.value)
    assert outcome.azure_code == azure_code


def test_a_reason_of_another_release_is_shown_as_it_is() -> None:
    """Its code stays; what is said of it is what is said of a defect."""
    outcome = Outcome(reason="OfALaterRelease", message="m")
    shown = outcome.shown()
    assert shown is not None
    assert (shown["code"], shown["message"]) == ("OfALaterRelease", "m")
    assert shown["advice"] == Reason.INTERNAL.about.advice


def test_an_outcome_shows_reason_fault_and_advice() -> None:
    """And Azure's own code, where it has one; success shows none."""
    shown = Outcome.refused("InaccessibleImage", "no such image").shown()
    assert shown == {
        "code": "ImagePullFailed",
        "message": "no such image",
        "fault": "job",
        "retryable": False,
        "advice": Reason.IMAGE_PULL.about.advice,
        "azureCode": "InaccessibleImage",
    }
    assert Outcome.succeeded().shown() is None


def test_an_outcome_in_one_line_names_phase_message_and_code() -> None:
    """It becomes the orchestration's output."""
    assert Outcome.failed(Reason.EXIT_CODE, "it\nbroke").summary == (
        "Failed: it broke [NonZeroExitCode]"
    )
    assert Outcome.succeeded().summary == "Succeeded: the container exited with code 0"


@pytest.mark.parametrize(
    ("outcome", "phase", "fails"),
    [
        (Outcome.succeeded(), Phase.SUCCEEDED, False),
        (Outcome.failed(Reason.INTERNAL, "m"), Phase.FAILED, True),
        (Outcome.timed_out(Reason.RUN_TIMEOUT, "m"), Phase.TIMED_OUT, True),
        (Outcome.cancelled(), Phase.CANCELLED, False),
    ],
)
def test_a_failed_job_fails_its_orchestration_and_a_cancelled_one_does_not(
    outcome: Outcome, phase: Phase, *, fails: bool
) -> None:
    """The portal, alerts and the status URL agree with the job."""
    assert (outcome.phase, outcome.fails_orchestration) == (phase, fails)
    assert outcome.phase.is_end


@pytest.mark.parametrize(
    ("why", "message"),
    [
        ("", "cancelled on request"),
        ("too slow", "cancelled: too slow"),
        ("a\nb", "cancelled: a b"),
    ],
)
def test_a_cancelled_job_tells_why(why: str, message: str) -> None:
    """In one line."""
    outcome = Outcome.cancelled(why)
    assert (outcome.message, outcome.reason) == (message, Reason.CANCELLED.value)
