"""App settings: `local.settings.json`, the environment over it, and `%SETTING%` expressions.

Source: https://learn.microsoft.com/azure/azure-functions/functions-develop-local#local-settings-file
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from functions_host.problems import AppError, json_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE_NAME = "local.settings.json"
_EXPRESSION = re.compile(r"%([^%\s]+)%")
_DEFAULT_PORT = 7071


class MissingSettingError(Exception):
    """A `%SETTING%` expression names a setting that does not exist.

    Args:
        name: The setting's name.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"'%{name}%' does not resolve to a value: no app setting {name!r}")
        self.name = name


@dataclass(frozen=True, kw_only=True)
class LocalSettings:
    """The content of `local.settings.json`; all defaults when there is no such file.

    Attributes:
        values: App settings, by name.
        port: `Host.LocalHttpPort`.
        cors: Allowed origins of `Host.CORS`; `*` allows every one.
        cors_credentials: `Host.CORSCredentials`.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    port: int = _DEFAULT_PORT
    cors: tuple[str, ...] = ()
    cors_credentials: bool = False


def read_local_settings(app_dir: Path) -> LocalSettings:
    """Return the settings in the app's `local.settings.json`.

    Raises:
        AppError: the file is not JSON, is encrypted, or a part of it has the wrong shape.
    """
    path = app_dir / FILE_NAME
    if not path.is_file():
        return LocalSettings()
    try:
        content = json_object(path)
    except ValueError as error:
        raise AppError(f"{FILE_NAME} {error}") from error
    if content.get("IsEncrypted"):
        raise AppError(
            f"{FILE_NAME} is encrypted (IsEncrypted is true), which only Core Tools can read: "
            "run `func settings decrypt`, or set IsEncrypted to false and write the values in clear"
        )
    host = _mapping(content, "Host")
    return LocalSettings(
        values=_values(_mapping(content, "Values")),
        port=_port(host),
        cors=tuple(
            o.strip().rstrip("/") for o in str(host.get("CORS", "")).split(",") if o.strip()
        ),
        cors_credentials=bool(host.get("CORSCredentials", False)),
    )


def _mapping(content: dict[str, Any], name: str) -> dict[str, Any]:
    part = content.get(name) or {}
    if not isinstance(part, dict):
        raise AppError(f"{FILE_NAME}: {name!r} must be an object")
    return part


def _values(part: dict[str, Any]) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, value in part.items():
        if isinstance(value, dict | list):
            raise AppError(
                f"{FILE_NAME}: Values.{name} must be a string, not an object or a list; "
                "write nested settings as Section__Name"
            )
        values[name] = _text(value)
    return values


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _port(host: dict[str, Any]) -> int:
    port = host.get("LocalHttpPort", _DEFAULT_PORT)
    try:
        return int(port)
    except (TypeError, ValueError) as error:
        raise AppError(f"{FILE_NAME}: Host.LocalHttpPort is not a port: {port!r}") from error


def resolve(text: str, environment: Mapping[str, str]) -> str:
    """Return `text` with each `%SETTING%` replaced by the setting's value.

    Raises:
        MissingSettingError: a setting it names does not exist.
    """

    def value_of(match: re.Match[str]) -> str:
        name = match.group(1)
        value = lookup(environment, name)
        if value is None:
            raise MissingSettingError(name)
        return value

    return _EXPRESSION.sub(value_of, text)


def lookup(environment: Mapping[str, str], name: str) -> str | None:
    """Return the setting as .NET configuration finds it: `A:B` is `A__B`, and case is ignored."""
    wanted = name.replace(":", "__")
    if wanted in environment:
        return environment[wanted]
    folded = wanted.casefold()
    return next((value for key, value in environment.items() if key.casefold() == folded), None)
