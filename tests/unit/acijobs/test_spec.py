from __future__ import annotations

from typing import Any

import pytest

from acijobs.domain.errors import InvalidSpecError
from acijobs.domain.spec.job import JobSpec, parse


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


def test_a_long_shell_string_is_not_taken_apart() -> None:
    """It may be the whole body, and the answer need not have it again."""
    told = complaints(job(command="a" * 250_000))["#/command"]
    assert told == "must be a list of strings, not a string"


@pytest.mark.parametrize("command", ["", " ", [], [""]])
def test_a_command_without_an_executable_is_refused(command: Any) -> None:
    """Leaving the field out means the image's own entry point."""
    assert "#/command" in complaints(job(command=command))


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("cpu", [0.1, 1, 31], [0, -1, 31.5, float("nan"), float("inf"), True, "1", None, 10**400]),
        ("cpu", [0.01, 0.07, 0.29, 30.99, 1.10], [0.001, 0.015, 1.005, 1e-5]),
        ("memoryGb", [0.1, 240], [0, 241, "1"]),
        ("memoryGb", [0.3, 0.7, 1.1, 1.6, 239.9], [1.55, 0.05, 0.30000000000000004]),
        ("os", ["Linux", "Windows"], ["Darwin", None]),
        ("restartPolicy", ["Never", "OnFailure"], ["Always", 1]),
        (
            "image",
            ["a", f"mcr.microsoft.com/x/y:1@sha256:{'0' * 64}", "x" * 255],
            ["", " ", "a b", "a\n", 5, "x" * 256, "x" * 513],
        ),
        ("id", ["a", "a-b", "1", "a" * 59], ["", "A", "-a", "a-", "a--b", "a" * 60, "a_b", "é", 1]),
        ("tags", [{}, {"a b": ""}], [{"": "x"}, {"A" * 129: "x"}, {"a<": "x"}, {"ACIJOBS-x": "y"}]),
        (
            "tags",
            [{"az": "", "my-azure": "", "Env": "", "env2": ""}],
            [{"Azure": ""}, {"e": "", "E": ""}],
        ),
        ("environment", [{"A_1": ""}], [{"A-1": ""}, {"": ""}, {"A" * 64: ""}, {"A": None}, []]),
        ("environment", [{"_1": ""}, {"a": "", "A": ""}], [{"1VAR": ""}, {"é": ""}, {"A\n": ""}]),
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


@pytest.mark.parametrize(
    ("image", "hint"),
    [
        ("ghcr.io/Azure/builder", "'azure/builder' is written in lower-case"),
        ("Alpine:3.20", "'alpine' is written in lower-case"),
        ("https://example.io/app:1", "without a scheme"),
        *(
            (image, "name[:tag]")
            for image in ("alpine:", "repo//app", "a:1:2", "a@sha256:00", "/a")
        ),
        *(
            (image, "name[:tag]")
            for image in ("a/", "a:-1", "a__-b", "é", "a:" + "1" * 129, "a..b")
        ),
        *((image, "name[:tag]") for image in ("example.io:x/a", "a@b@c", "-a", "a.", "a___b")),
        ("example.io/" + "a/" * 122 + "b", "255"),
    ],
)
def test_what_is_no_image_reference_is_refused_with_a_hint(image: str, hint: str) -> None:
    """Azure takes such a job, and fails it or lets it hang until its deadline."""
    assert hint in complaints(job(image=image))["#/image"]


@pytest.mark.parametrize(
    "image",
    [
        *(
            "ghcr.io/azure/builder",
            "EXAMPLE.io/a",
            "localhost:5000/a",
            "example.io:443/a/b:T_1.x-y",
        ),
        *("a_b/c__d/e--f.g", "[::1]:5000/a", "a@sha512:" + "0" * 128, "library/alpine:3.20"),
        "a:1@sha256:" + "0123456789abcdef" * 4,
    ],
)
def test_every_form_of_an_image_reference_is_taken(image: str) -> None:
    """As engines take them."""
    assert parse(job(image=image)).image == image


@pytest.mark.parametrize("name", ["azure-cost-center", "microsoft.team", "WindowsUpdate", "AZURE"])
def test_a_tag_that_azure_reserves_is_refused(name: str) -> None:
    """At the door, and not when Azure is asked for the group."""
    assert "Azure reserves" in complaints(job(tags={name: "x"}))[f"#/tags/{name}"]


def test_tags_that_differ_in_case_only_are_all_named() -> None:
    """To Azure each pair is one tag."""
    found = complaints(job(tags={"Env": "a", "env": "b", "A/": "", "other": ""}))
    assert set(found) == {"#/tags/A~1"}
    found = complaints(job(tags={"Env": "a", "env": "b", "X": "", "x": "", "other": ""}))
    assert set(found) == {"#/tags/Env", "#/tags/env", "#/tags/X", "#/tags/x"}


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


@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        ({"cpu": 500}, "cpu", 500),
        ({"image": "two words"}, "image", "two words"),
        ({"restartPolicy": "Always"}, "restart_policy", "Always"),
        ({"gpu": 1}, "cpu", 1.0),
        ({"timeouts": {"runSeconds": 10**9, "x": 1}}, "os", "Linux"),
        ({"timeouts": "soon"}, "os", "Linux"),
        ({"tags": None}, "tags", {}),
    ],
)
def test_a_job_that_was_accepted_is_not_judged_again(
    change: dict[str, Any], field: str, value: object
) -> None:
    """A rule tightened since, or a field of another release, fails no job in flight."""
    spec = JobSpec.stored(parse(job()).to_json() | change)
    assert getattr(spec, field) == value
    assert spec.timeouts.provision_seconds == 1800


def test_a_lone_surrogate_is_refused_where_it_stands() -> None:
    """In a text, a name or a field that nobody knows; a whole character beyond U+FFFF is fine."""
    sent = {
        "image": "a\ud800",
        "command": ["ok", "\udfff"],
        "environment": {"A\ud800": "x", "B": "\U0001f600"},
        "other": [{"x": "\ud83d"}],
    }
    with pytest.raises(InvalidSpecError) as refused:
        parse(sent)
    assert {violation.pointer for violation in refused.value.violations} == {
        "#/image",
        "#/command/1",
        "#/environment/A\ufffd",
        "#/other/0/x",
    }
    assert all("lone surrogate" in violation.detail for violation in refused.value.violations)
    assert parse({"image": "a", "environment": {"B": "\U0001f600"}}).image == "a"


def test_of_many_lone_surrogates_the_first_are_told() -> None:
    """An answer of megabytes helps nobody; neither does one for JSON that is nested without end."""
    deep: Any = "\ud800"
    for _ in range(900):
        deep = [deep]
    for sent in ({"image": "a", "command": ["\ud800"] * 10_000}, {"image": "a", "tags": deep}):
        with pytest.raises(InvalidSpecError) as refused:
            parse(sent)
        assert 1 <= len(refused.value.violations) <= 20
