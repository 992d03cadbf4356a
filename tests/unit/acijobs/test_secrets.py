"""Secrets are sealed before anything is stored, opened only for Azure, and told to nobody else."""

from __future__ import annotations

import base64
import json
import logging
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from acijobs.domain.codec import encode
from acijobs.domain.errors import (
    AcijobsError,
    BusyError,
    InvalidSettingsError,
    InvalidSpecError,
    RefusedError,
)
from acijobs.domain.messages import Busy, Created, CreateRequest, Refused
from acijobs.domain.reasons import Reason, reason_of_azure
from acijobs.domain.row import Row
from acijobs.domain.spec.job import JobSpec, parse
from acijobs.domain.spec.secret import Secret
from acijobs.submitting import Submission, accept
from acijobs.usecases.answering import answer
from acijobs.usecases.create_group import create_group
from acijobs.usecases.secrets import (
    event_url,
    hiding,
    kept,
    opened,
    ready_for_azure,
    unsealed,
    without,
)
from acijobs_interleaving import RUN
from acijobs_world import SEAL_KEY, World
from manual_clock import START
from scripted_azure import busy

if TYPE_CHECKING:
    from collections.abc import Mapping

OTHER_KEY = base64.urlsafe_b64encode(b"o" * 32).decode()
VAULT = "https://v.vault.azure.net/secrets"
HOOK = "whsec_" + base64.b64encode(b"h" * 24).decode()
EVERYWHERE: dict[str, Any] = {
    "image": "x.azurecr.io/a",
    "id": RUN.job_id,
    "secrets": {"A": {"value": "s3cret-a"}, "B": {"keyVault": f"{VAULT}/b"}},
    "registry": {"server": "x.azurecr.io", "user": "u", "secret": {"value": "s3cret-r"}},
    "volumes": [
        {
            "name": "files",
            "mountPath": "/files",
            "azureFile": {
                "share": "share",
                "account": "account",
                "key": {"appSetting": "JobSecret_F"},
            },
        },
        {"name": "token", "mountPath": "/token", "secret": {"t": {"value": "s3cret-v"}}},
    ],
    "initContainers": [{"name": "before", "image": "i", "secrets": {"I": {"value": "s3cret-i"}}}],
    "sidecars": [
        {
            "name": "beside",
            "image": "i",
            "cpu": 0.5,
            "memoryGb": 0.5,
            "secrets": {"S": {"value": "s3cret-s"}},
        }
    ],
    "callback": {"url": "https://example.com/h", "secret": {"value": HOOK}},
}
VALUES = ["s3cret-a", "s3cret-r", "s3cret-v", "s3cret-i", "s3cret-s", HOOK]


@pytest.fixture
def world() -> World:
    world = World()
    world.app_settings = {"JobSecret_F": "s3cret-f", "AzureWebJobsStorage": "s3cret-storage"}
    world.vault.secrets = {f"{VAULT}/b": "s3cret-b"}
    return world


def submit(world: World, sent: Mapping[str, Any] = EVERYWHERE) -> Row | None:
    return accept(world, Submission(spec=parse(dict(sent)), sent=dict(sent)), sent["id"])


def create(world: World) -> Any:
    return create_group(world, CreateRequest(run=RUN))


def env_of(part: Any) -> dict[str, str]:
    return {name: secret.content for name, secret in part.secrets.items()}


def test_no_value_of_a_secret_is_stored(world: World) -> None:
    """Whatever part of the job it is in: a seal stands in its place, and references stay."""
    submit(world)
    stored = json.dumps(world.memory_rows.spec_of("j"))
    row = json.dumps(encode(world.memory_rows.now_of("j")))
    assert not any(value in stored + row for value in VALUES)
    spec = JobSpec.stored(world.memory_rows.spec_of("j"))
    kinds = [secret.kind for secret in spec.all_secrets.values()]
    assert sorted(kinds) == ["appSetting", "keyVault", *["sealed"] * len(VALUES)]


def test_azure_gets_every_secret_open(world: World) -> None:
    """Those of the containers, of the registry and of volumes; the callback's is not for Azure."""
    submit(world)
    assert isinstance(create(world), Created)
    spec = world.azure.specs[0]
    assert {"A": "s3cret-a", "B": "s3cret-b"}.items() <= env_of(spec).items()
    assert spec.registry is not None
    assert spec.registry.secret is not None
    assert spec.registry.secret.content == "s3cret-r"
    files, token = spec.volumes
    assert files.azure_file is not None
    assert files.azure_file.key.content == "s3cret-f"
    assert token.secret is not None
    assert token.secret["t"].content == "s3cret-v"
    assert env_of(spec.init_containers[0])["I"] == "s3cret-i"
    assert env_of(spec.sidecars[0])["S"] == "s3cret-s"
    assert spec.callback is not None
    assert spec.callback.secret is not None
    assert spec.callback.secret.kind == "sealed"


