"""Callbacks are signed as Standard Webhooks are: receivers verify them with its own library."""

from __future__ import annotations

import base64
import time
from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from acijobs.domain.callback.signing import read_key, signed
from scripted_callbacks import CALLBACK_KEY

BODY = b'{"test": 2432232314}'


def key_of(length: int) -> str:
    return "whsec_" + base64.b64encode(bytes(range(length))).decode()


def test_the_example_of_the_specification() -> None:
    """Id, time, body and key as they stand there, and the signature that they make."""
    headers = signed(read_key(CALLBACK_KEY), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, BODY)
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.parametrize("length", [24, 32, 64])
@pytest.mark.parametrize("body", [BODY, "[“schön”]".encode(), b""], ids=["json", "utf8", "empty"])
def test_its_library_signs_alike(length: int, body: bytes) -> None:
    """With keys of every allowed length, whatever the body."""
    key, sent_at = key_of(length), datetime.now(UTC)
    headers = signed(read_key(key), "id", int(sent_at.timestamp()), body)
    assert headers["webhook-signature"] == Webhook(key).sign("id", sent_at, body.decode())


def test_its_library_takes_what_we_sign() -> None:
    """And gives the body."""
    headers = signed(read_key(key_of(32)), "id", int(time.time()), BODY)
    assert Webhook(key_of(32)).verify(BODY, headers) == {"test": 2432232314}


@pytest.mark.parametrize("wrong", ["body", "webhook-id", "webhook-timestamp", "key"])
def test_its_library_refuses_what_was_changed(wrong: str) -> None:
    """Another body, id, time or key."""
    headers = signed(read_key(key_of(32)), "id", int(time.time()), BODY)
    body, key = BODY, key_of(32)
    if wrong == "body":
        body = BODY.replace(b"2", b"3")
    elif wrong == "key":
        key = key_of(33)
    else:
        headers[wrong] = str(int(time.time()) + 1)
    with pytest.raises(WebhookVerificationError):
        Webhook(key).verify(body, headers)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        CALLBACK_KEY.removeprefix("whsec_"),
        key_of(23),
        key_of(65),
        "whsec_" + "!" * 40,
        "whsec_" + "A" * 41,
        "WHSEC_" + CALLBACK_KEY.removeprefix("whsec_"),
        "whsec_ä" + "A" * 40,
    ],
)
def test_what_is_no_key_is_refused_and_not_shown(text: str) -> None:
    """The error says what a key is."""
    with pytest.raises(ValueError, match=r"whsec_.* 24 to 64") as caught:
        read_key(text)
    assert not text.removeprefix("whsec_") or text not in str(caught.value)


def test_space_around_a_key_does_not_count() -> None:
    """As a setting may have it at its end."""
    assert read_key(f" {CALLBACK_KEY}\n") == read_key(CALLBACK_KEY)
