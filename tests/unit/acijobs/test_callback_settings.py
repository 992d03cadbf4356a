"""What an operator may set for callbacks, and what is told of a wrong value."""

from __future__ import annotations

import pytest

from acijobs.domain.errors import InvalidSettingsError
from acijobs.settings.callbacks import CallbackSettings
from acijobs.settings.reading import read
from acijobs.settings.web import WebSettings
from scripted_callbacks import CALLBACK_KEY


def test_nothing_is_trusted_and_nothing_signed_unless_it_is_set() -> None:
    """Then each job must bring its key."""
    settings = read(CallbackSettings, {})
    assert (settings.secret, settings.trusted) == ("", frozenset())


def test_a_key_and_a_list_of_hosts() -> None:
    """As they are written in app settings."""
    given = {"CallbackSecret": CALLBACK_KEY, "CallbackTrustedHosts": "Hooks.internal, [::1]:9000"}
    settings = read(CallbackSettings, given)
    assert settings.secret == CALLBACK_KEY
    assert settings.trusted == {"hooks.internal", "::1:9000"}
    assert CALLBACK_KEY not in repr(settings)


@pytest.mark.parametrize("value", ["hunter2", "whsec_short", "@Microsoft.KeyVault(SecretUri=x)"])
def test_a_wrong_key_is_told_and_not_shown(value: str) -> None:
    """Also one that the platform could not resolve."""
    with pytest.raises(InvalidSettingsError) as caught:
        read(CallbackSettings, {"CallbackSecret": value})
    assert "CallbackSecret is not a key: 'whsec_' and 24 to 64" in str(caught.value)
    assert value not in str(caught.value)


def test_wrong_hosts_are_shown() -> None:
    """With what would be right."""
    with pytest.raises(
        InvalidSettingsError, match=r"CallbackTrustedHosts is 'http://x'.*hooks\.internal"
    ):
        read(CallbackSettings, {"CallbackTrustedHosts": "http://x"})


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ({}, ""),
        ({"WEBSITE_HOSTNAME": "app.azurewebsites.net"}, "https://app.azurewebsites.net"),
        ({"WEBSITE_HOSTNAME": "127.0.0.1:7071"}, "http://127.0.0.1:7071"),
        ({"WEBSITE_HOSTNAME": "a.b", "PublicUrl": "https://jobs.example"}, "https://jobs.example"),
    ],
)
def test_where_callers_reach_the_app(given: dict[str, str], url: str) -> None:
    """What stands as `source` in a message; without any setting only the path does."""
    assert read(WebSettings, given).app_url == url
