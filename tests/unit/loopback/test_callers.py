"""Which requests a foreign web page has sent."""

from __future__ import annotations

import pytest

from loopback.callers import Callers, is_loopback

OWN = "127.0.0.1:7071"


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:7071", "127.0.0.1", "127.9.9.9:1", "localhost:7071", "LOCALHOST", "localhost.",
     "app.localhost:80", "[::1]:7071", "[0:0:0:0:0:0:0:1]"],
)  # fmt: skip
def test_a_loopback_address_may_be_called(host: str) -> None:
    """Under every name that no name server can give to a stranger, with any port: it may be mapped."""
    assert Callers().refusal("http", host, None) is None


@pytest.mark.parametrize(
    "host",
    [None, "", "evil.test:7071", "127.0.0.1.evil.test", "localhost.evil.test", "evil-localhost",
     "192.168.0.7:7071", "0.0.0.0:7071", "a@127.0.0.1", "127.0.0.1/x", "127.0.0.1:", "[::1", "x:y",
     "\udcff", "127.0.0.1:7071\n", "[::ffff:192.168.0.7]"],
)  # fmt: skip
def test_another_name_is_refused(host: str | None) -> None:
    """It may have been made to resolve to this machine."""
    told = Callers().refusal("http", host, None)
    assert told is not None
    assert "is not an address of this server" in told


def test_the_bound_address_and_names_that_are_given_may_be_called() -> None:
    """And no others."""
    callers = Callers("192.168.0.7", ["Host.Docker.Internal"])
    for host in ["192.168.0.7:7071", "host.docker.internal:7071", OWN]:
        assert callers.refusal("http", host, None) is None
    assert callers.refusal("http", "192.168.0.8:7071", None)


@pytest.mark.parametrize("everywhere", ["", "0.0.0.0", "::"])
def test_bound_to_all_addresses_any_literal_one_may_be_called(everywhere: str) -> None:
    """A name still may not: only names can be rebound."""
    callers = Callers(everywhere)
    assert callers.refusal("http", "192.168.0.7:7071", "http://192.168.0.7:7071") is None
    assert callers.refusal("http", "[fe80::1]:7071", None) is None
    assert callers.refusal("http", "evil.test:7071", None)
    assert callers.refusal("http", "192.168.0.7:7071", "http://6.6.6.6:7071")


@pytest.mark.parametrize("origin", ["http://127.0.0.1:7071", "http://localhost:7071"])
def test_a_page_of_the_servers_own_may_send(origin: str) -> None:
    """Under any of its names."""
    assert Callers().refusal("http", OWN, origin) is None


@pytest.mark.parametrize(
    "origin",
    ["null", "", "http://evil.test", "http://evil.test:7071", "http://localhost:3000",
     "http://localhost", "file://", "chrome-extension://abc", "http://localhost:7071.evil.test",
     "http://a@localhost:7071"],
)  # fmt: skip
def test_a_page_of_another_site_may_not_send(origin: str) -> None:
    """Another port of this machine is another site, too."""
    told = Callers().refusal("http", OWN, origin)
    assert told is not None
    assert "is another site" in told


def test_a_configured_origin_may_send() -> None:
    """CORS names it, or all; the Host is looked at all the same."""
    callers = Callers(origins=["https://portal.example.com"])
    assert callers.refusal("http", OWN, "https://Portal.example.com") is None
    assert callers.refusal("http", OWN, "http://portal.example.com")
    everyone = Callers(origins=["*"])
    assert everyone.refusal("http", OWN, "null") is None
    assert everyone.refusal("http", "evil.test", None)


def test_loopback_is_told_from_other_addresses() -> None:
    """The host warns when it binds to another."""
    assert all(map(is_loopback, ["127.0.0.1", "::1", "localhost"]))
    assert not any(map(is_loopback, ["0.0.0.0", "::", "", "192.168.0.7", "evil.test"]))
