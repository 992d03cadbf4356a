"""Each alert is fired by what it is about, and by nothing else.

The queries run on rows as Application Insights stores them, translated from KQL to SQL; the thresholds
are those of a deployment.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from infra_queries import Rule, at_grain, rules_of, tiles_of
from infra_templates import SETS, resources
from log_workspace import LogWorkspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RULES = rules_of("flex")
LATE = timedelta(minutes=5)
"""How late a row may come. Source: learn.microsoft.com/azure/azure-monitor/logs/data-ingestion-time:
2 minutes by default for Application Insights, 20 s to 3 minutes for logs."""

GETS_OF_ONE_JOB = (
    *("GET /api/jobs/{id}", "GET /api/jobs/render-42", "GET jobs/{id}", "GetJob"),
    *("GET /api/jobs/{id}/by/{token}", "GET /api/jobs/a.b/by/v1.x_y-z", "JobCapability"),
)
"""Names of the requests that answer 500 of a job that failed: the route, the path, or the function.

Source: azure-sdk-for-net, Azure.Monitor.OpenTelemetry.Exporter, `TraceHelper.GetOperationName`: the
method with `http.route`, or else with the path. Application Insights' own SDK names the function.
"""
OTHER_REQUESTS = (
    *("POST /api/jobs", "GET /api/jobs", "DELETE /api/jobs/{id}", "GET /api/jobs/{id}/logs"),
    *("GET /api/jobs/render-42/logs", "GET /api/jobs/{id}/by/{token}/logs", "GET /api/health/deep"),
    *("DELETE /api/jobs/{id}/by/{token}", "ListJobs", "JobLogs", "JobPartCapability"),
)


@pytest.fixture
def logs() -> Iterator[LogWorkspace]:
    """An empty workspace."""
    with LogWorkspace() as made:
        yield made


@pytest.fixture
def healthy(logs: LogWorkspace) -> LogWorkspace:
    """A busy day on which all goes well: jobs fail through their own fault, a request is throttled."""
    for minute in range(30):
        logs.measured("acijobs.reconciler.round.duration", 1.2, minutes_ago=minute)
        logs.told("reconciled", slow=minute == 1, minutes_ago=minute)
        groups_alive(logs, 25, 15, minutes_ago=minute)
        for state, jobs in (("pending", 5), ("executing", 38), ("finalizing", 2)):
            logs.counted(
                "acijobs.job.active", jobs, minutes_ago=minute, cicd__pipeline__run__state=state
            )
        logs.counted("acijobs.job.oldest_pending", 90, minutes_ago=minute)
        logs.measured("acijobs.arm.request.duration", *[0.2] * 20, minutes_ago=minute)
        logs.counted("acijobs.arm.reads_remaining", 240, minutes_ago=minute)
        logs.counted("acijobs.job.cost", 0.02, minutes_ago=minute)
        logs.counted("acijobs.callback.deliveries", 2, minutes_ago=minute, **outcome("delivered"))
        logs.served("200", success=True, minutes_ago=minute)
        logs.served("404", success=False, minutes_ago=minute)
        logs.served("0", success=True, minutes_ago=minute)
        logs.told("cleaned", cleanUp="Deleted", minutes_ago=minute)
        logs.failed_job(minutes_ago=minute)
        for name in GETS_OF_ONE_JOB:
            logs.served("500", success=False, minutes_ago=minute, name=name)
    ended(logs, 300, reason="none", fault="none")
    ended(logs, 90, reason="NonZeroExitCode", fault="job")
    ended(logs, 20, reason="Cancelled", fault="user")
    ended(logs, 3, reason="NoCapacity", fault="platform")
    logs.counted("acijobs.arm.throttled", 4)
    logs.counted("acijobs.callback.deliveries", 5, **outcome("failed"))
    logs.counted("acijobs.callback.deliveries", 90, **outcome("postponed"))
    logs.told("takeOver", why="stale")
    logs.told("end", why="cancelled")
    logs.wrote("Executed 'Functions.Reconcile' (Succeeded)")
    logs.wrote("{not JSON")
    return logs


def outcome(name: str) -> dict[str, str]:
    return {"acijobs__outcome": name}


def ended(logs: LogWorkspace, jobs: int, *, reason: str, fault: str) -> None:
    logs.counted(
        "acijobs.job.ended", jobs, minutes_ago=4, acijobs__reason=reason, acijobs__fault=fault
    )


def fired(logs: LogWorkspace, rules: dict[str, Rule] = RULES) -> set[str]:
    return {name for name, rule in rules.items() if rule.fires(logs.value_of(rule))}


def groups_alive(logs: LogWorkspace, *groups: int, minutes_ago: float = 3) -> None:
    """Tell how many groups there are in each of several scopes."""
    for number, count in enumerate(groups):
        logs.counted(
            "acijobs.group.alive", count, minutes_ago=minutes_ago, acijobs__scope=f"s{number}/jobs"
        )


def crowd(logs: LogWorkspace, *groups: int) -> None:
    for minute in range(30):
        groups_alive(logs, *groups, minutes_ago=minute)


def crawl(logs: LogWorkspace) -> None:
    for minute in range(30):
        logs.told("reconciled", slow=True, minutes_ago=minute)
        logs.told("reconciled", slow=True, minutes_ago=minute)


def again(happens: Callable[[], None]) -> None:
    for _ in range(11):
        happens()


def fail(logs: LogWorkspace, event: str) -> None:
    for minute in range(20):
        logs.told(event, level=2, minutes_ago=minute)


NOT_LOADED = "Worker failed to load function: 'JobOrchestrator' with function id: '4b1d'."
TROUBLES: dict[str, tuple[str, Callable[[LogWorkspace], None]]] = {
    "storage that is down": ("rounds-failing", lambda logs: fail(logs, "roundEnded")),
    "a list of groups that is denied": ("rounds-failing", lambda logs: fail(logs, "notSwept")),
    "a job given up": ("unattended", lambda logs: logs.told("end", why="givenUp")),
    "a row that cannot be read": ("unattended", lambda logs: logs.told("unreadable", level=3)),
    "a lost task hub": ("unattended", lambda logs: logs.told("takeOver", why="hubLost")),
    "a right taken away": (
        "operator-failures",
        lambda logs: ended(logs, 1, reason="AccessDenied", fault="operator"),
    ),
    "a quota used up": (
        "operator-failures",
        lambda logs: ended(logs, 1, reason="QuotaExceeded", fault="operator"),
    ),
    "a defect": (
        "app-failures",
        lambda logs: ended(logs, 1, reason="InternalError", fault="platform"),
    ),
    "an engine that loses jobs": (
        "app-failures",
        lambda logs: ended(logs, 1, reason="EngineFailure", fault="platform"),
    ),
    "a region without room": (
        "platform-failures",
        lambda logs: ended(logs, 3, reason="NoCapacity", fault="platform"),
    ),
    "an orphan": ("orphans", lambda logs: logs.counted("acijobs.group.orphaned", 1)),
    "groups that nobody deletes": ("groups-beyond-jobs", lambda logs: crowd(logs, 31, 25)),
    "a group that did not go": (
        "clean-up-failed",
        lambda logs: logs.told("cleaned", cleanUp="Failed"),
    ),
    "a job that waits": (
        "queue-age",
        lambda logs: logs.counted("acijobs.job.oldest_pending", 31 * 60),
    ),
    "an engine that crawls": ("slow-engine", crawl),
    "a throttled app": ("throttling", lambda logs: logs.counted("acijobs.arm.throttled", 60)),
    "reads nearly used up": (
        "reads-low",
        lambda logs: logs.counted("acijobs.arm.reads_remaining", 49),
    ),
    "a function that fails": (
        "host-errors",
        lambda logs: again(lambda: logs.served("0", success=False)),
    ),
    "an API that fails": (
        "host-errors",
        lambda logs: again(lambda: logs.served("503", success=True)),
    ),
    "wrong settings": (
        "host-errors",
        lambda logs: again(lambda: logs.served("500", success=True)),
    ),
    "exceptions": ("host-errors", lambda logs: again(lambda: logs.threw("ValueError"))),
    "errors of the host": (
        "host-errors",
        lambda logs: again(lambda: logs.wrote("A host error has occurred", level=3)),
    ),
    "an orchestrator that cannot be loaded": (
        "host-errors",
        lambda logs: again(lambda: logs.wrote(NOT_LOADED, level=3)),
    ),
    "an orchestrator whose loading throws": (
        "host-errors",
        lambda logs: again(lambda: logs.threw("RpcException", text=NOT_LOADED)),
    ),
    "an error that names an orchestrator": (
        "host-errors",
        lambda logs: again(
            lambda: logs.wrote("The 'JobOrchestrator' function is in error: no binding", level=3)
        ),
    ),
    "a message that is no job": ("poison-queue", lambda logs: logs.told("messageRefused", level=2)),
    "a receiver that is down": (
        "callbacks-failing",
        lambda logs: logs.counted("acijobs.callback.deliveries", 60, **outcome("failed")),
    ),
    "an expensive day": (
        "cost",
        lambda logs: logs.counted("acijobs.job.cost", 100, minutes_ago=23 * 60),
    ),
}
"""What may go wrong, with the alert that tells it."""

AT_ONCE = [one for one, (alert, _) in TROUBLES.items() if RULES[alert].window < timedelta(days=1)]


def test_a_healthy_app_fires_nothing(healthy: LogWorkspace) -> None:
    """Nobody is woken by jobs that fail through their own fault, or by a single hiccup of Azure."""
    assert fired(healthy) == set()


@pytest.mark.parametrize("name", OTHER_REQUESTS)
def test_a_500_of_any_other_request_counts(healthy: LogWorkspace, name: str) -> None:
    """Wrong settings throw nothing and write no line: the answers are all there is to see of them."""
    again(lambda: healthy.served("500", success=False, name=name))
    assert fired(healthy) == {"host-errors"}


@pytest.mark.parametrize("name", GETS_OF_ONE_JOB)
def test_a_get_of_one_job_that_fails_otherwise_counts(healthy: LogWorkspace, name: str) -> None:
    """Only 500 says that a job failed: without storage it answers 503."""
    again(lambda: healthy.served("503", success=False, name=name))
    assert fired(healthy) == {"host-errors"}


def test_an_app_that_is_silent_fires_one_alert(logs: LogWorkspace) -> None:
    """Even where the workspace has had no row at all; no figure of another rule is a wrong one."""
    assert fired(logs) == {"no-heartbeat"}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_trouble_fires_its_alert_and_no_other(healthy: LogWorkspace, trouble: str) -> None:
    """So whoever is woken opens the right page."""
    alert, happens = TROUBLES[trouble]
    happens(healthy)
    assert fired(healthy) == {alert}


def test_one_round_that_no_scope_answered_is_one_round(healthy: LogWorkspace) -> None:
    """It tells of each scope, of which there may be twenty: that is a hiccup still."""
    for _ in range(20):
        healthy.told("notSwept", level=2)
    assert fired(healthy) == set()


def test_a_reconciler_that_stopped_fires_though_the_app_goes_on(logs: LogWorkspace) -> None:
    """What it did eleven minutes ago is too old, and what others tell is no heartbeat."""
    logs.measured("acijobs.reconciler.round.duration", 1.2, minutes_ago=11)
    logs.counted("acijobs.job.accepted", 3)
    assert fired(logs) == {"no-heartbeat"}
    logs.measured("acijobs.reconciler.round.duration", 1.2, minutes_ago=9)
    assert fired(logs) == set()


def test_each_rule_has_a_trouble() -> None:
    """A rule that nothing fires would prove nothing."""
    assert {alert for alert, _ in TROUBLES.values()} | {"no-heartbeat"} == set(RULES)


@pytest.mark.parametrize("trouble", AT_ONCE)
def test_a_trouble_that_is_over_is_forgotten(healthy: LogWorkspace, trouble: str) -> None:
    """The alert is resolved once its window has passed."""
    alert, happens = TROUBLES[trouble]
    happens(healthy)
    healthy.pass_time(RULES[alert].window + timedelta(seconds=1))
    assert alert not in fired(healthy)


def test_chosen_thresholds_count(healthy: LogWorkspace) -> None:
    """What fires by default does not under thresholds that are higher."""
    chosen = {"platform-failures", "host-errors", "queue-age", "reads-low", "cost"}
    for alert, happens in TROUBLES.values():
        if alert in chosen:
            happens(healthy)
    assert fired(healthy) == chosen
    assert fired(healthy, rules_of("alerts")) == set()


def test_a_chosen_threshold_is_in_a_rule() -> None:
    """Each of them: no parameter is without effect."""
    changed = {n for n, rule in rules_of("alerts").items() if rule.threshold != RULES[n].threshold}
    assert changed == {
        *("platform-failures", "queue-age", "throttling", "reads-low", "groups-beyond-jobs"),
        *("host-errors", "callbacks-failing", "cost"),
    }


def test_a_few_groups_more_than_jobs_fire_nothing(healthy: LogWorkspace) -> None:
    """However often they are counted: eight more all the time are no more than eight."""
    crowd(healthy, 30, 23)
    assert fired(healthy) == set()


def rounds_with_jobs(logs: LogWorkspace, jobs: int) -> Iterator[int]:
    """Tell of half an hour's rounds, and of that many jobs; give the minutes.

    Not of the newest minute, which would be a slice of its own, with one round.
    """
    state = {"cicd__pipeline__run__state": "unknown"}
    for minute in range(1, 30):
        logs.measured("acijobs.reconciler.round.duration", 1.2, minutes_ago=minute)
        logs.counted("acijobs.job.active", jobs, minutes_ago=minute, **state)
        yield minute


def test_groups_that_move_from_scope_to_scope_are_counted_once(logs: LogWorkspace) -> None:
    """Many in the one a minute ago and many in the other now were never together."""
    for minute in rounds_with_jobs(logs, 40):
        groups_alive(logs, *((45, 0) if minute % 2 else (0, 45)), minutes_ago=minute)
    assert fired(logs) == set()


def test_groups_of_the_scopes_that_could_be_listed_fire(logs: LogWorkspace) -> None:
    """However many there are in the others, there are at least as many more than jobs."""
    for minute in rounds_with_jobs(logs, 17):
        groups_alive(logs, 27, minutes_ago=minute)
    assert fired(logs) == set()
    crowd(logs, 28)
    assert fired(logs) == {"groups-beyond-jobs"}


def test_a_slice_in_which_nothing_could_be_listed_counts_for_nothing(logs: LogWorkspace) -> None:
    """It does not say that there are no groups: those of the rest of the half hour fire."""
    for minute in rounds_with_jobs(logs, 1):
        if not 10 < minute <= 15:
            groups_alive(logs, 20, minutes_ago=minute)
    assert fired(logs) == {"groups-beyond-jobs"}


def test_groups_of_a_moment_fire_nothing(healthy: LogWorkspace) -> None:
    """A burst that ends leaves many groups for some minutes, which is not half an hour."""
    for minute in range(20):
        groups_alive(healthy, 500, 15, minutes_ago=minute)
    assert fired(healthy) == set()


def test_a_short_history_fires_nothing_of_half_an_hour(logs: LogWorkspace) -> None:
    """Of an app that was just started, one slice of five minutes is all that there is."""
    logs.measured("acijobs.reconciler.round.duration", 1.2)
    groups_alive(logs, 500)
    assert fired(logs) == set()


@pytest.mark.parametrize("name", RULES)
def test_a_row_that_comes_late_is_not_missed(name: str) -> None:
    """Each window is longer than the pause between two looks, by more than rows may be late."""
    rule = RULES[name]
    assert rule.window - rule.every >= LATE


@pytest.mark.parametrize("name", SETS)
def test_each_rule_asks_with_an_identity_of_its_own(name: str) -> None:
    """Which may read the workspace, and nothing else; the app's may not even do that."""
    rules = rules_of(name).values()
    identities = {one for rule in rules for one in rule.identities}
    readers = [
        one["id"]
        for one in resources(name, "Microsoft.Authorization/roleAssignments")
        if one["properties"]["roleDefinitionId"].endswith("73c42c96-874c-492b-b04d-ab87d138a893")
    ]
    assert bool(rules) == (name != "idle")
    assert len(readers) == len(identities) == bool(rules)
    assert all("/workspaces/" in one for one in readers)


