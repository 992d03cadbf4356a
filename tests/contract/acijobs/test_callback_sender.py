"""Callbacks over real sockets: to the address that was checked, in time, whatever comes back."""

from __future__ import annotations

import contextlib
import itertools
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING

import pytest
import trustme

from acijobs.callbacks.sender import Address, HttpCallbacks
from callback_receivers import OK, Receiver, answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from acijobs.domain.callback.state import Delivery

BODY = b'{"id": "x"}'
NAME = "hooks.example.com"
PUBLIC = Address(socket.AF_INET, ("93.184.215.14", 443))
PUBLIC_6 = Address(socket.AF_INET6, ("2606:4700:4700::1111", 443, 0, 0))


def inside(address: str) -> Address:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return Address(family, (address, 443))


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every connection is refused; to which addresses they were."""
    asked: list[object] = []

    def refuse(_: socket.socket, address: object) -> None:
        asked.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", refuse)
    return asked


def sent(receiver: Receiver, *, time_limit_s: float = 10.0) -> Delivery:
    callbacks = HttpCallbacks(receiver.trusted, time_limit_s=time_limit_s)
    return callbacks.post(
        receiver.url, BODY, {"Content-Type": "application/json", "webhook-id": "x"}
    )


# What is sent.


def test_one_post_with_our_headers_and_body() -> None:
    """Its length, its host, and nothing of the environment's."""
    with Receiver() as receiver:
        delivery = sent(receiver)
        [request] = receiver.received
    assert delivery.status == 200
    assert request.line == "POST /hook HTTP/1.1"
    assert request.body == BODY
    assert request.headers == {
        "host": f"127.0.0.1:{receiver.port}",
        "user-agent": "acijobs",
        "connection": "close",
        "content-length": str(len(BODY)),
        "content-type": "application/json",
        "webhook-id": "x",
    }


def test_a_large_body_arrives_whole() -> None:
    """More than a socket takes at once."""
    body = b"x" * 3_000_000
    with Receiver() as receiver:
        callbacks = HttpCallbacks(receiver.trusted)
        assert callbacks.post(receiver.url, body, {}).is_delivered
        assert receiver.received[0].body == body


