"""Histories of both orchestrators, recorded on Microsoft's own engine, replayed by the SDK."""

from __future__ import annotations

import copy
import json
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import JobOrchestrator
import WatchOrchestrator
from acijobs.domain.codec import decode, encode
from acijobs.domain.messages import REPLIES, JobInput
from acijobs.domain.watch import Change, Watch

if TYPE_CHECKING:
    from collections.abc import Callable

Instance = dict[str, Any]

HANDLES = {"JobOrchestrator": JobOrchestrator.main, "WatchOrchestrator": WatchOrchestrator.main}
PATHS = sorted((Path(__file__).parent / "histories").glob("*.json"))
INSTANCES = [
    pytest.param(instance, id=instance_id)
    for path in PATHS
    for instance_id, instance in json.loads(path.read_text("utf-8"))["instances"].items()
]
COMPLETED = {5, 8}
"""TaskCompleted and SubOrchestrationInstanceCompleted: their results are replies."""


def replay(instance: Instance, history: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    context = copy.deepcopy(instance["context"])
    if history is not None:
        context["history"] = history
    try:
        state = HANDLES[instance["name"]](json.dumps(context))
    except Exception as error:  # noqa: BLE001 - how the SDK reports a failed orchestrator
        state = str(error).split("$OutOfProcData$:")[-1]
    result: dict[str, Any] = json.loads(state)
    return result


def changed(
    instance: Instance, change: Callable[[type[Any], dict[str, Any]], dict[str, Any]]
) -> Instance:
    """Return the instance with every message that it was given changed."""
    other = copy.deepcopy(instance)
    kind = JobInput if instance["name"] == "JobOrchestrator" else Watch
    for event in other["context"]["history"]:
        if event["EventType"] == 0:
            given = change(kind, json.loads(json.loads(event["Input"])))
            event["Input"] = json.dumps(json.dumps(given))
            other["context"]["input"] = json.dumps(given)
        elif event["EventType"] in COMPLETED:
            reply = json.loads(event["Result"])
            event["Result"] = json.dumps(change(REPLIES[reply["kind"]], reply))
    return other


def with_unknown_fields(kind: type[Any], data: dict[str, Any]) -> dict[str, Any]:
    """Add a field that this release does not know to the message and to all that it holds."""
    del kind
    shown = json.loads(json.dumps(data), object_hook=lambda found: found | {"added": [1]})
    result: dict[str, Any] = _without_added_times(shown)
    return result


def _without_added_times(data: Any) -> Any:
    if isinstance(data, dict):
        return {
            name: {k: v for k, v in value.items() if k != "added"}
            if name == "times"
            else _without_added_times(value)
            for name, value in data.items()
        }
    return [_without_added_times(item) for item in data] if isinstance(data, list) else data


def without_defaults(kind: type[Any], data: dict[str, Any]) -> dict[str, Any]:
    """Leave out every field that holds its default: an older release may not have written it."""
    kept = {"kind": data["kind"]} if "kind" in data else {}
    for name, value in data.items():
        nested = {"watch": Watch, "change": Change}.get(name)
        if nested is not None and isinstance(value, dict):
            kept[name] = _shortened(decode(nested, value))
        elif name in _shortened(decode(kind, data)):
            kept[name] = value
    return kept


def _shortened(value: Any) -> dict[str, Any]:
    default = type(value)()
    return {
        name: item
        for name, item in encode(value).items()
        if item != encode(default).get(name, object())
    }


def test_every_scenario_has_its_history() -> None:
    """Success, exit code, cancel (both ways), timeout, vanished group, refusal, capacity, a child."""
    names = {path.stem for path in PATHS}
    assert names == {
        "succeeded",
        "exit-code-3",
        "cancelled",
        "cancelled-by-event",
        "timed-out",
        "vanished",
        "refused",
        "no-capacity",
        "waited-for-capacity",
        "slow-clean-up",
        "long",
    }
    assert any(param.values[0]["name"] == "WatchOrchestrator" for param in INSTANCES)


@pytest.mark.parametrize("instance", INSTANCES)
def test_a_recorded_history_replays_to_the_same_decisions(instance: Instance) -> None:
    """Actions, output and custom status are as they were recorded, to the last field."""
    assert replay(instance) == instance["answer"]


@pytest.mark.parametrize("instance", INSTANCES)
def test_every_shorter_history_leads_to_a_beginning_of_the_same_decisions(
    instance: Instance,
) -> None:
    """Cut at any episode, the replay has made the first of the recorded decisions, in their order."""
    whole = _uncancelled(instance["answer"]["actions"][0])
    history = instance["context"]["history"]
    for end in [i for i, event in enumerate(history) if event["EventType"] == 13]:
        actions = _uncancelled(replay(instance, history[:end])["actions"][0])
        assert actions == whole[: len(actions)]
        assert actions


def _uncancelled(actions: list[Any]) -> list[Any]:
    """Return the actions as they were before a later episode cancelled their timers."""
    text = json.dumps(actions).replace('"isCanceled": true', '"isCanceled": false')
    uncancelled: list[Any] = json.loads(text)
    return uncancelled


@pytest.mark.parametrize("instance", INSTANCES)
@pytest.mark.parametrize("change", [with_unknown_fields, without_defaults])
def test_messages_of_another_release_lead_to_the_same_decisions(
    instance: Instance, change: Callable[[type[Any], dict[str, Any]], dict[str, Any]]
) -> None:
    """An unknown field in every message, and optional fields missing, change nothing."""
    answer = replay(changed(instance, change))
    assert answer["actions"] == instance["answer"]["actions"]
    assert answer.get("customStatus") == instance["answer"].get("customStatus")
    assert answer.get("error") == instance["answer"].get("error")


def test_every_wire_message_has_defaults_for_all_of_its_fields() -> None:
    """A message of which nothing can be read is still a message."""
    for kind in (*REPLIES.values(), JobInput, Watch, Change):
        assert is_dataclass(kind)
        assert decode(kind, {}) == kind()
        assert {field.name for field in fields(kind)} == set(vars(kind()))
