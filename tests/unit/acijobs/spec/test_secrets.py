from __future__ import annotations

import pytest

from acijobs.domain.errors import InvalidSpecError
from acijobs.domain.spec.job import JobSpec, parse
from acijobs.domain.spec.secret import Secret
from spec_complaints import EVERYTHING, assert_bounds, complaints, job

POINTERS = {
    "#/secrets/TOKEN": "value",
    "#/registry/secret": "appSetting",
    "#/volumes/0/azureFile/key": "value",
    "#/volumes/1/secret/a.txt": "keyVault",
    "#/initContainers/0/secrets/T": "value",
    "#/sidecars/0/secrets/T": "value",
    "#/callback/secret": "value",
}


def test_a_secret_is_exactly_one_thing() -> None:
    """The complaint says what it may be, and stands at the secret."""
    assert_bounds(
        "secrets",
        good=[
            {"A": {"value": "x"}},
            {"A": {"appSetting": "JobSecret_A"}},
            {"A": {"keyVault": "https://v.vault.azure.net/secrets/a-1"}},
            {"A": {"keyVault": f"https://v.vault.azure.net/secrets/a/{'0' * 32}"}},
            {"A": {"keyVault": "https://localhost:8443/secrets/a"}},
        ],
        bad=[
            {"A": {}},
            {"A": "x"},
            {"A": {"value": "x", "appSetting": "S"}},
            {"A": {"value": ""}},
            {"A": {"value": "a\0"}},
            {"A": {"appSetting": "a b"}},
            {"A": {"keyVault": "http://v.vault.azure.net/secrets/a"}},
            {"A": {"keyVault": "https://v.vault.azure.net/keys/a"}},
            {"A": {"keyVault": "https://u:p@v.vault.azure.net/secrets/a"}},
            {"A": {"keyVault": "https://v.vault.azure.net/secrets/a?x=1"}},
            {"1A": {"value": "x"}},
        ],
    )
    detail = complaints(secrets={"A": {}})["#/secrets/A"]
    assert detail == "must have exactly one of 'keyVault', 'appSetting' and 'value'; it has none"


def test_a_request_may_not_bring_a_sealed_secret() -> None:
    """It could be another job's; and the field is not offered to anybody who mistypes one."""
    found = complaints(secrets={"A": {"sealed": "gAAAA"}, "B": {"x": "y"}})
    assert "is made by acijobs" in found["#/secrets/A/sealed"]
    assert found["#/secrets/B/x"].endswith("known are keyVault, appSetting, value")


def test_a_variable_is_plain_or_secret() -> None:
    """Not both, in whichever container."""
    both = {"environment": {"A": "1"}, "secrets": {"A": {"value": "2"}}}
    found = complaints(**both, initContainers=[{"name": "i", "image": "a", **both}])
    assert set(found) == {"#/secrets/A", "#/initContainers/0/secrets/A"}


def test_every_secret_is_found_by_its_pointer() -> None:
    """In every container, in the registry, in volumes and in the callback."""
    found = parse(EVERYTHING).all_secrets
    assert {where: secret.kind for where, secret in found.items()} == POINTERS


def test_every_secret_is_replaced_in_one_call() -> None:
    """And nothing else; the specification it came from stays as it was."""
    spec = parse(EVERYTHING)
    sealed = spec.map_secrets(
        lambda where, secret: Secret.of_sealed(f"<{where}>") if secret.kind == "value" else secret
    )
    kinds = {where: "sealed" if kind == "value" else kind for where, kind in POINTERS.items()}
    assert {where: s.kind for where, s in sealed.all_secrets.items()} == kinds
    assert sealed.secrets["TOKEN"].content == "<#/secrets/TOKEN>"
    assert {where: s.kind for where, s in spec.all_secrets.items()} == POINTERS
    assert sealed.map_secrets(lambda where, _: spec.all_secrets[where]) == spec


def test_a_sealed_specification_is_read_as_it_was_stored() -> None:
    """With its secrets in their stored form, wherever they are."""
    sealed = parse(EVERYTHING).map_secrets(lambda where, _: Secret.of_sealed(where))
    stored = sealed.to_json()
    assert stored["volumes"][0]["azureFile"]["key"] == {"sealed": "#/volumes/0/azureFile/key"}
    assert JobSpec.stored(stored) == sealed
    assert {s.kind for s in JobSpec.stored(stored).all_secrets.values()} == {"sealed"}


def test_a_secret_does_not_show_itself() -> None:
    """Neither alone nor within the specification, nor in what is said of a wrong one."""
    spec = parse(EVERYTHING)
    assert "s3cret" not in f"{spec!r} {spec} {spec.secrets['TOKEN']} {spec.secrets['TOKEN']!r}"
    wrong = job(secrets={"A": {"value": "s3cret\0"}, "B": {"value": ["s3cret"]}, "C": "s3cret"})
    with pytest.raises(InvalidSpecError) as raised:
        parse(wrong)
    assert "s3cret" not in repr(raised.value.violations)
    assert raised.value.__context__ is None


def test_all_containers_get_a_secret_variable() -> None:
    """Beside their own."""
    spec = parse(EVERYTHING).with_secret_variable("ACIJOBS_EVENT_URL", Secret.of_value("https://e"))
    for container in (spec, *spec.init_containers, *spec.sidecars):
        assert container.secrets["ACIJOBS_EVENT_URL"].content == "https://e"
        assert len(container.secrets) == 2


def test_all_containers_get_a_variable() -> None:
    """Beside their own, which stay as they are stored."""
    before = parse(EVERYTHING)
    spec = before.with_variables({"ACIJOBS_ATTEMPT": "2"})
    for container in (spec, *spec.init_containers, *spec.sidecars):
        assert container.environment["ACIJOBS_ATTEMPT"] == "2"
    assert "ACIJOBS_ATTEMPT" not in before.environment


@pytest.mark.parametrize("name", ["ACIJOBS_EVENT_URL", "acijobs_event_url", "ACIJOBS_X"])
def test_variables_of_acijobs_are_its_own(name: str) -> None:
    """In any letter case: on Windows it is the same variable."""
    found = complaints(environment={name: "x"}, secrets={name: {"value": "x"}})
    assert set(found) == {f"#/environment/{name}", f"#/secrets/{name}"}