def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would resolve the name once more."""
    with Receiver() as proxy, Receiver() as receiver:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert sent(receiver).is_delivered
        assert proxy.connections == 0


# What comes back.


@pytest.mark.parametrize("status", [200, 202, 204, 299, 400, 404, 410, 429, 500, 503])
def test_the_status_is_what_counts(status: int) -> None:
    """With a body or without."""
    with Receiver(answers=[answer(status, body=b"whatever")]) as receiver:
        assert sent(receiver).status == status


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    """Wherever it leads: to a public name, to the inside, to itself."""
    with Receiver() as elsewhere:
        location = f"Location: {elsewhere.url}"
        with Receiver(answers=[answer(status, location)]) as receiver:
            delivery = sent(receiver)
            assert len(receiver.received) == 1
        assert elsewhere.connections == 0
    assert not delivery.is_delivered
    assert "redirects are not followed" in delivery.told


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("Retry-After: 120", 120),
        ("retry-after:7", 7),
        ("RETRY-AFTER: Fri, 31 Dec 1999 23:59:59 GMT", 0),
        ("Retry-After: soon", None),
        ("Retry-After: -1", None),
        ("Retry-After: ٣", None),
        ("X-Retry-After: 5", None),
    ],
)
def test_retry_after_in_seconds_or_as_a_date(said: str, seconds: float | None) -> None:
    """What cannot be read is not obeyed."""
    with Receiver(answers=[answer(503, said)]) as receiver:
        assert sent(receiver).retry_after_s == seconds


def test_interim_answers_are_passed_over() -> None:
    """100 and 103 may come before the answer."""
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    with Receiver(answers=[interim + answer(204)]) as receiver:
        assert sent(receiver).status == 204


def test_an_answer_is_read_to_four_kilobytes_at_most() -> None:
    """The status of an endless head is believed, and nothing more of it read."""
    endless = b"HTTP/1.1 200 OK\r\n" + b"X-Filler: " + b"x" * 100_000 + b"\r\n" * 2
    with Receiver(answers=[endless]) as receiver:
        assert sent(receiver).status == 200


@pytest.mark.parametrize(
    "said",
    [b"", b"HTTP/1.1 2", b"HTTP/2 200\r\n\r\n", b"SSH-2.0-x\r\n", b"220 ftp\r\n", b"\x00" * 5_000,
     b"HTTP/1.1 99 Low\r\n\r\n", b"HTTP/1.1 2000 x\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"],
    ids=ascii,
)  # fmt: skip
def test_what_is_no_answer_is_none(said: bytes) -> None:
    """A lost reply, another protocol: the message may have been taken, and is sent again."""
    with Receiver(answers=[said]) as receiver:
        delivery = sent(receiver)
        assert len(receiver.received) == 1
    assert delivery.status is None
    assert "did not answer" in delivery.told


# How long it takes.


def test_a_receiver_that_never_answers_is_left_in_time() -> None:
    """After the time limit, and not later."""
    with Receiver() as receiver:
        receiver.answers = [receiver.hang]
        started = time.monotonic()
        delivery = sent(receiver, time_limit_s=0.5)
        took_s = time.monotonic() - started
    assert delivery.status is None
    assert delivery.trouble == "the receiver did not answer within 0.5 s"
    assert 0.4 < took_s < 25  # it hangs for 30 s


def test_the_time_limit_is_for_the_whole_exchange() -> None:
    """A byte every 20 ms never ends, and is cut off all the same."""
    with Receiver() as receiver:
        receiver.answers = [receiver.drip(b"HTTP/1.1 " + b"0" * 3_000)]
        started = time.monotonic()
        delivery = sent(receiver, time_limit_s=0.5)
        took_s = time.monotonic() - started
    assert delivery.status is None
    assert took_s < 45  # all of it comes in 60 s


def test_a_status_that_came_in_time_counts() -> None:
    """Whatever of the head is missing."""
    with Receiver() as receiver:
        slow = receiver.drip(b"X: " + b"y" * 3_000)

        def say(connection: socket.socket) -> None:
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            slow(connection)

        receiver.answers = [say]
        assert sent(receiver, time_limit_s=5).status == 200


def test_a_receiver_that_does_not_speak_tls_is_left_in_time() -> None:
    """The handshake counts, too."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as silent:
        port = silent.getsockname()[1]
        callbacks = HttpCallbacks(frozenset({f"127.0.0.1:{port}"}), time_limit_s=0.5)
        delivery = callbacks.post(f"https://127.0.0.1:{port}/", BODY, {})
    assert delivery.trouble == "the receiver did not answer within 0.5 s"


def test_a_resolver_that_hangs_is_left_in_time() -> None:
    """It takes no time limit of its own."""

    def resolve(host: str, port: int) -> list[Address]:
        del host, port
        time.sleep(2)
        return [PUBLIC]

    callbacks = HttpCallbacks(resolve=resolve, time_limit_s=0.2)
    assert callbacks.post(f"https://{NAME}/", BODY, {}).status is None


def test_receivers_that_hang_take_no_more_than_three_threads() -> None:
    """What comes meanwhile is put off at once, and does not count as tried."""
    with ThreadPoolExecutor(6) as pool, Receiver() as receiver:
        receiver.answers = [receiver.hang]
        callbacks = HttpCallbacks(receiver.trusted, time_limit_s=60)
        posts = [pool.submit(callbacks.post, receiver.url, BODY, {}) for _ in range(6)]
        put_off = list(itertools.islice(as_completed(posts, timeout=25), 3))
        assert not any(post.result().was_made for post in put_off)
        receiver.wait_for(3)
    assert [post.result().was_made for post in posts if post not in put_off] == [True] * 3
    assert callbacks.post("nonsense", BODY, {}).was_made


# Where it goes.


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["10.0.0.5"],
        ["169.254.169.254"],
        ["168.63.129.16"],
        ["::1"],
        ["fe80::1%2"],
        ["::ffff:169.254.169.254"],
        ["64:ff9b::a9fe:a9fe"],
        ["fd00::1"],
        ["93.184.215.14", "10.0.0.5"],
        ["2606:4700:4700::1111", "::1"],
    ],
    ids="+".join,
)
def test_a_name_that_leads_inside_is_not_called(
    connections: list[object], addresses: list[str]
) -> None:
    """Not even if only one of its addresses does; and which one it was is not told."""
    callbacks = HttpCallbacks(resolve=lambda *_: [inside(address) for address in addresses])
    delivery = callbacks.post(f"https://{NAME}/", BODY, {})
    assert connections == []
    assert delivery.trouble == "the callback's url leads to an address that is not public"