@pytest.mark.parametrize(
    ("name", "receivers"), [("flex", []), ("idle", []), ("alerts", ["ops", "on-call"])]
)
def test_alerts_are_told_to_those_who_were_named(name: str, receivers: list[str]) -> None:
    """And are in the portal only where nobody was."""
    groups = resources(name, "Microsoft.Insights/actionGroups")
    emails = [one["emailAddress"] for g in groups for one in g["properties"]["emailReceivers"]]
    assert emails == [f"{one}@example.com" for one in receivers]
    told = [rule.properties["actions"]["actionGroups"] for rule in rules_of(name).values()]
    assert all(one == [group["id"] for group in groups] for one in told)


def test_a_webhook_is_kept_secret() -> None:
    """Such URLs often hold a key."""
    (group,) = resources("alerts", "Microsoft.Insights/actionGroups")
    assert "parameters('alertWebhook')" in str(group["properties"]["webhookReceivers"])
    assert "hooks.example.com" not in str(resources("alerts"))


NOT_TRANSLATED = {
    "Waiting, running, detection: percentiles of the means of minutes, seconds": "percentilew"
}
"""Tiles whose function has no translation, so that only the analyser has seen them."""


@pytest.mark.parametrize("title", [one for one in tiles_of("flex") if one not in NOT_TRANSLATED])
def test_a_tile_shows_something_of_a_busy_app(healthy: LogWorkspace, title: str) -> None:
    """Each has an answer with a value in every column."""
    for _, happens in TROUBLES.values():
        happens(healthy)
    healthy.counted("acijobs.job.accepted", 3, acijobs__source="http")
    healthy.counted("acijobs.attempt.ended", 3, acijobs__reason="none", acijobs__fault="none")
    healthy.counted("acijobs.reconciler.acts", 1, acijobs__act="takeOver")
    healthy.counted("acijobs.log.gaps", 1)
    healthy.measured("acijobs.job.wait.duration", 20, 30)
    healthy.measured("acijobs.job.run.duration", 60, 90)
    healthy.measured("acijobs.job.detection.duration", 2, 3)
    rows = healthy.answer(at_grain(tiles_of("flex")[title]["query"]))
    assert rows
    assert all(any(row[column] is not None for row in rows) for column in rows[0])
