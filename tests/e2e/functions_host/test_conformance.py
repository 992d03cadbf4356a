"""Every pattern of the Durable Functions documentation, over HTTP only, on the host as a subprocess."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from functions_host_process import APPS, DURABLE, HostProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def serving(app: str, state: Path, **settings: str) -> Iterator[HostProcess]:
    with HostProcess(APPS / app, state, settings=settings) as host:
        yield host


def test_chaining_hands_each_result_to_the_next_step(tmp_path: Path) -> None:
    """Started by a function through the SDK, followed by the URLs in its answer."""
    with serving("chaining", tmp_path) as host:
        started = host.post("/api/start/Chain", {"items": ["a", "b", "c"]})
        assert started.status == 202
        assert started.headers["retry-after"]
        urls = started.json()
        assert started.headers["location"] == urls["statusQueryGetUri"]
        status = host.wait_end(urls["id"])
    assert status["runtimeStatus"] == "Completed"
    assert status["output"] == "Ship: 3 in 2"
    assert status["customStatus"] == {"packed": 2}
    assert json.loads(status["input"]) == {"items": ["a", "b", "c"]}  # the SDK encodes it twice


def test_faults_of_the_real_engine_come_from_the_environment(tmp_path: Path) -> None:
    """The host says when one strikes; the app meets it as on Azure."""
    fault = {"fault": "OrchestratorKilled", "function": "Chain", "occurrence": 3}
    with serving("chaining", tmp_path, FUNCTIONS_HOST_FAULTS=json.dumps([fault])) as host:
        status = host.run("Chain", {"items": ["a", "b", "c"]})
        host.wait_for_line("The fault OrchestratorKilled strikes Chain")
    assert status["runtimeStatus"] == "Failed"
    assert status["output"].startswith("Non-Deterministic workflow detected")
    assert status["customStatus"] is None


def test_fan_out_collects_results_in_order(tmp_path: Path) -> None:
    """Fifty activities in parallel; and a failure among others is told after all have ended."""
    with serving("fan_out", tmp_path) as host:
        done = host.run("FanOut", {"count": 50})
        assert done["output"] == {
            "squares": [n * n for n in range(50)],
            "sum": sum(n * n for n in range(50)),
        }
        assert host.run("OneFails")["output"] == {"caught": True}


def test_sub_orchestrations_have_ids_parents_and_failures(tmp_path: Path) -> None:
    """Chosen and default ids, parallel children, and a child's failure caught by its parent."""
    with serving("sub_orchestration", tmp_path) as host:
        instance_id = host.start("Parent")
        output = host.wait_end(instance_id)["output"]
        child = host.status(f"{instance_id}-first")
    assert output["named"] == {"n": 2, "id": f"{instance_id}-first", "parent": instance_id}
    assert output["pair"] == [4, 6]
    assert "-1 is negative" in output["error"]
    assert child["runtimeStatus"] == "Completed"


def test_retries_go_on_until_it_works_or_attempts_are_used_up(tmp_path: Path) -> None:
    """Activities and sub-orchestrations; the last failure is the one reported."""
    counters = [str(tmp_path / f"counter-{n}") for n in range(3)]
    with serving("retry", tmp_path / "state") as host:
        works = host.run("Retry", {"counter": counters[0], "failures": 2, "attempts": 3})
        fails = host.run("Retry", {"counter": counters[1], "failures": 9, "attempts": 3})
        child = host.run("RetryChild", {"counter": counters[2], "failures": 1})
    assert (works["runtimeStatus"], works["output"]) == ("Completed", 3)
    assert fails["runtimeStatus"] == "Failed"
    assert "try 3 fails" in fails["output"]
    assert (child["runtimeStatus"], child["output"]) == ("Completed", 2)


def test_human_interaction_takes_the_decision_or_escalates(tmp_path: Path) -> None:
    """An event beats the deadline and ends the instance at once; without one the deadline decides."""
    with serving("human_interaction", tmp_path) as host:
        approved = host.start("Approval", {"seconds": 3600})
        assert host.raise_event(approved, "Decision", {"approved": True}) == 202
        assert host.wait_end(approved)["output"] == {"decided": {"approved": True}}
        assert host.run("Approval", {"seconds": 0.2})["output"] == "escalated"
        assert host.raise_event(approved, "Decision", {}) == 410
        assert host.raise_event("nobody", "Decision", {}) == 404