def test_a_hostile_url_is_not_even_resolved(connections: list[object]) -> None:
    """As one that was stored before its host stopped being trusted."""
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[Address]:
        asked.append(f"{host}:{port}")
        return [PUBLIC]

    delivery = HttpCallbacks(resolve=resolve).post("http://127.0.0.1:9/", BODY, {})
    assert (asked, connections) == ([], [])
    assert "https://" in delivery.trouble


def test_a_name_is_resolved_once_and_its_address_pinned(connections: list[object]) -> None:
    """Rebinding: by the time of the connection the name leads inside, and nobody asks it again."""
    answers = [[PUBLIC], [inside("127.0.0.1")]]
    callbacks = HttpCallbacks(resolve=lambda *_: answers.pop(0))
    callbacks.post(f"https://{NAME}/", BODY, {})
    assert connections == [("93.184.215.14", 443)]
    assert len(answers) == 1


def test_every_public_address_is_tried_in_turn(connections: list[object]) -> None:
    """The one of a network that this machine is not on fails."""
    delivery = HttpCallbacks(resolve=lambda *_: [PUBLIC_6, PUBLIC]).post(
        f"https://{NAME}/", BODY, {}
    )
    assert connections == [PUBLIC_6.sockaddr, PUBLIC.sockaddr]
    assert delivery.trouble == "the receiver cannot be reached (ConnectionRefusedError)"


@pytest.mark.parametrize(
    "failure", [socket.gaierror(-2, "unknown"), UnicodeError("label too long")]
)
def test_a_name_that_leads_nowhere(failure: Exception) -> None:
    """Is tried again, like any other trouble."""

    def resolve(*_: object) -> list[Address]:
        raise failure

    delivery = HttpCallbacks(resolve=resolve).post(f"https://{NAME}/", BODY, {})
    assert delivery.trouble.startswith("the receiver cannot be reached")


def test_a_name_without_addresses() -> None:
    """Likewise."""
    assert HttpCallbacks(resolve=lambda *_: []).post(f"https://{NAME}/", BODY, {}).status is None


# TLS: the address was checked, and the name is.


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def tls_of(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


def sent_by_name(
    receiver: Receiver, client: ssl.SSLContext, resolve: Callable[..., list[Address]] | None = None
) -> Delivery:
    here = Address(socket.AF_INET, ("127.0.0.1", receiver.port))
    trusted = frozenset({f"{NAME}:{receiver.port}"})
    callbacks = HttpCallbacks(trusted, resolve=resolve or (lambda *_: [here]), tls=client)
    return callbacks.post(f"https://{NAME}:{receiver.port}/hook", BODY, {})


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def test_tls_verifies_the_name_though_an_address_is_called(authority: trustme.CA) -> None:
    """The server is asked for the certificate of the name, and `Host` says it."""
    asked: list[str | None] = []
    server = tls_of(authority, NAME)
    server.sni_callback = lambda _, name, __: asked.append(name)  # type: ignore[assignment]
    with Receiver(tls=server) as receiver:
        assert sent_by_name(receiver, trusting(authority)).status == 200
        [request] = receiver.received
    assert asked == [NAME]
    assert request.headers["host"] == f"{NAME}:{receiver.port}"


def test_the_certificate_of_another_name_is_refused(authority: trustme.CA) -> None:
    """And nothing is sent."""
    with Receiver(tls=tls_of(authority, "other.example.com", "127.0.0.1")) as receiver:
        delivery = sent_by_name(receiver, trusting(authority))
        assert receiver.received == []
    assert delivery.trouble.startswith("the receiver's certificate: Hostname mismatch")


def test_a_certificate_of_an_unknown_authority_is_refused(authority: trustme.CA) -> None:
    """And nothing is sent."""
    with Receiver(tls=tls_of(authority, NAME)) as receiver:
        delivery = sent_by_name(receiver, ssl.create_default_context())
        assert receiver.received == []
    assert "certificate" in delivery.trouble


def test_a_receiver_that_is_back_takes_the_next_try() -> None:
    """Each try is a connection of its own."""
    with Receiver(answers=[answer(500), OK]) as receiver:
        assert [sent(receiver).status, sent(receiver).status] == [500, 200]
        assert receiver.connections == 2