def test_a_secret_that_is_named_twice_is_read_once(world: World) -> None:
    """A vault is asked for each secret once per create."""
    twice = {"A": {"keyVault": f"{VAULT}/b"}, "B": {"keyVault": f"{VAULT}/b"}}
    submit(world, {"image": "a", "id": "j", "secrets": twice})
    create(world)
    assert world.vault.reads == [f"{VAULT}/b"]
    assert env_of(world.azure.specs[0])["A"] == env_of(world.azure.specs[0])["B"] == "s3cret-b"


def test_every_container_knows_where_to_tell_of_its_job(world: World) -> None:
    """A URL that allows that and nothing else; it is a secret like the others."""
    submit(world)
    create(world)
    spec = world.azure.specs[0]
    urls = [
        env_of(c).get("ACIJOBS_EVENT_URL") for c in (spec, *spec.init_containers, *spec.sidecars)
    ]
    assert len(set(urls)) == 1
    prefix = "https://app.example/api/jobs/j/by/"
    assert urls[0] is not None
    assert urls[0].startswith(f"{prefix}1e-")
    assert urls[0].endswith("/events")
    assert "ACIJOBS_EVENT_URL" not in spec.environment


def test_a_containers_url_is_good_while_the_job_runs(world: World) -> None:
    """However few days a capability is good."""
    world.capability_days = 0.01
    submit(world)
    create(world)
    row = world.memory_rows.now_of("j")
    token = env_of(world.azure.specs[0])["ACIJOBS_EVENT_URL"].split("/by/")[1].split("/")[0]
    assert world.capabilities().read(token, "j", now=row.over_at) is not None
    assert world.capabilities().read(token, "j", now=row.over_at + timedelta(days=1)) is None


