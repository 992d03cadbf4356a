"""Sealed values open for their own job, while one of the keys is theirs."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet

from acijobs.domain.errors import InvalidSettingsError
from acijobs.security.sealing import Seals
from acijobs.settings.reading import read
from acijobs.settings.security import SealSettings

OLD, NEW, OTHER = (Fernet.generate_key().decode() for _ in range(3))


@pytest.mark.parametrize(
    "value", ["", "s3cret", "a\0b", "é\n日本", "\ud800", "x" * 100_000], ids=ascii
)
def test_a_sealed_value_opens_for_its_job(value: str) -> None:
    """Whatever is in it; and it is not to be seen in the seal."""
    seals = Seals((NEW,))
    sealed = seals.seal(value, "job-a")
    assert seals.open(sealed, "job-a") == value
    assert not value or value not in sealed


def test_a_value_sealed_for_one_job_opens_nothing_for_another() -> None:
    """So it is of no use to copy it into another row."""
    seals = Seals((NEW,))
    sealed = seals.seal("s3cret", "job-a")
    assert [seals.open(sealed, other) for other in ("job-b", "job", "", "job-a\0s")] == [None] * 4


def test_an_old_key_opens_what_it_sealed_while_it_is_listed() -> None:
    """New values are sealed with the newest."""
    sealed = Seals((OLD,)).seal("s3cret", "j")
    both = Seals((NEW, OLD))
    assert both.open(sealed, "j") == "s3cret"
    assert Seals((NEW,)).open(both.seal("s3cret", "j"), "j") == "s3cret"
    assert Seals((NEW,)).open(sealed, "j") is None


@pytest.mark.parametrize("broken", ["", "x", "gAAAAA", "é", "\ud800", "A" * 100], ids=ascii)
def test_what_is_no_seal_opens_nothing(broken: str) -> None:
    """And raises nothing; so does a cut one, and everything where there is no key."""
    seals = Seals((NEW,))
    sealed = seals.seal("s3cret", "j")
    assert seals.open(broken, "j") is None
    assert seals.open(sealed[:-4], "j") is None
    assert Seals().open(sealed, "j") is None
    assert (Seals().can_seal, seals.can_seal) == (False, True)


def test_keys_are_read_from_one_setting() -> None:
    """The newest first, spaces and empty parts aside."""
    assert read(SealSettings, {"SealKeys": f" {NEW} ,{OLD},"}).keys == (NEW, OLD)
    assert read(SealSettings, {}).keys == ()


@pytest.mark.parametrize(
    "wrong", [OTHER[:-2], OTHER.replace("=", ""), "s3cret", OTHER + "AAAA", "é" * 44], ids=len
)
def test_a_wrong_key_is_named_without_being_shown(wrong: str) -> None:
    """By its place in the list; and how a right one is made."""
    with pytest.raises(InvalidSettingsError) as raised:
        read(SealSettings, {"SealKeys": f"{NEW},{wrong},{OLD}"})
    assert "SealKeys" in str(raised.value)
    assert "number 2 of 3" in str(raised.value)
    assert "generate_key" in str(raised.value)
    assert not any(key in str(raised.value) for key in (NEW, wrong, OLD))
    assert NEW not in repr(read(SealSettings, {"SealKeys": NEW}))
