"""Sends a callback: one POST, to exactly the address that was checked.

The URL is a stranger's. So its name is resolved once, every address that it has must be public, and the
connection goes to one of those, whatever the name leads to by then; TLS still verifies the name. No
redirect is followed, no proxy of the environment is asked, and all of it takes ten seconds at most.
Only a few are sent at once: receivers that hang must not take the threads that poll other jobs.
"""

from __future__ import annotations

import queue
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from acijobs.callbacks.answer import MAX_ANSWER_BYTES, delivery_of, final_answer
from acijobs.domain.callback.addresses import is_public
from acijobs.domain.callback.receiver import Receiver, ReceiverError, complaint
from acijobs.domain.callback.state import Delivery

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TIME_LIMIT_S = 10.0
"""Longest time of one try, from the name's resolution to the answer."""

_CONNECT_S = 4.0
"""Longest wait for one of several addresses."""

AT_ONCE = 3
"""Most callbacks that a process sends at once: the Python worker has five threads on one core, if
nobody has set more, and polls run on them, too."""

_PATIENCE_S = 0.25
"""How long a callback waits for its turn; then it is put off."""

_USER_AGENT = "acijobs"


class Address(NamedTuple):
    """One address of a host, as `socket.getaddrinfo` gives it."""

    family: int
    sockaddr: tuple[Any, ...]


def resolved(host: str, port: int) -> list[Address]:
    """Return all addresses of a host, by this machine's resolver.

    Raises:
        OSError: it has none, or the resolver does not answer.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [Address(family, sockaddr) for family, _, _, _, sockaddr in found]


class HttpCallbacks:
    """Sends callbacks; implements `acijobs.usecases.ports.Callbacks`.

    Args:
        trusted: Hosts that the operator trusts: called over http too, and at any address.
        resolve: Gives the addresses of a host.
        tls: What servers are verified by; by default the machine's own authorities.
        time_limit_s: Longest time of one try.
    """

    def __init__(
        self,
        trusted: frozenset[str] = frozenset(),
        *,
        resolve: Callable[[str, int], list[Address]] = resolved,
        tls: ssl.SSLContext | None = None,
        time_limit_s: float = TIME_LIMIT_S,
    ) -> None:
        self._trusted = trusted
        self._resolve = resolve
        self._tls = tls or ssl.create_default_context()
        self._time_limit_s = time_limit_s
        self._turns = threading.BoundedSemaphore(AT_ONCE)

    def complaint(self, url: str) -> str | None:
        """Return why this URL may never be called, as far as that shows without resolving its name."""
        return complaint(url, self._trusted)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Delivery:
        """Send a body; return what came of it, which is never an exception."""
        if not self._turns.acquire(timeout=_PATIENCE_S):
            return Delivery(was_made=False, trouble="too many callbacks were under way")
        try:
            return self._post(url, body, headers)
        finally:
            self._turns.release()

    def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Delivery:
        deadline = _Deadline(self._time_limit_s)
        try:
            receiver = Receiver.of(url, self._trusted)
            addresses = self._addresses(receiver, deadline)
            with self._connection(receiver, addresses, deadline) as connection:
                _send(connection, _request(receiver, body, headers), deadline)
                return _answer(connection, deadline)
        except ReceiverError as error:
            return Delivery(trouble=f"the callback's url {error}")
        except TimeoutError:
            within = f"within {self._time_limit_s:g} s"
            return Delivery(trouble=f"the receiver did not answer {within}")
        except ssl.SSLCertVerificationError as error:
            return Delivery(trouble=f"the receiver's certificate: {error.verify_message}")
        except OSError as error:
            # Not its text: that may hold an address, which is nobody's business.
            return Delivery(trouble=f"the receiver cannot be reached ({type(error).__name__})")

    def _addresses(self, receiver: Receiver, deadline: _Deadline) -> list[Address]:
        addresses = _within(deadline, lambda: self._resolve(receiver.host, receiver.port))
        if not addresses:
            raise OSError("no address")
        if receiver.is_trusted:
            return addresses
        if not all(is_public(str(address.sockaddr[0])) for address in addresses):
            raise ReceiverError("leads to an address that is not public")
        return addresses

    def _connection(
        self, receiver: Receiver, addresses: list[Address], deadline: _Deadline
    ) -> socket.socket:
        """Return a connection to the first of these addresses that takes one, and to no other."""
        plain = _connected(addresses, deadline)
        if not receiver.is_tls:
            return plain
        try:
            plain.settimeout(deadline.left_s)
            return self._tls.wrap_socket(plain, server_hostname=receiver.host)
        except BaseException:
            plain.close()
            raise


class _Deadline:
    def __init__(self, within_s: float) -> None:
        self._at = time.monotonic() + within_s

    @property
    def left_s(self) -> float:
        """Seconds that are left.

        Raises:
            TimeoutError: none are.
        """
        left_s = self._at - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        return left_s


def _within(deadline: _Deadline, ask: Callable[[], list[Address]]) -> list[Address]:
    """Resolve in a thread that is left behind when the time is up: a resolver takes no limit."""
    answers: queue.SimpleQueue[list[Address] | Exception] = queue.SimpleQueue()

    def resolve() -> None:
        try:
            answers.put(ask())
        except Exception as error:  # noqa: BLE001 - raised below, on the thread that asked
            answers.put(error)

    threading.Thread(target=resolve, daemon=True, name="callback-resolver").start()
    try:
        answer = answers.get(timeout=deadline.left_s)
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(answer, OSError):
        raise answer
    if isinstance(answer, Exception):  # like a label that cannot be encoded
        raise OSError(type(answer).__name__)
    return answer


def _connected(addresses: list[Address], deadline: _Deadline) -> socket.socket:
    *first, last = addresses
    for address in first:
        try:
            return _connect(address, min(deadline.left_s, _CONNECT_S))
        except OSError:
            continue
    return _connect(last, deadline.left_s)


def _connect(address: Address, within_s: float) -> socket.socket:
    connection = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        connection.settimeout(within_s)
        connection.connect(address.sockaddr)
    except BaseException:
        connection.close()
        raise
    return connection


def _request(receiver: Receiver, body: bytes, headers: Mapping[str, str]) -> bytes:
    told = {
        "Host": receiver.authority,
        "User-Agent": _USER_AGENT,
        "Connection": "close",
        "Content-Length": str(len(body)),
    }
    lines = [f"{name}: {value}" for name, value in (told | dict(headers)).items()]
    head = "\r\n".join([f"POST {receiver.target} HTTP/1.1", *lines, "", ""])
    return head.encode("ascii") + body


def _send(connection: socket.socket, data: bytes, deadline: _Deadline) -> None:
    # Not sendall: over TLS its time limit counts anew for each part.
    waiting = memoryview(data)
    while waiting:
        connection.settimeout(deadline.left_s)
        waiting = waiting[connection.send(waiting) :]


def _answer(connection: socket.socket, deadline: _Deadline) -> Delivery:
    """Read until the answer's head is there, or as much of it as comes in time."""
    read = b""
    while len(read) < MAX_ANSWER_BYTES and b"\r\n\r\n" not in final_answer(read):
        try:
            connection.settimeout(deadline.left_s)
            more = connection.recv(MAX_ANSWER_BYTES - len(read))
        except OSError:
            if delivery_of(read).status is None:
                raise
            break
        if not more:
            break
        read += more
    return delivery_of(read)