def test_no_container_is_told_of_an_app_whose_address_nobody_knows(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable is missing, and nothing else is."""
    monkeypatch.setattr(World, "event_url", lambda _: "")
    submit(world)
    assert isinstance(create(world), Created)
    assert "ACIJOBS_EVENT_URL" not in env_of(world.azure.specs[0])
    assert event_url(world, world.memory_rows.now_of("j")) == ""


def test_a_value_is_refused_where_there_is_no_key_to_seal_it(world: World) -> None:
    """At each field at once, with what else could be done; references need no key."""
    world.seal_keys = ()
    with pytest.raises(InvalidSpecError) as raised:
        submit(world)
    pointers = {violation.pointer for violation in raised.value.violations}
    assert {"#/secrets/A/value", "#/registry/secret/value", "#/callback/secret/value"} <= pointers
    assert len(pointers) == len(VALUES)
    assert all("SealKeys" in violation.detail for violation in raised.value.violations)
    assert world.memory_rows.rows == {}
    submit(world, {"image": "a", "id": "j", "secrets": {"B": {"keyVault": f"{VAULT}/b"}}})
    assert isinstance(create(world), Created)


@pytest.mark.parametrize(
    ("secret", "pointer", "words"),
    [
        ({"appSetting": "AzureWebJobsStorage"}, "appSetting", "must begin with 'JobSecret_'"),
        ({"appSetting": "SealKeys"}, "appSetting", "not for jobs"),
        ({"keyVault": "https://evil.example/secrets/b"}, "keyVault", "not a key vault's host"),
        ({"keyVault": "https://v.vault.azure.net:8443/secrets/b"}, "keyVault", "AllowedKeyVaults"),
    ],
)
def test_what_a_job_may_not_name_is_refused_at_the_door(
    world: World, secret: dict[str, str], pointer: str, words: str
) -> None:
    """And again when it would be read, if it came past the door."""
    sent = {"image": "a", "id": "j", "secrets": {"A": secret}}
    with pytest.raises(InvalidSpecError) as raised:
        submit(world, sent)
    (violation,) = raised.value.violations
    assert violation.pointer == f"#/secrets/A/{pointer}"
    assert words in violation.detail
    world.memory_rows.insert(Row(job_id="j", accepted_at=START), sent)
    reply = create_group(
        world, CreateRequest(run=RUN.__class__(job_id="j", offer=1, execution="e"))
    )
    assert isinstance(reply, Refused)
    assert reply.code == "InvalidSettings"
    assert world.azure.created == []
    assert world.vault.reads == []


def test_a_seal_of_another_job_opens_nothing(world: World) -> None:
    """Copied into this job's row by somebody who may write there."""
    other = kept(world, parse({"image": "a", "secrets": {"A": {"value": "s3cret"}}}), "other")
    submit(world, {"image": "a", "id": "j"})
    world.memory_rows.specs["j"] = json.dumps(other.to_json())
    reply = create(world)
    assert isinstance(reply, Refused)
    assert reason_of_azure(reply.code) is Reason.INVALID_SETTINGS
    assert "#/secrets/A" in reply.message


def test_a_seal_whose_key_is_gone_fails_the_job_and_says_which(world: World) -> None:
    """Every one of them by its name; the seal itself is not shown."""
    submit(world)
    world.seal_keys = (OTHER_KEY,)
    reply = create(world)
    assert isinstance(reply, Refused)
    assert reply.code == "InvalidSettings"
    for pointer in ("#/secrets/A", "#/registry/secret", "#/volumes/1/secret/t"):
        assert pointer in reply.message
    assert "put the key back" in reply.message
    assert "gAAAA" not in reply.message
    world.seal_keys = (OTHER_KEY, SEAL_KEY)
    again = create_group(world, CreateRequest(run=RUN, refused_ask=reply.refused_ask))
    assert isinstance(again, Created)


@pytest.mark.parametrize("value", [None, "", "@Microsoft.KeyVault(SecretUri=https://v/secrets/x)"])
def test_a_setting_that_is_not_there_fails_the_job(world: World, value: str | None) -> None:
    """Nor one whose own reference the platform could not follow."""
    world.app_settings = {} if value is None else {"JobSecret_F": value}
    submit(world, {"image": "a", "id": "j", "secrets": {"A": {"appSetting": "JobSecret_F"}}})
    reply = create(world)
    assert isinstance(reply, Refused)
    assert "JobSecret_F" in reply.message
    assert "SecretUri" not in reply.message


def test_a_vault_that_is_busy_costs_a_pause_and_nothing_else(world: World) -> None:
    """Azure was not asked, so the next create asks it at once."""
    submit(world)
    world.vault.troubles = [BusyError("HTTP 503", "down", is_refused=True, retry_after_s=7)]
    reply = create(world)
    assert isinstance(reply, Busy)
    assert (reply.code, reply.retry_after_s) == ("HTTP 503", 7)
    assert reply.refused_ask is not None
    assert reply.deadline is not None
    assert "#/secrets/B" in reply.message
    again = create_group(world, CreateRequest(run=RUN, refused_ask=reply.refused_ask))
    assert isinstance(again, Created)
    assert len(world.azure.created) == 1


def test_settings_that_cannot_be_read_any_more_ask_nothing_of_azure(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They were right when the job was accepted; the request to cancel is still heard."""
    submit(world)

    def wrong(_: World) -> None:
        raise InvalidSettingsError(("SealKeys holds what is not a key",))

    monkeypatch.setattr(World, "secrets", wrong)
    reply = create(world)
    assert isinstance(reply, Refused)
    assert (reply.code, "SealKeys" in reply.message) == ("InvalidSettings", True)
    assert reply.refused_ask is not None
    assert world.azure.created == []


def test_an_error_of_azure_that_quotes_the_request_tells_no_secret(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in the reply, which the engine stores, nor in a log line."""
    submit(world)
    quoted = " ".join(
        [*VALUES, "s3cret-b", json.dumps("s3cret-f"), base64.b64encode(b"s3cret-v").decode()]
    )
    world.azure.troubles["create"] = [RefusedError("BadRequest", f"{{value: {quoted}}}")]
    with caplog.at_level(logging.DEBUG):
        reply = json.dumps(
            answer(CreateRequest, encode(CreateRequest(run=RUN)), lambda r: create_group(world, r))
        )
    hidden = reply + caplog.text
    values = [*VALUES[:-1], "s3cret-b", "s3cret-f", base64.b64encode(b"s3cret-v").decode()]
    assert not any(value in hidden for value in values)
    assert "[hidden]" in reply


def test_a_defect_that_quotes_the_request_tells_no_secret(world: World) -> None:
    """Its kind is told, and where it came from is not hidden from a debugger only."""
    submit(world)
    world.azure.troubles["create"] = [TypeError("cannot write s3cret-a")]
    with pytest.raises(AcijobsError, match="TypeError, whose text is hidden") as raised:
        create(world)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


@pytest.mark.parametrize(
    ("value", "text", "shown"),
    [
        ("s3cret", "no s3cret here, s3cret", "no [hidden] here, [hidden]"),
        ('a"b\n', json.dumps({"v": 'a"b\n'}), '{"v": "[hidden]"}'),
        ("p&ss w=rd", "?x=p%26ss%20w%3Drd", "?x=[hidden]"),
        ("s3cret-long", "it ends in s3cret-l", "it ends in [hidden]"),
        ("s3cret-long", "it ends in s3c", "it ends in s3c"),
        ("ab", "about ab", "about [hidden]"),
        ("é\u2028ü", 'x "\\u00e9\\u2028\\u00fc"', 'x "[hidden]"'),
        ("[hidden]x", "is [hidden]x", "is [hidden]"),
        ("a.c*", "abc a.c*", "abc [hidden]"),
    ],
)
def test_a_value_is_hidden_however_it_is_written(value: str, text: str, shown: str) -> None:
    """Also where the text was cut in the middle of it."""
    assert without([value], text) == shown


def test_what_contains_another_value_is_hidden_whole() -> None:
    """The longest first."""
    assert without(["abcd", "abcdefgh"], "x abcdefgh y") == "x [hidden] y"


def test_a_very_long_value_costs_no_more_to_hide_than_the_text_is_long() -> None:
    """A file may be one."""
    began = time.perf_counter()
    assert without(["x" * 200_000], "y" * 990 + "xxxxx") == "y" * 990 + "[hidden]"
    assert time.perf_counter() - began < 10


def test_hiding_nothing_changes_no_error() -> None:
    """A job without secrets is told as before."""
    with pytest.raises(TypeError, match="text"), hiding([""]):
        raise TypeError("text")
    with pytest.raises(RefusedError, match="text"), hiding(["s3cret"]):
        raise RefusedError("Code", "text")


def test_a_job_with_the_same_values_is_the_same_job(world: World) -> None:
    """And with another value it is another; the digest tells neither."""
    first = submit(world)
    assert submit(world) == first
    other = json.loads(json.dumps(EVERYWHERE))
    other["secrets"]["A"]["value"] = "s3cret-other"
    assert submit(world, other) is None
    assert world.memory_rows.now_of("j").digest.startswith("2:")


def test_a_rotation_of_the_keys_does_not_make_another_job_of_it(world: World) -> None:
    """While the old key is listed; then nobody can tell any more, and the id is refused."""
    first = submit(world)
    world.seal_keys = (OTHER_KEY, SEAL_KEY)
    assert submit(world) == first
    world.seal_keys = (OTHER_KEY,)
    assert submit(world) is None


def test_a_value_cannot_be_guessed_from_the_row_and_the_stores_key(world: World) -> None:
    """The digest of a job with values needs a seal's key, too; one without is as it was."""
    spec = parse(EVERYWHERE)
    submission = Submission(spec=spec, sent=EVERYWHERE)
    key = world.rows().store().digest_key
    mine = submission.digests(key, world.seals())
    world.seal_keys = (OTHER_KEY,)
    assert not set(mine) & set(submission.digests(key, world.seals()))
    plain = Submission(spec=parse({"image": "a"}), sent={"image": "a"})
    world.seal_keys = ()
    assert plain.digests(key, world.seals())[0].startswith("1:")


def test_a_rerun_opens_the_seals_to_renew_them(world: World) -> None:
    """What cannot be opened any more is empty, and named."""
    submit(world)
    stored = JobSpec.stored(world.memory_rows.spec_of("j"))
    spec, lost = unsealed(world, stored, "j")
    assert (spec.secrets["A"].content, lost) == ("s3cret-a", frozenset())
    assert spec.secrets["B"].kind == "keyVault"
    again = kept(world, spec, "again")
    assert world.seals().open(again.secrets["A"].content, "again") == "s3cret-a"
    world.seal_keys = (OTHER_KEY,)
    spec, lost = unsealed(world, stored, "j")
    assert spec.secrets["A"].content == ""
    assert "#/secrets/A/value" in lost
    assert len(lost) == len(VALUES)


def test_a_secret_is_opened_for_who_sends_callbacks(world: World) -> None:
    """By the name that messages have."""
    submit(world)
    callback = JobSpec.stored(world.memory_rows.spec_of("j")).callback
    assert callback is not None
    assert callback.secret is not None
    assert opened(world, callback.secret, "j", name="#/callback/secret") == HOOK
    with pytest.raises(RefusedError, match="the secret #/callback/secret: no key"):
        opened(world, callback.secret, "other", name="#/callback/secret")


def test_a_job_without_secrets_needs_nothing_of_all_this(world: World) -> None:
    """Not even readable settings."""
    spec = parse({"image": "a"})
    assert kept(world, spec, "j") is spec
    submit(world, {"image": "a", "id": "j"})
    with ready_for_azure(world, world.memory_rows.now_of("j"), spec) as ready:
        assert set(ready.secrets) == {"ACIJOBS_EVENT_URL"}


def test_an_error_of_azure_that_is_not_ours_to_hide_stays(world: World) -> None:
    """No capacity is no capacity."""
    submit(world)
    world.azure.troubles["create"] = [busy()]
    reply = create(world)
    assert isinstance(reply, Busy)
    assert (reply.code, reply.message) == ("ServiceUnavailable", "no capacity")
    assert repr(Secret.of_value("s3cret")) == "Secret(value)"
