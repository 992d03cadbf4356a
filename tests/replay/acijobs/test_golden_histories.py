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
from acijobs.domain.messages import LOOK_EVENT, REPLIES, JobInput
from acijobs.domain.watch import Change, Watch

if TYPE_CHECKING:
    from collections.abc import Callable

Instance = dict[str, Any]

HANDLES = {"JobOrchestrator": JobOrchestrator.main, "WatchOrchestrator": WatchOrchestrator.main}
FOLDER = Path(__file__).parent
PATHS = sorted((FOLDER / "histories").glob("*.json"))


def instances_in(folder: str) -> list[Any]:
    """Return every recorded instance of a folder."""
    return [
        pytest.param(instance, id=f"{folder}-{instance_id}")
        for path in sorted((FOLDER / folder).glob("*.json"))
        for instance_id, instance in json.loads(path.read_text("utf-8"))["instances"].items()
    ]


INSTANCES = instances_in("histories")
EARLIER = instances_in("earlier")
"""Recorded on the code before attempts, limits and looks: jobs that were in flight then go on."""
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
    """Success, exit code, ways to cancel, timeout, no group, refusal, capacity, child, callback."""
    names = {path.stem for path in PATHS}
    assert names == {
        "succeeded",
        "told",
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
        "retried",
        "kept",
        "ended-gently",
        "silent",
    }
    assert len(EARLIER) >= 11
    assert any(param.values[0]["name"] == "WatchOrchestrator" for param in INSTANCES)


@pytest.mark.parametrize("instance", INSTANCES)
def test_a_recorded_history_replays_to_the_same_decisions(instance: Instance) -> None:
    """Actions, output and custom status are as they were recorded, to the last field."""
    assert replay(instance) == instance["answer"]


@pytest.mark.parametrize("instance", EARLIER)
def test_a_job_that_an_earlier_release_began_is_gone_on_with(instance: Instance) -> None:
    """Actions, output and custom status are as they were recorded, to the last recorded field."""
    assert added_apart(replay(instance), instance["answer"]) == instance["answer"]


@pytest.mark.parametrize("instance", INSTANCES + EARLIER)
def test_every_shorter_history_leads_to_a_beginning_of_the_same_decisions(
    instance: Instance,
) -> None:
    """Cut at any episode, the replay has made the first of the recorded decisions, in their order."""
    whole = _uncancelled(instance["answer"]["actions"][0])
    history = instance["context"]["history"]
    for end in [i for i, event in enumerate(history) if event["EventType"] == 13]:
        actions = _uncancelled(replay(instance, history[:end])["actions"][0])
        recorded = whole[: len(actions)]
        assert added_apart(actions, recorded) == recorded
        assert actions


def added_apart(made: Any, recorded: Any) -> Any:
    """Return what was made without what a later release adds and no engine compares.

    These are fields of messages and of what is shown, and waits for events that no job was sent then:
    waiting leaves nothing in a history. Whatever is missing, or has another value, is still seen; but
    for the wording of advice, which belongs to a reason and not to the job.
    """
    if isinstance(made, dict) and isinstance(recorded, dict):
        shared = {name: value for name, value in made.items() if name in recorded}
        return {
            name: recorded[name] if name == "advice" else added_apart(value, recorded[name])
            for name, value in shared.items()
        }
    if isinstance(made, list) and isinstance(recorded, list):
        has_waits = any(_is_look(item) for item in recorded)
        kept = [item for item in made if has_waits or not _is_look(item)]
        pairs = zip(kept, [*recorded, *kept[len(recorded) :]], strict=False)
        return [added_apart(item, known) for item, known in pairs]
    if isinstance(made, str) and isinstance(recorded, str) and made.startswith("{"):
        data = added_apart(json.loads(made), json.loads(recorded))
        return recorded if data == json.loads(recorded) else made
    return made


def _is_look(action: Any) -> bool:
    return isinstance(action, dict) and action.get("externalEventName") == LOOK_EVENT


def _uncancelled(actions: list[Any]) -> list[Any]:
    """Return the actions as they were before a later episode cancelled their timers."""
    text = json.dumps(actions).replace('"isCanceled": true', '"isCanceled": false')
    uncancelled: list[Any] = json.loads(text)
    return uncancelled


@pytest.mark.parametrize("instance", INSTANCES + EARLIER)
@pytest.mark.parametrize("change", [with_unknown_fields, without_defaults])
def test_messages_of_another_release_lead_to_the_same_decisions(
    instance: Instance, change: Callable[[type[Any], dict[str, Any]], dict[str, Any]]
) -> None:
    """An unknown field in every message, and optional fields missing, change nothing."""
    answer = added_apart(replay(changed(instance, change)), instance["answer"])
    assert answer["actions"] == instance["answer"]["actions"]
    assert answer.get("customStatus") == instance["answer"].get("customStatus")
    assert answer.get("error") == instance["answer"].get("error")


def test_every_wire_message_has_defaults_for_all_of_its_fields() -> None:
    """A message of which nothing can be read is still a message."""
    for kind in (*REPLIES.values(), JobInput, Watch, Change):
        assert is_dataclass(kind)
        assert decode(kind, {}) == kind()
        assert {field.name for field in fields(kind)} == set(vars(kind()))
