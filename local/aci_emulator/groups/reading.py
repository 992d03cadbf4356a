"""Typed access to a JSON body: a value of the wrong type is refused with its path, as ARM does."""

from __future__ import annotations

import math
from typing import Any

from aci_emulator import errors


class JsonObject:
    """A JSON object and where it is in the body.

    Args:
        value: What stands there.
        path: For messages, e.g. `properties.containers[0]`.
    """

    def __init__(self, value: Any, path: str = "") -> None:
        if not isinstance(value, dict):
            raise _wrong(path or "the request body", "an object", value)
        self.raw: dict[str, Any] = value
        self._path = path

    def at(self, key: str) -> str:
        """Return the path of a member."""
        return f"{self._path}.{key}" if self._path else key

    def text(self, key: str) -> str | None:
        """Return the member as a string, None when it is absent or null."""
        value = self.raw.get(key)
        if value is None or isinstance(value, str):
            return value
        raise _wrong(self.at(key), "a string", value)

    def number(self, key: str) -> float | None:
        """Return the member as a finite number, None when it is absent or null."""
        value = self.raw.get(key)
        if value is None:
            return None
        # Decimal strings are taken as numbers, as the service's own deserialiser does.
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise _wrong(self.at(key), "a number", value)
        try:
            number = float(value)
        except (ValueError, OverflowError):
            raise _wrong(self.at(key), "a number", value) from None
        if not math.isfinite(number):
            raise _wrong(self.at(key), "a finite number", value)
        return number

    def flag(self, key: str) -> bool:
        """Return the member as a boolean; absent is False."""
        value = self.raw.get(key)
        if value is None or isinstance(value, bool):
            return bool(value)
        raise _wrong(self.at(key), "a boolean", value)

    def member(self, key: str) -> JsonObject | None:
        """Return the member as an object, None when it is absent or null."""
        value = self.raw.get(key)
        return None if value is None else JsonObject(value, self.at(key))

    def objects(self, key: str) -> list[JsonObject]:
        """Return the member as a list of objects; absent is empty."""
        return [
            JsonObject(value, f"{self.at(key)}[{index}]")
            for index, value in enumerate(self.values(key) or [])
        ]

    def texts(self, key: str) -> tuple[str, ...] | None:
        """Return the member as a list of strings, None when it is absent or null."""
        values = self.values(key)
        for index, value in enumerate(values or []):
            if not isinstance(value, str):
                raise _wrong(f"{self.at(key)}[{index}]", "a string", value)
        return None if values is None else tuple(values)

    def values(self, key: str) -> list[Any] | None:
        """Return the member as a list, None when it is absent or null."""
        value = self.raw.get(key)
        if value is None or isinstance(value, list):
            return value
        raise _wrong(self.at(key), "an array", value)

    def text_map(self, key: str) -> dict[str, str]:
        """Return the member as an object of strings; absent is empty."""
        member = self.member(key)
        found: dict[str, str] = {}
        for name in member.raw if member else ():
            assert member is not None
            found[name] = member.text(name) or ""
        return found


def _wrong(path: str, wanted: str, value: Any) -> errors.ArmError:
    shown = "null" if value is None else type(value).__name__
    return errors.invalid_content(f"{path[:200]} must be {wanted}, not {shown}")
