"""Whatever a stranger says of a callback, it leads nowhere else than it seems to."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from hypothesis import example, given
from hypothesis import strategies as st

from acijobs.callbacks.answer import MAX_ANSWER_BYTES, delivery_of, final_answer
from acijobs.domain.callback.addresses import is_public
from acijobs.domain.callback.receiver import Receiver, ReceiverError, read_trusted
from acijobs.domain.callback.state import PAUSES_S, CallbackState, CallbackStatus, Delivery
from manual_clock import START

PIECES = st.sampled_from(
    ["https", "http", "://", ":", "//", "/", "\\", "@", "?", "#", ".", "%", "[", "]", "127.0.0.1",
     "169.254.169.254", "example.com", "localhost", "::1", "0x7f", "443", "80", "a", "-", "\t", "\r\n",
     " ", "\0", "é", "%2e", ";", "user"]
)  # fmt: skip
URLS = st.one_of(
    st.lists(PIECES, max_size=12).map("".join),
    st.lists(PIECES, max_size=10).map(lambda pieces: "https://" + "".join(pieces)),
    st.text(max_size=60),
)
DELIVERIES = st.builds(
    Delivery,
    status=st.none() | st.integers(100, 599),
    retry_after_s=st.none() | st.floats(0, 1e12),
    trouble=st.text(max_size=400),
)


@given(URLS)
@example("https://example.com\\@169.254.169.254/")
def test_a_url_that_is_called_means_the_same_to_everybody(url: str) -> None:
    """To Python's own reader, too; and nothing in it ends the request's line."""
    try:
        receiver = Receiver.of(url, read_trusted("127.0.0.1, localhost, ::1" if "x" in url else ""))
    except ReceiverError:
        return
    parts = urlsplit(url)
    assert (parts.hostname or "").lower() == receiver.host
    assert (parts.port or 443) == receiver.port == 443
    assert parts.username is parts.password is None
    assert re.fullmatch(r"/[!-~]*", receiver.target)
    assert re.fullmatch(r"[!-~]+", receiver.authority)
    if re.fullmatch(r"[0-9.]+|.*:.*", receiver.host):
        assert is_public(receiver.host)


@given(st.integers(0, 2**32 - 1).map(IPv4Address) | st.integers(0, 2**128 - 1).map(IPv6Address))
def test_no_address_is_public_that_is_not_global_to_python(address: IPv4Address) -> None:
    """Its tables come from the same registries, and ours are stricter."""
    if is_public(str(address)):
        assert address.is_global
        assert not address.is_multicast


@given(st.integers(0, 2**32 - 1).map(IPv4Address))
def test_no_ipv4_address_in_ipv6_clothes_is_public(address: IPv4Address) -> None:
    """Mapped, translated, tunnelled: whatever host it leads to."""
    number = int(address)
    clothes = [
        number,
        0xFFFF << 32 | number,
        0x64FF9B << 96 | number,
        0x2002 << 112 | number << 80,
        0x20010000 << 96 | number ^ 0xFFFF_FFFF,
        0x2606_4700 << 96 | 0x5EFE << 32 | number,
    ]
    assert not any(is_public(str(ip_address(dressed.to_bytes(16, "big")))) for dressed in clothes)


@given(
    st.binary(max_size=200) | st.binary(max_size=80).map(lambda tail: b"HTTP/1.1 200 OK\r\n" + tail)
)
def test_any_answer_is_read(read: bytes) -> None:
    """Or is none."""
    delivery = delivery_of(read[:MAX_ANSWER_BYTES])
    assert delivery.status is None or 200 <= delivery.status <= 999
    assert len(final_answer(read)) <= len(read)
    assert delivery.retry_after_s is None or delivery.retry_after_s >= 0


@given(st.lists(DELIVERIES, min_size=1, max_size=20))
def test_whatever_a_receiver_does_it_is_over_after_eleven_tries(done: list[Delivery]) -> None:
    """Each pause is at least that of its try, and bounded; what is shown is bounded, too."""
    state = CallbackState()
    for delivery in done:
        if state.is_over:
            break
        state = state.after(delivery, job_id="j", now=START)
        assert len(state.trouble) <= 300
        if not state.is_over:
            assert state.next_at is not None
            pause_s = (state.next_at - START).total_seconds()
            assert PAUSES_S[state.tries - 1] <= pause_s <= max(PAUSES_S[-1] * 1.1, 14_400)
    assert state.tries <= len(PAUSES_S) + 1
    if state.tries == len(PAUSES_S) + 1:
        assert state.status is not CallbackStatus.PENDING
