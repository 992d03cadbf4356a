from __future__ import annotations

from typing import Any

import pytest

from acijobs.domain.errors import InvalidSpecError
from acijobs.domain.spec import parse


def complaints(data: Any) -> dict[str, str]:
    with pytest.raises(InvalidSpecError) as raised:
        parse(data)
    return {violation.pointer: violation.detail for violation in raised.value.violations}


def job(**fields: Any) -> dict[str, Any]:
    return {"image": "alpine:3.20"} | fields


def test_a_job_needs_only_an_image() -> None:
    """Everything else has a default that suits a small batch job."""
    spec = parse(job())
    assert (spec.cpu, spec.memory_gb, spec.os, spec.restart_policy) == (1.0, 1.5, "Linux", "Never")
    assert (spec.timeouts.provision_seconds, spec.timeouts.run_seconds) == (1800, 86400)
    assert (spec.command, spec.id, spec.environment, spec.tags) == (None, None, {}, {})


def test_all_wrong_fields_are_named_at_once() -> None:
    """With a pointer each, into maps and lists too."""
    wrong = {
        "command": ["sh", 5],
        "environment": {"1-A": "x", "B": 3, "C": "a\0b"},
        "cpu": 0,
        "memoryGb": "2",
        "os": "linux",
        "restartPolicy": "Always",
        "tags": {"acijobs-job": "x", "a/b": "y", "ok": "v" * 257},
        "timeouts": {"runSeconds": 0, "provisionSeconds": 1.5, "run": 3},
        "id": "Nightly",
        "gpu": 1,
    }
    assert set(complaints(wrong)) == {
        *("#/image", "#/command/1", "#/environment/1-A", "#/environment/B", "#/environment/C"),
        *("#/cpu", "#/memoryGb", "#/os", "#/restartPolicy", "#/tags/acijobs-job"),
        *("#/tags/a~1b", "#/tags/ok", "#/timeouts/runSeconds", "#/timeouts/provisionSeconds"),
        *("#/timeouts/run", "#/id", "#/gpu"),
    }


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("memory_gb", "memoryGb"),
        ("restart_policy", "restartPolicy"),
        ("memory", "memoryGb"),
        ("Image", "image"),
        ("env", "known are image, command"),
        ("timeout", "timeouts"),
    ],
)
def test_an_unknown_field_is_refused_with_a_hint(name: str, hint: str) -> None:
    """Names are camelCase only; what looks like one of them is pointed out."""
    assert hint in complaints(job(**{name: 1}))[f"#/{name}"]


def test_an_unknown_field_of_the_timeouts_gets_a_hint_of_theirs() -> None:
    """Not of the job's."""
    found = complaints(job(timeouts={"run_seconds": 5}))
    assert "'runSeconds'" in found["#/timeouts/run_seconds"]


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("echo hello world", '["echo", "hello", "world"]'),
        ("sh -c 'echo \"hi\" é'", r'["sh", "-c", "echo \"hi\" é"]'),
        ("echo 'unclosed", '["echo", "\'unclosed"]'),
        ("echo {x}", '["echo", "{x}"]'),
    ],
)
def test_a_shell_string_is_refused_with_the_list_it_would_be(command: str, shown: str) -> None:
    """The list can be copied as it is: it is JSON."""
    assert complaints(job(command=command))["#/command"].endswith(f"use {shown}")


@pytest.mark.parametrize("command", ["", " ", [], [""]])
def test_a_command_without_an_executable_is_refused(command: Any) -> None:
    """Leaving the field out means the image's own entry point."""
    assert "#/command" in complaints(job(command=command))


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("cpu", [0.1, 1, 31], [0, -1, 31.5, float("nan"), float("inf"), True, "1", None, 10**400]),
        ("memoryGb", [0.1, 240], [0, 241, "1"]),
        ("os", ["Linux", "Windows"], ["Darwin", None]),
        ("restartPolicy", ["Never", "OnFailure"], ["Always", 1]),
        (
            "image",
            ["a", "mcr.microsoft.com/x/y:1@sha256:00"],
            ["", " ", "a b", "a\n", 5, "x" * 513],
        ),
        ("id", ["a", "a-b", "1", "a" * 59], ["", "A", "-a", "a-", "a--b", "a" * 60, "a_b", "é", 1]),
        ("tags", [{}, {"a b": ""}], [{"": "x"}, {"A" * 129: "x"}, {"a<": "x"}, {"ACIJOBS-x": "y"}]),
        ("environment", [{"A_1": ""}], [{"A-1": ""}, {"": ""}, {"A" * 64: ""}, {"A": None}, []]),
        ("timeouts", [{}, {"runSeconds": 1209600}], [{"runSeconds": 2592001}, {"runSeconds": "1"}]),
        ("command", [["x", ""], ["x"] * 1024], [["x"] * 1025, ["x\0"], [["x"]], {"x": 1}]),
    ],
)
def test_each_field_keeps_its_bounds(field: str, good: list[Any], bad: list[Any]) -> None:
    """At the bound it is taken, beyond it refused, and only that field is named."""
    for value in good:
        parse(job(**{field: value}))
    for value in bad:
        found = complaints(job(**{field: value}))
        assert all(pointer.startswith(f"#/{field}") for pointer in found), found


def test_more_tags_than_azure_has_room_for_are_refused() -> None:
    """Azure takes 50 tags, of which acijobs needs some itself."""
    assert "at most 40" in complaints(job(tags={f"t{n}": "" for n in range(41)}))["#/tags"]


@pytest.mark.parametrize("data", [None, [], "x", 5, True])
def test_a_job_is_an_object(data: Any) -> None:
    """Anything else is one complaint about the whole."""
    assert set(complaints(data)) == {"#"}


def test_a_complaint_does_not_repeat_a_long_value() -> None:
    """What was sent in the wrong place may be large, or a secret."""
    found = complaints(
        job(timeouts={"runSeconds": "s3cret" * 1000}, cpu="s3cret", image=["s3cret"])
    )
    assert "s3cret" not in str(found)
