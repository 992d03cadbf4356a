"""Recorded histories of both orchestrators, replayed by the SDK."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

import JobOrchestrator
import WatchOrchestrator

HISTORIES = sorted((Path(__file__).parent / "histories").glob("*.json"))
HANDLES = {"JobOrchestrator": JobOrchestrator.main, "WatchOrchestrator": WatchOrchestrator.main}


def replay(golden: dict[str, Any]) -> dict[str, Any]:
    try:
        state = HANDLES[golden["orchestrator"]](json.dumps(golden["context"]))
    except Exception as error:  # noqa: BLE001 - how the SDK reports a failed orchestrator
        state = str(error).split("$OutOfProcData$:")[-1]
    result: dict[str, Any] = json.loads(state)
    return result


def test_there_are_histories_of_both_orchestrators() -> None:
    """Six scenarios, each with its job and its last watch."""
    assert len(HISTORIES) == 12


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
def test_a_recorded_history_replays_to_the_same_decisions(path: Path) -> None:
    """Actions, output and custom status are as they were recorded, to the last field."""
    golden = json.loads(path.read_text("utf-8"))
    assert replay(golden) == golden["state"]


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
def test_every_shorter_history_leads_to_a_beginning_of_the_same_decisions(path: Path) -> None:
    """Cut at any episode, the replay has made the first of the recorded decisions, in their order."""
    golden = json.loads(path.read_text("utf-8"))
    whole = golden["state"]["actions"][0]
    history = golden["context"]["history"]
    ends = [i for i, event in enumerate(history) if event["EventType"] == 13]
    for end in ends:
        shorter = copy.deepcopy(golden)
        shorter["context"]["history"] = history[:end]
        actions = replay(shorter)["actions"][0]
        assert actions == whole[: len(actions)]
        assert actions
