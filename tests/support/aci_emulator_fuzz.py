"""Requests nobody should send, from a seed: the same seed sends the same."""

from __future__ import annotations

import copy
import json
import random
from dataclasses import dataclass, field
from typing import Any

GOOD_BODY: dict[str, Any] = {
    "location": "eastus",
    "tags": {"a": "b"},
    "properties": {
        "osType": "Linux",
        "restartPolicy": "Never",
        "containers": [
            {
                "name": "main",
                "properties": {
                    "image": "alpine",
                    "command": ["script", "run_s=1"],
                    "ports": [{"port": 80}],
                    "environmentVariables": [{"name": "A", "value": "1"}],
                    "resources": {"requests": {"cpu": 1, "memoryInGB": 1}, "limits": {"cpu": 1}},
                    "volumeMounts": [{"name": "shared", "mountPath": "/s", "readOnly": True}],
                },
            }
        ],
        "initContainers": [{"name": "first", "properties": {"image": "busybox"}}],
        "volumes": [
            {"name": "shared", "emptyDir": {}},
            {"name": "keys1", "secret": {"f": "QQ=="}},
        ],
        "imageRegistryCredentials": [{"server": "s", "username": "u", "password": "p"}],
        "ipAddress": {"type": "Public", "ports": [{"port": 80}]},
        "sku": "Standard",
        "priority": "Regular",
    },
}

_JUNK: list[Any] = [
    None, True, False, 0, -1, 1e308, 10**400, "", " ", "x" * 70_000, "\ud800", "\x00", "ä☃🐳", "../..",
    "'; DROP", [], {}, [[]], [None], {"a": None}, ["x"] * 500, {"": ""}, "NaN", "inf", -0.0, [{}] * 70,
]  # fmt: skip
_BYTES = [
    b"", b"{", b"[", b"nul", b"\xff\xfe", b'{"a":NaN}', b'{"a":1e999}', b"[" * 20_000, b'"\\ud800"',
    b"{" + b'"a":{' * 5_000, b"9" * 6_000, b"\x00" * 100, b'{"location":"eastus",}', b"null", b"[]",
    b'{"a":1}garbage', b'"' + b"x" * 100_000 + b'"',
]  # fmt: skip
_NAMES = [
    "job", "fuzz", "a" * 64, "A", "-", "%00", "%2e%2e", "..", "%2F", "a%20b", "%F0%9F%92%A9", "%ff",
    "a" * 3000, "%", "%zz", "~", "{}", "job;x=y", "*", "\u00e4",
]  # fmt: skip
_TAILS = [
    "", "/", "/start", "/stop", "/restart", "/containers/main/logs", "/containers/x/logs",
    "/containers/main/exec", "/containers/main/attach", "/nothing", "//", "/containers//logs",
    "/" * 300, "/containers/main/logs/logs",
]  # fmt: skip
_METHODS = ["GET", "PUT", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "BREW"]
_QUERIES = [
    "api-version=2023-05-01", "api-version=2023-05-01", "api-version=2023-05-01", "", "api-version=",
    "api-version=x", "api-version=2023-05-01&tail=1", "api-version=2023-05-01&tail=-1",
    "api-version=2023-05-01&tail=%D9%A3", "api-version=2023-05-01&timestamps=maybe",
    "api-version=2023-05-01&$skiptoken=%25%25", "api-version=2023-05-01&%24skipToken=YQ",
    "api-version=2023-05-01&api-version=9", "&&&=&", "api-version=" + "9" * 3000,
]  # fmt: skip
_TOKENS = [
    "", "Bearer", "Bearer ", "Bearer a.b.c", "Basic x", "bearer {token}x", "Bearer {token}.", "\xff",
    "Bearer " + "x" * 5000, "Bearer ..", "Negotiate",
]  # fmt: skip
_PREFIXES = [
    "/subscriptions/{s}/resourceGroups/{g}/providers/Microsoft.ContainerInstance/containerGroups/",
    "/subscriptions/{s}/resourceGroups/none/providers/Microsoft.ContainerInstance/containerGroups/",
    "/subscriptions/none/providers/Microsoft.ContainerInstance/containerGroups/",
    "/subscriptions/{s}/providers/Microsoft.ContainerInstance/locations/eastus/operations/",
    "/subscriptions/{s}/providers/Microsoft.ContainerInstance/locations/",
    "/subscriptions/{s}/providers/",
    "/",
]
LINES = [
    b"GET / HTTP/9.9\r\n\r\n",
    b"\x16\x03\x01garbage\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nBad Header: y\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 20_000 + b"\r\n\r\n",
    b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET http://[::1 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\x00y\r\n\r\n",
    b"BR\xffEW / HTTP/1.1\r\nHost: x\r\n\r\n",
]
"""What is not HTTP, sent as it is."""


