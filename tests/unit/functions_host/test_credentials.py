"""Failure texts as the Functions host cleans them."""

from __future__ import annotations

import json

import pytest

from functions_host.contract import UserCodeError
from functions_host.credentials import hide_credentials


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("plain, even with a = b", "plain, even with a = b"),
        ("API_KEY=x run", "API_[Hidden Credential]"),
        ('say "pwd=x y", then "more"', 'say "[Hidden Credential]", then "more"'),
        ("<a Password=x><b>", "<a [Hidden Credential]<b>"),
        ("'https://h/?sig=x' and 'https://h/?CODE=y'",
         "'https://h/[Hidden Credential]' and 'https://h/[Hidden Credential]'"),
        ("AccountName=a;AccountKey=b;Token=c", "AccountName=a;[Hidden Credential]"),
        ("PublicKeyToken=b77a, then token=x", "PublicKeyToken=b77a, then [Hidden Credential]"),
        ("amqp://me:secret@host:5672 is down", "[Hidden Credential] is down"),
    ],
)  # fmt: skip
def test_what_follows_a_credentials_name_is_hidden(text: str, cleaned: str) -> None:
    """From the name, in any case, to the next quote or tag, or the text's end."""
    assert hide_credentials(text) == cleaned
    assert hide_credentials(cleaned) == cleaned


def test_hiding_can_leave_json_that_is_none() -> None:
    """The quote that ends the replacement may be an escaped one, whose backslash goes."""
    text = json.dumps({"input": json.dumps({"command": "API_KEY=x run"}), "customStatus": 1})
    with pytest.raises(ValueError, match=r".+"):
        json.loads(hide_credentials(text))


def test_the_text_of_a_functions_failure_is_cleaned() -> None:
    """Whoever raises it."""
    assert str(UserCodeError("ValueError: pwd=x")) == "ValueError: [Hidden Credential]"
