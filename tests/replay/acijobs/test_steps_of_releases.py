"""The steps of this release's orchestrators against those of the release before it.

What Microsoft's engine compares at a replay: which kinds of tasks were scheduled, in which order, under
which names. Where these differ, it fails every execution in flight, in both directions.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from acijobs.version import VERSION
from engine_app import next_release
from releases import previous_package, previous_version

ROOT = Path(__file__).parents[3]
HISTORIES = sorted((Path(__file__).parent / "histories").glob("*.json"))
GUIDE = ROOT / "docs" / "guides" / "upgrade.md"

_REPLAY = """
import importlib, json, sys
sys.path.insert(0, sys.argv[1])
answers = []
for instance in json.load(sys.stdin):
    main = importlib.import_module(instance["name"]).main
    try:
        answer = main(json.dumps(instance["context"]))
    except Exception as error:
        answer = str(error).split("$OutOfProcData$:")[-1]
    answers.append(json.loads(answer)["actions"])
loaded = sys.modules["acijobs"].__file__
json.dump({"answers": answers, "loaded": loaded}, sys.stdout)
"""

Actions = list[list[dict[str, Any]]]
_IS_WAIT = 6
"""The action of a wait for an event, which leaves nothing in a history."""


def recorded() -> list[dict[str, Any]]:
    """Return every recorded instance of this release."""
    files = [json.loads(path.read_text("utf-8"))["instances"] for path in HISTORIES]
    return [instance for file in files for instance in file.values()]


def replayed(app: Path, instances: list[dict[str, Any]]) -> list[Actions]:
    """Return what the orchestrators of an app, a folder or a zip, decide in these histories."""
    command = [sys.executable, "-P", "-c", _REPLAY, str(app)]
    given = json.dumps(instances)
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=True, cwd="/")
    told = json.loads(done.stdout)
    assert told["loaded"].startswith(str(app))
    answers: list[Actions] = told["answers"]
    return answers


def steps(actions: Actions) -> list[tuple[int, str]]:
    """Return what the engine compares: the kind and the name of each task, in their order."""
    tasks = [task for episode in actions for task in _flat(episode)]
    return [
        (task["actionType"], task.get("functionName") or "")
        for task in tasks
        if task["actionType"] != _IS_WAIT
    ]


def _flat(actions: list[Any]) -> list[Any]:
    """Return actions with those that compound ones hold, as task_any does."""
    flat = []
    for action in actions:
        parts = action.get("compoundActions")
        flat += [action] if parts is None else _flat(parts)
    return flat


def changed_in(app: Path) -> list[str]:
    """Return the recorded instances in which an app takes other steps."""
    instances = recorded()
    made = replayed(app, instances)
    return [
        instance["context"]["instanceId"]
        for instance, actions in zip(instances, made, strict=True)
        if steps(actions) != steps(instance["answer"]["actions"])
    ]


def test_the_guide_says_whether_the_steps_are_those_of_the_release_before() -> None:
    """And a release with other steps has another minor version: a patch is safe in both directions."""
    changed = changed_in(previous_package())
    right = "changed" if changed else "the same"
    assert steps_by_guide().get(VERSION) == right, (
        f"docs/guides/upgrade.md must say that the steps of {VERSION} are {right}: those of"
        f" {previous_version()} differ in {changed or 'no history'}. Where they do, branch on"
        " context.version if you can; else raise the minor version (docs/adr/0020)."
    )
    if changed:
        assert minor(VERSION) > minor(previous_version()), (
            "changed steps need another minor version"
        )


def steps_by_guide() -> dict[str, str]:
    """Return what the guide says of the steps of each release."""
    rows = re.compile(r"^\| (\d+\.\d+\.\d+) \| (the same|changed)\b", re.MULTILINE)
    return dict(rows.findall(GUIDE.read_text("utf-8")))


def minor(version: str) -> tuple[int, ...]:
    """Return the parts of a version but for the last."""
    return tuple(map(int, version.split(".")[:2]))


def test_one_more_step_is_seen(tmp_path: Path) -> None:
    """A release that sets one more timer before it creates a group takes other steps everywhere."""
    other = next_release(ROOT, tmp_path / "next")
    assert set(changed_in(other)) >= {"succeeded", "cancelled", "long"}


def test_this_release_takes_its_own_recorded_steps() -> None:
    """Or the histories are not those of this release: record_histories.py records them anew."""
    assert changed_in(ROOT) == []
