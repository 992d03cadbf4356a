"""Access keys: master, host, system and function keys, as on Azure.

Source: https://learn.microsoft.com/azure/azure-functions/function-keys-how-to
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from functions_host.problems import AppError, json_object

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from aiohttp import web

FILE_NAME = "keys.json"
DURABLE_KEY = "durabletask_extension"


class AuthLevel(StrEnum):
    """The keys that a caller needs."""

    ANONYMOUS = "anonymous"
    FUNCTION = "function"
    SYSTEM = "system"
    ADMIN = "admin"


@dataclass(frozen=True, kw_only=True)
class KeyRing:
    """The keys of one host.

    Attributes:
        master: Opens everything.
        host: Opens every function.
        durable: The system key of the Durable webhooks.
        functions: Each opens one function, by its name.
    """

    master: str
    host: str
    durable: str
    functions: dict[str, str]

    def admits(self, level: AuthLevel, key: str | None, function: str = "") -> bool:
        """Tell whether the key, or having none, opens what this level protects."""
        if level is AuthLevel.ANONYMOUS:
            return True
        if not key:
            return False
        fitting = [self.master]
        if level is AuthLevel.FUNCTION:
            fitting += [self.host, self.functions.get(function, self.host)]
        if level is AuthLevel.SYSTEM:
            fitting.append(self.durable)
        return any(hmac.compare_digest(key.encode(), fit.encode()) for fit in fitting)


def key_of(request: web.Request) -> str | None:
    """Return the key that a request carries, or None; the header goes before the query."""
    return request.headers.get("x-functions-key") or request.query.get("code")


def open_keys(state: Path, functions: Iterable[str]) -> KeyRing:
    """Return the keys in the state folder's `keys.json`; missing ones are made and written there.

    Raises:
        AppError: the file is there and cannot be read.
    """
    path = state / FILE_NAME
    known = _read(path) if path.exists() else {}
    function_keys = known.get("functions")
    given = function_keys if isinstance(function_keys, dict) else {}
    ring = KeyRing(
        master=str(known.get("master") or _new()),
        host=str(known.get("host") or _new()),
        durable=str(known.get("system") or _new()),
        functions={name: str(given.get(name) or _new()) for name in functions},
    )
    _write(path, ring)
    return ring


def _read(path: Path) -> dict[str, object]:
    try:
        return json_object(path)
    except ValueError as error:
        raise AppError(f"the key file {path} {error}") from error


def _write(path: Path, ring: KeyRing) -> None:
    content = {
        "master": ring.master,
        "host": ring.host,
        "system": ring.durable,
        "functions": ring.functions,
    }
    new = path.with_suffix(".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(content, file, indent=2)
    new.replace(path)


def _new() -> str:
    return secrets.token_urlsafe(40)