def test_monitor_looks_until_ready_or_out_of_patience(tmp_path: Path) -> None:
    """Timers between looks, compared with the orchestration's own clock."""
    with serving("monitor", tmp_path) as host:
        ready = host.run("Monitor", {"ready_at": 4, "patience": 60})
        not_ready = host.run("Monitor", {"ready_at": 10**6, "patience": 0.2})
    assert ready["output"] == {"ready": True, "looks": 4}
    assert not_ready["output"] == {"ready": False}


def test_eternal_orchestration_keeps_its_history_short(tmp_path: Path) -> None:
    """Twenty rounds add up, and the history holds only the last one."""
    with serving("eternal", tmp_path) as host:
        instance_id = host.start("Eternal", {"total": 0, "round": 1, "last": 20})
        assert host.wait_end(instance_id)["output"]["total"] == 210
        path = f"{DURABLE}/instances/{instance_id}?showHistory=true"
        assert len(host.get(path).json()["historyEvents"]) < 6


def test_aggregator_entity_keeps_its_state(tmp_path: Path) -> None:
    """Signals from clients and calls from orchestrations reach one state, also after a restart."""
    with serving("aggregator", tmp_path) as host:
        assert host.get("/api/counters/k").json() is None
        for amount in (1, 2, 3):
            assert host.request("POST", "/api/counters/k", str(amount)).status == 202
        host.wait_for(lambda: host.get("/api/counters/k").json() == 6)
        assert host.run("Tally", {"key": "other"})["output"] == [11, 111]
        assert host.post(f"{DURABLE}/entities/Counter/k?op=add", "4").status == 202
        host.wait_for(lambda: host.get("/api/counters/k").json() == 10)
        host.kill()
    with serving("aggregator", tmp_path) as host:
        assert host.get("/api/counters/k").json() == 10
        assert host.get(f"{DURABLE}/entities/Counter/other").json() == 111


def test_error_handling_compensates_or_fails_in_the_documented_words(tmp_path: Path) -> None:
    """A caught failure has the extension's wording; an uncaught one ends the instance as Failed."""
    with serving("error_handling", tmp_path) as host:
        caught = host.run("Transfer")
        uncaught = host.run("Unhandled")
    reason = "Activity function 'Credit' failed:  PermissionError: no credit of 10"
    assert caught["runtimeStatus"] == "Completed"
    assert caught["output"]["undone"] == 10
    assert caught["output"]["because"].startswith(reason)
    assert uncaught["runtimeStatus"] == "Failed"
    assert uncaught["output"].startswith("Orchestrator function 'Unhandled' failed: ")
    assert reason in uncaught["output"]


def test_versions_side_by_side_go_on_and_a_change_in_place_is_detected(tmp_path: Path) -> None:
    """An instance of release 1 wakes up in release 2."""
    with serving("versioning", tmp_path, RELEASE="1") as host:
        changed = host.start("Order")
        safe = host.start("OrderSafely", {"release": "1"})
        for instance_id in (changed, safe):
            path = f"{DURABLE}/instances/{instance_id}?showHistory=true"
            host.wait_for(lambda p=path: "TaskCompleted" in host.get(p).text)
    with serving("versioning", tmp_path, RELEASE="2") as host:
        for instance_id in (changed, safe):
            assert host.raise_event(instance_id, "Go", "now") == 202
        broken, fine = host.wait_end(changed), host.wait_end(safe)
    assert (fine["runtimeStatus"], fine["output"]) == (
        "Completed",
        ["reserved by 1", "billed by 1"],
    )
    assert broken["runtimeStatus"] == "Failed"
    assert "Non-Deterministic workflow detected" in json.dumps(broken["output"])


@pytest.mark.parametrize("crash", [False, True])
def test_an_instance_goes_on_where_it_was(tmp_path: Path, *, crash: bool) -> None:
    """After a stop and after a kill, a waiting instance takes its event."""
    with serving("human_interaction", tmp_path) as host:
        instance_id = host.start("Approval", {"seconds": 3600})
        host.wait_for(lambda: host.status(instance_id)["runtimeStatus"] == "Running")
        if crash:
            host.kill()
        else:
            assert host.stop() == 0
    with serving("human_interaction", tmp_path) as host:
        host.raise_event(instance_id, "Decision", "yes")
        assert host.wait_end(instance_id)["output"] == {"decided": "yes"}
