from __future__ import annotations

from typing import Any

import pytest

from acijobs.domain.reasons import Fault, Reason
from acijobs.domain.spec.job import parse
from spec_complaints import WEBHOOK_KEY, assert_bounds, complaints, job

HOOK = {"url": "https://example.com/hooks/jobs?a=1"}


def test_what_is_not_said_of_a_jobs_life_has_a_default() -> None:
    """One attempt, deadlines for a small batch job, nothing kept and nobody told."""
    spec = parse(job())
    waits = spec.timeouts
    assert (waits.queue_seconds, waits.provision_seconds, waits.run_seconds) == (21600, 1800, 86400)
    assert (waits.silent_seconds, waits.clean_up_seconds) == (None, 900)
    assert spec.retry is None
    retry = parse(job(retry={})).retry
    assert retry is not None
    assert (retry.attempts, retry.platform_attempts, retry.rules) == (1, 3, [])
    assert (retry.backoff_seconds, retry.max_backoff_seconds) == (10, 300)
    assert (spec.keep_group_seconds, spec.keep_group_when) == (0, "always")
    assert (spec.cancel_grace_seconds, spec.callback, spec.max_cost_usd) == (0, None, None)
    assert parse(job(callback=HOOK)).callback.phases == [  # type: ignore[union-attr]
        *("Succeeded", "Failed", "Cancelled", "TimedOut")
    ]


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        (
            "timeouts",
            [{"queueSeconds": 604_800}, {"silentSeconds": 1}, {"silentSeconds": None}],
            [{"queueSeconds": 0}, {"silentSeconds": 0}, {"cleanUpSeconds": 86_401}],
        ),
        (
            "retry",
            [
                {"attempts": 10},
                {"platformAttempts": 0},
                {"backoffSeconds": 0},
                {"backoffSeconds": 300},
            ],
            [{"attempts": 0}, {"attempts": 11}, {"platformAttempts": -1}, {"backoffSeconds": 301}],
        ),
        ("keepGroupSeconds", [0, 604_800], [-1, 604_801, 1.5, "1"]),
        ("keepGroupWhen", ["always", "onFailure"], ["never", None]),
        ("cancelGraceSeconds", [0, 600], [-1, 601]),
        ("maxCostUsd", [0.01, 5, 1_000_000], [0, -1, 1_000_001, "5", float("nan")]),
    ],
)
def test_each_field_keeps_its_bounds(field: str, good: list[Any], bad: list[Any]) -> None:
    """And is itself named when it does not."""
    assert_bounds(field, good, bad)


def test_a_retry_rule_fits_something_and_does_something() -> None:
    """Exit codes of Linux, Windows and Azure; reasons of the table."""

    def rules(*rules: dict[str, Any]) -> dict[str, str]:
        return complaints(retry={"rules": list(rules)})

    assert rules({"onExitCodes": [1, 255, 7147, -1073741819, 3221225477], "action": "retry"}) == {}
    assert rules({"onReasons": ["OutOfMemory"], "onExitCodes": [2], "action": "ignore"}) == {}
    assert set(rules({"action": "fail"})) == {"#/retry/rules/0"}
    assert set(rules({"onExitCodes": [0, 2**32], "action": "fail"})) == {
        *("#/retry/rules/0/onExitCodes/0", "#/retry/rules/0/onExitCodes/1"),
    }
    assert set(rules({"onExitCodes": [], "action": "again"}, {"onReasons": ["Oom"]})) == {
        *("#/retry/rules/0/onExitCodes", "#/retry/rules/0/action"),
        *("#/retry/rules/1/onReasons/0", "#/retry/rules/1/action"),
    }


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_but_the_users_own_can_be_named_by_a_rule(reason: Reason) -> None:
    """What a user has ended is not tried again."""
    found = complaints(retry={"rules": [{"onReasons": [reason.value], "action": "retry"}]})
    assert bool(found) == (reason.about.fault is Fault.USER)


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "example.com",
            "ftp://example.com",
            "https://",
            "https:///x",
            "https://example.com/a b",
        ),
        *("https://u:p@example.com/", "https://example.com/#top", "https://example.com:99999/"),
        *("https://exämple.com/", "https://example.com/\n", "https://[::1", "javascript:alert(1)"),
        "https://example.com/" + "x" * 2048,
    ],
)
def test_a_callback_goes_to_a_plain_url(url: str) -> None:
    """Without a password, a fragment, or anything that a URL cannot have."""
    assert set(complaints(callback={"url": url})) == {"#/callback/url"}


def test_a_callback_tells_phases_each_once() -> None:
    """All but Running where nothing is said."""
    assert_bounds(
        "callback",
        good=[HOOK, HOOK | {"phases": ["Running", "Failed"]}],
        bad=[
            {},
            HOOK | {"phases": []},
            HOOK | {"phases": ["Done"]},
            HOOK | {"phases": ["Failed"] * 2},
        ],
    )


@pytest.mark.parametrize(
    "key", ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_AAAA", "whsec_é"]
)
def test_a_callbacks_key_is_written_as_standard_webhooks_do(key: str) -> None:
    """Only one that comes with the request can be looked at; the complaint does not show it."""
    assert complaints(callback=HOOK | {"secret": {"value": WEBHOOK_KEY}}) == {}
    assert complaints(callback=HOOK | {"secret": {"appSetting": "JobSecret_Hook"}}) == {}
    found = complaints(callback=HOOK | {"secret": {"value": key}})
    assert set(found) == {"#/callback/secret/value"}
    assert key == "whsec_" or key not in str(found)
