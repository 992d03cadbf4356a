"""A callback's URL is a stranger's: what may be called, and what must not be."""

from __future__ import annotations

import pytest

from acijobs.domain.callback.addresses import is_public
from acijobs.domain.callback.receiver import Receiver, ReceiverError, read_trusted

PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "20.50.2.1",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "168.63.129.15",
    "168.63.129.17",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001:830::200e",
    "2001:4860:4860::8888",
    "2603:1020:201:10::10f",
    "2001:200::1",
]

NOT_PUBLIC = [
    # this network, private, shared, loopback, link-local
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255"),
    *("127.0.0.1", "127.1.2.3", "169.254.0.1", "169.254.169.254", "169.254.170.2"),
    *("172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.255.255"),
    # Azure's own host, other clouds' metadata
    *("168.63.129.16", "169.254.169.253", "100.100.100.200", "192.0.0.192"),
    # protocol assignments, documentation, benchmarks, relays
    *("192.0.0.1", "192.0.0.170", "192.0.2.1", "198.18.0.1", "198.19.255.255", "198.51.100.1"),
    *("203.0.113.1", "192.88.99.1", "192.31.196.1", "192.52.193.1", "192.175.48.1"),
    # multicast, reserved, broadcast
    *("224.0.0.1", "239.255.255.250", "240.0.0.1", "254.255.255.255", "255.255.255.255"),
    # the same in IPv6
    *("::", "::1", "fe80::1", "fe80::1%eth0", "febf::1", "fec0::1", "fc00::1", "fd00:ec2::254"),
    *("ff02::1", "ff0e::1", "100::1", "2001:db8::1", "3fff::1", "5f00::1", "2620:4f:8000::1"),
    # IPv4 hosts in IPv6: mapped, compatible, NAT64, 6to4, Teredo, ISATAP
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:8.8.8.8", "::127.0.0.1"),
    *("64:ff9b::a9fe:a9fe", "64:ff9b::8.8.8.8", "64:ff9b:1::a00:1", "2002:7f00:1::"),
    *("2002:a9fe:a9fe::1", "2002:808:808::"),
    *("2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2606:4700::5efe:10.0.0.1"),
    *("2606:4700::200:5efe:8.8.8.8", "2001:10::1", "2001:20::1"),
    # no addresses
    *("", "localhost", "2130706433", "0x7f.1", "127.1", "8.8.8.8 ", "8.8.8.8/32", "1.2.3.4.5"),
    *("0177.0.0.1", "8.8.8.08", "[2606:4700:4700::1111]", "2606:4700:4700::1111%eth0", "::ffff:1"),
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet(address: str) -> None:
    """Also right beside what is none."""
    assert is_public(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_of_somebodys_inside(address: str) -> None:
    """In each of its forms, and what is no address at all."""
    assert not is_public(address)


HOSTILE = [
    # not http
    "", "example.com", "//example.com", "ftp://example.com/", "file:///etc/passwd",
    "gopher://example.com/",
    "data:text/plain,x", "javascript:alert(1)", "https:example.com", "https:/example.com",
    "https:///example.com",
    "http://example.com/", "ws://example.com/", "unix:///var/run/docker.sock",
    "jar:https://example.com!/",
    # other ports
    "https://example.com:80/", "https://example.com:22/", "https://example.com:8443/",
    "https://example.com:0/",
    "https://example.com:65536/", "https://example.com:/", "https://example.com:443:443/",
    "https://example.com:\uff14\uff14\uff13/",
    # a user, or what looks like one
    "https://user@example.com/", "https://user:password@example.com/", "https://@example.com/",
    "https://example.com@169.254.169.254/", "https://169.254.169.254@example.com/",
    "https://a:b@c:d@example.com/",
    # readers disagree where the host ends
    "https://example.com\\@169.254.169.254/", "https://169.254.169.254\\.example.com/",
    "https://example.com\\",
    "https://example.com#@169.254.169.254/", "https://example.com/#fragment",
    "https://example.com?#x",
    "https://example.com;.internal/", "https://[::1]@example.com/", "https://exa mple.com/",
    # what may not stand in a request
    "https://example.com/\r\nHost: other", "https://example.com/a b", "https://example.com/\t",
    "https://example.com/\0",
    "https://example.com/\x7f", " https://example.com/", "https://example.com/ ",
    "https://example.com/ü",
    "https://example.com/<script>", "https://example.com/{x}", "https://example.com/a|b",
    "https://exam\nple.com/",
    # addresses of the inside, in all spellings
    "https://127.0.0.1/", "https://10.0.0.1/", "https://169.254.169.254/metadata/instance",
    "https://168.63.129.16/",
    "https://192.168.1.1:443/", "https://0.0.0.0/", "https://0/", "https://127.1/",
    "https://2130706433/",
    "https://0x7f000001/", "https://0x7f.0.0.1/", "https://017700000001/", "https://0177.0.0.1/",
    "https://127.0.0.01/",
    "https://127.0.0.1./", "https://256.256.256.256/", "https://1.2.3/", "https://1.2.3.4.5/",
    "https://[::1]/", "https://[::]/", "https://[fe80::1]/", "https://[fe80::1%25eth0]/",
    "https://[fd00:ec2::254]/",
    "https://[::ffff:169.254.169.254]/", "https://[::ffff:a9fe:a9fe]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://[2002:a9fe:a9fe::]/", "https://[::127.0.0.1]/", "https://[127.0.0.1]/",
    "https://[::1/", "https://::1/",
    "https://[v1.x]/", "https://[]/",
    # names of the inside
    "https://localhost/", "https://LOCALHOST/", "https://foo.localhost/", "https://localhost./",
    # no names
    "https://.example.com/", "https://example..com/", "https://example.com./",
    "https://-example.com/",
    "https://example-.com/", "https://exa_mple.com/", "https://exämple.com/",
    "https://\uff45xample.com/",
    "https://example\u3002com/", "https://%65xample.com/", "https://example%2ecom/",
    "https://*.example.com/",
    "https://" + "a" * 64 + ".com/", "https://" + "a." * 127 + "com/", "https://$HOST/",
    "https://${HOST}/",
    # too long
    "https://example.com/" + "a" * 2_048,
]  # fmt: skip


@pytest.mark.parametrize("url", HOSTILE, ids=lambda url: ascii(url)[:60])
def test_a_hostile_url_names_no_receiver(url: str) -> None:
    """Refused before any name is resolved, in words that say what would be right."""
    with pytest.raises(ReceiverError, match=r"^must "):
        Receiver.of(url)


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1:1/", "https://user@hooks.internal/", "ftp://hooks.internal/"]
)
def test_trust_covers_a_host_at_its_port_and_nothing_else(url: str) -> None:
    """Another port, a user, another scheme."""
    with pytest.raises(ReceiverError):
        Receiver.of(url, read_trusted("127.0.0.1:9000, hooks.internal"))


@pytest.mark.parametrize(
    ("url", "host", "target"),
    [
        ("https://example.com", "example.com", "/"),
        ("HTTPS://Example.COM:443/a%20b?c=d&e=f/?", "example.com", "/a%20b?c=d&e=f/?"),
        ("https://example.com?x=1", "example.com", "/?x=1"),
        ("https://xn--exmple-cua.com/", "xn--exmple-cua.com", "/"),
        ("https://20.50.2.1/hook", "20.50.2.1", "/hook"),
        ("https://[2606:4700:4700:0::1111]/", "2606:4700:4700::1111", "/"),
        ("https://a1.example/~x/$-_.+!*'(),:@;=/%F0", "a1.example", "/~x/$-_.+!*'(),:@;=/%F0"),
    ],
)
def test_a_url_in_its_parts(url: str, host: str, target: str) -> None:
    """As they stand in the request, in the one form that everybody reads alike."""
    receiver = Receiver.of(url)
    assert (receiver.host, receiver.port, receiver.target) == (host, 443, target)
    assert receiver.authority == (f"[{host}]" if ":" in host else host)
    assert receiver.is_tls
    assert not receiver.is_trusted


@pytest.mark.parametrize(
    ("url", "trusted"),
    [
        ("http://127.0.0.1:9000/", "127.0.0.1:9000"),
        ("http://127.0.0.1:9000/", "127.0.0.1"),
        ("http://localhost/", "localhost:80"),
        ("https://hooks.internal:8443/x", "other, hooks.internal"),
        ("https://hooks.internal/", "HOOKS.internal:443"),
        ("http://[::1]:9000/", "[0::1]:9000"),
    ],
)
def test_a_host_that_the_operator_trusts(url: str, trusted: str) -> None:
    """Over http, at any port that is meant, at any address."""
    assert Receiver.of(url, read_trusted(trusted)).is_trusted


@pytest.mark.parametrize(
    "text", ["http://x", "a b", "x:0", "x:99999", "x/y", "*", "127.1", "::1", "user@x"]
)
def test_what_is_no_list_of_hosts(text: str) -> None:
    """A setting that is wrong must not trust something else."""
    with pytest.raises(ReceiverError):
        read_trusted(f"fine.example, {text}")


def test_an_empty_list_trusts_nobody() -> None:
    """Commas and spaces too."""
    assert read_trusted(" , ,") == frozenset()
