"""A job is run again, with a merge patch or without."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from acijobs.domain.errors import StorageError
from acijobs.domain.spec.job import JobSpec
from acijobs.web.merge_patch import merged
from job_calls import ALPINE, Calls, pointers

SPEC = ALPINE | {"id": "render-42", "environment": {"A": "1", "B": "2"}, "cpu": 2.0}


@pytest.fixture
def calls() -> Calls:
    return Calls()


async def test_a_parameter_that_is_none_runs_nothing(calls: Calls) -> None:
    """A rerun cannot be tried dry."""
    await calls.post(SPEC)
    answer = await calls.rerun("render-42", query="?dryRun=true&code=K")
    assert answer.status == 400
    assert answer.body["errors"] == [{"pointer": "?dryRun", "detail": "is no parameter here"}]
    assert calls.instances.started == ["render-42"]


async def test_a_job_is_run_again_as_it_was_accepted(calls: Calls) -> None:
    """Under a new id, and it tells where it comes from."""
    await calls.post(SPEC)
    answer = await calls.rerun("render-42")
    assert answer.status == 202
    job_id = answer.body["id"]
    assert job_id != "render-42"
    assert answer.body["jobUrl"].startswith(f"http://localhost:7071/api/jobs/{job_id}/by/")
    spec = calls.world.memory_rows.spec_of(job_id)
    assert spec == {
        name: value
        for name, value in calls.world.memory_rows.spec_of("render-42").items()
        if name != "id"
    }
    assert calls.instances.started == ["render-42", job_id]
    assert (calls.row(job_id).rerun_of, calls.row(job_id).first_run) == ("render-42", "render-42")


async def test_a_chain_of_runs_tells_its_first(calls: Calls) -> None:
    """Each tells the one before it, too."""
    await calls.post(SPEC)
    second = (await calls.rerun("render-42")).body["id"]
    third = (await calls.rerun(second)).body["id"]
    shown = (await calls.get(third)).body
    assert (shown["rerunOf"], shown["firstRun"]) == (second, "render-42")
    assert (await calls.page("?limit=1")).body["jobs"][0]["rerunOf"] == second


async def test_a_patch_changes_what_it_names(calls: Calls) -> None:
    """Members are set one by one, null removes one, and a list is replaced."""
    await calls.post(SPEC)
    patch = {
        "environment": {"A": None, "C": "3"},
        "command": ["echo"],
        "timeouts": {"runSeconds": 5},
        "id": "render-43",
    }
    answer = await calls.rerun("render-42", patch, Content_Type="application/merge-patch+json")
    assert (answer.status, answer.body["id"]) == (202, "render-43")
    spec = calls.world.memory_rows.spec_of("render-43")
    assert spec["environment"] == {"B": "2", "C": "3"}
    assert spec["command"] == ["echo"]
    assert spec["timeouts"]["runSeconds"] == 5
    assert calls.row("render-43").terms.run_seconds == 5
    assert spec["cpu"] == 2.0


@pytest.mark.parametrize(
    ("patch", "wrong"),
    [
        ({"image": None}, ["#/image"]),
        ({"image": None, "cpu": 0, "nonsense": 1}, ["#/image", "#/cpu", "#/nonsense"]),
        ([], ["#"]),
        ("text", ["#"]),
        (b"{", ["#"]),
        ({"environment": {"A": "\ud800"}}, ["#/environment/A"]),
    ],
    ids=["null image", "several", "a list", "a text", "no JSON", "lone surrogate"],
)
async def test_what_comes_of_a_patch_is_judged_as_a_submission(
    calls: Calls, patch: Any, wrong: list[str]
) -> None:
    """400, naming every wrong field; nothing is started."""
    await calls.post(SPEC)
    answer = await calls.rerun("render-42", patch)
    assert (answer.status, sorted(pointers(answer))) == (400, sorted(wrong))
    assert len(calls.world.memory_rows.rows) == 1


async def test_an_ended_job_and_one_that_runs_are_run_again(calls: Calls) -> None:
    """The other one is left as it is."""
    await calls.post(SPEC)
    before = calls.row("render-42")
    assert (await calls.rerun("render-42")).status == 202
    assert calls.row("render-42") == before
    calls.close("render-42")
    assert (await calls.rerun("render-42")).status == 202


async def test_a_key_makes_a_repeated_rerun_one_job(calls: Calls) -> None:
    """Another patch, another job, and a POST of the same specification are refused under it."""
    await calls.post(SPEC)
    first = await calls.rerun("render-42", {"cpu": 1}, Idempotency_Key="k")
    again = await calls.rerun("render-42", {"cpu": 1}, Idempotency_Key="k")
    assert first.body["id"] == again.body["id"]
    assert (await calls.rerun("render-42", {"cpu": 3}, Idempotency_Key="k")).status == 422
    spec = calls.world.memory_rows.spec_of(first.body["id"])
    assert (await calls.post(spec, Idempotency_Key="k")).status == 422


async def test_the_patchs_own_id_is_used_once(calls: Calls) -> None:
    """409 for another job under it."""
    await calls.post(SPEC)
    assert (await calls.rerun("render-42", {"id": "again"})).status == 202
    assert (await calls.rerun("render-42", {"id": "again"})).status == 202
    assert (await calls.rerun("render-42", {"id": "again", "cpu": 1})).status == 409


@pytest.mark.parametrize("job_id", ["none", "a/b", "", "-a", "é", "x" * 101])
async def test_an_unknown_job_is_404(calls: Calls, job_id: str) -> None:
    """However odd its id."""
    assert (await calls.rerun(job_id)).status == 404


async def test_what_else_is_refused_before_anything_is_read(calls: Calls) -> None:
    """As a POST is."""
    await calls.post(SPEC)
    assert (await calls.rerun("render-42", {}, Content_Type="text/plain")).status == 415
    assert (await calls.rerun("render-42", {}, Transfer_Encoding="chunked")).status == 411
    assert (await calls.rerun("render-42", b" " * 262_144 + b"{}")).status == 413
    assert (await calls.rerun("render-42", b" " * 262_145)).status == 413

    def fail() -> None:
        raise StorageError("down")

    calls.world.memory_rows.before["read_with_spec"] = fail
    assert (await calls.rerun("render-42")).status == 503


SECRETS: dict[str, Any] = ALPINE | {
    "id": "render-42",
    "secrets": {"A": {"value": "sesame"}, "B": {"appSetting": "JobSecret_B"}},
    "volumes": [{"name": "v", "mountPath": "/v", "secret": {"a.txt": {"value": "open"}}}],
}


def opened(calls: Calls, job_id: str) -> dict[str, str | None]:
    """Return what the sealed values of a job are to that job."""
    spec = JobSpec.stored(calls.world.memory_rows.spec_of(job_id))
    seals = calls.world.seals()
    return {
        pointer: seals.open(secret.content, job_id)
        for pointer, secret in spec.all_secrets.items()
        if secret.kind == "sealed"
    }


async def test_secret_values_are_sealed_anew_for_the_new_job(calls: Calls) -> None:
    """It can open them, and the row has no value in the clear."""
    assert (await calls.post(SECRETS)).status == 202
    answer = await calls.rerun("render-42", {"secrets": {"C": {"value": "more"}}})
    assert answer.status == 202, answer
    job_id = answer.body["id"]
    assert opened(calls, job_id) == {
        "#/secrets/A": "sesame",
        "#/secrets/C": "more",
        "#/volumes/0/secret/a.txt": "open",
    }
    stored = json.dumps(calls.world.memory_rows.spec_of(job_id))
    assert not any(f'"{value}"' in stored for value in ("sesame", "open", "more"))
    old, new = (calls.world.memory_rows.spec_of(name)["secrets"] for name in ("render-42", job_id))
    assert old["B"] == new["B"]
    assert old["A"] != new["A"]


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_examples_of_the_rfc(target: Any, patch: Any, result: Any) -> None:
    """Appendix A of RFC 7396, each line."""
    assert merged(target, patch) == result


async def test_a_secret_that_cannot_be_opened_any_more_is_sent_again(calls: Calls) -> None:
    """In the patch, which needs nothing else; without it the field is named."""
    secrets = {"A": {"value": "s3cret-a"}, "B": {"value": "s3cret-b"}}
    await calls.post(ALPINE | {"id": "a", "secrets": secrets})
    calls.world.seal_keys = (base64.urlsafe_b64encode(b"n" * 32).decode(),)
    answer = await calls.rerun("a", {"secrets": {"A": {"value": "s3cret-n"}}})
    assert answer.status == 400
    assert pointers(answer) == ["#/secrets/B/value"]
    assert "send it again, in the patch" in answer.body["errors"][0]["detail"]
    answer = await calls.rerun("a", {"secrets": {"A": {"value": "s3cret-n"}, "B": None}})
    assert answer.status == 202
    spec = calls.world.memory_rows.spec_of(answer.body["id"])
    sealed = spec["secrets"]["A"]["sealed"]
    assert calls.world.seals().open(sealed, answer.body["id"]) == "s3cret-n"


async def test_a_patch_cannot_bring_a_seal(calls: Calls) -> None:
    """One of another job would not open, and none is to be tried."""
    await calls.post(ALPINE | {"id": "a", "secrets": {"A": {"value": "s3cret-a"}}})
    sealed = calls.world.memory_rows.spec_of("a")["secrets"]["A"]["sealed"]
    answer = await calls.rerun("a", {"secrets": {"B": {"sealed": sealed}}})
    assert (answer.status, pointers(answer)) == (400, ["#/secrets/B/sealed"])


async def test_a_patch_that_is_nested_too_deep_is_refused(calls: Calls) -> None:
    """Merged, it would take more levels than the interpreter has; as it would as a job."""
    await calls.post(SPEC)
    deep = b'{"a":' * 800 + b"1" + b"}" * 800
    answer = await calls.rerun("render-42", deep)
    assert (answer.status, pointers(answer)) == (400, ["#"])
    answer = await calls.post(deep)
    assert (answer.status, pointers(answer)) == (400, ["#"])