@dataclass(frozen=True, kw_only=True)
class OddRequest:
    """One request; `token` None means the good one."""

    method: str
    path: str
    body: bytes | None
    headers: dict[str, str] = field(default_factory=dict)


class Fuzzer:
    """Makes odd requests.

    Args:
        seed: Of the dice.
        subscription, resource_group: Those that exist, so that some requests get far.
        token: A good token.
    """

    def __init__(self, seed: int, *, subscription: str, resource_group: str, token: str) -> None:
        self._dice = random.Random(seed)
        self._names = {"s": subscription, "g": resource_group}
        self._token = token

    def request(self) -> OddRequest:
        """Return the next one: most differ from a good one in one way only."""
        dice = self._dice
        prefix = _PREFIXES[0] if dice.random() < 0.7 else dice.choice(_PREFIXES)
        name = "fuzz" if dice.random() < 0.6 else dice.choice(_NAMES)
        tail = "" if dice.random() < 0.6 else dice.choice(_TAILS)
        query = _QUERIES[0] if dice.random() < 0.7 else dice.choice(_QUERIES)
        method = "PUT" if dice.random() < 0.5 else dice.choice(_METHODS)
        path = prefix.replace("{s}", self._names["s"]).replace("{g}", self._names["g"])
        return OddRequest(
            method=method,
            path=f"{path}{name}{tail}?{query}",
            body=self._body() if method in ("PUT", "POST", "PATCH") else None,
            headers=self._headers(),
        )

    def _headers(self) -> dict[str, str]:
        good = self._dice.random() < 0.85
        token = "Bearer {token}" if good else self._dice.choice(_TOKENS)
        kind = self._dice.choice(["application/json"] * 8 + ["text/plain", "", "a/b; charset=ä"])
        return {"Authorization": token.replace("{token}", self._token), "Content-Type": kind}

    def _body(self) -> bytes:
        dice = self._dice
        if dice.random() < 0.2:
            return dice.choice(_BYTES)
        if dice.random() < 0.002:
            return b" " * (5 * 1024 * 1024)
        body = copy.deepcopy(GOOD_BODY)
        for _ in range(dice.randint(1, 3)):
            self._spoil(body)
        return json.dumps(body).encode()

    def _spoil(self, body: Any) -> None:
        """Replace, remove, double or rename something somewhere in the body."""
        dice = self._dice
        place = body
        while dice.random() < 0.8:
            inner = list(place.values()) if isinstance(place, dict) else list(place)
            inner = [entry for entry in inner if isinstance(entry, dict | list) and entry]
            if not inner:
                break
            place = dice.choice(inner)
        if isinstance(place, dict):
            key = dice.choice(list(place))
            act = dice.randrange(3)
            if act == 0:
                place[key] = copy.deepcopy(dice.choice(_JUNK))
            elif act == 1:
                del place[key]
            else:
                place[str(dice.choice(_JUNK))] = copy.deepcopy(place[key])
        else:
            place[dice.randrange(len(place))] = copy.deepcopy(dice.choice(_JUNK))
