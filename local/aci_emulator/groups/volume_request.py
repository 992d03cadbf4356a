"""From the volumes of a PUT's body to `Volume`s, or the refusal Azure would give."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any

from aci_emulator.errors import invalid_content
from aci_emulator.groups import errors
from aci_emulator.runtimes.contract import Volume

if TYPE_CHECKING:
    from aci_emulator.groups.reading import JsonObject

# The documents say 5 to 63 characters; `logs` is accepted all the same (azurerm's acceptance tests).
_VOLUME_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")
_VOLUME_KINDS = ("azureFile", "emptyDir", "secret", "gitRepo")


def parse_volumes(properties: JsonObject, group: str) -> tuple[Volume, ...]:
    """Return the volumes the emulator knows; of the others only the form is checked.

    Raises:
        ArmError: the first thing that is wrong with them.
    """
    found: list[Volume] = []
    for entry in properties.objects("volumes"):
        name = entry.text("name") or ""
        if not _VOLUME_NAME.match(name):
            raise errors.invalid_volume_name(name)
        kinds = [kind for kind in _VOLUME_KINDS if entry.raw.get(kind) is not None]
        if len(kinds) != 1:
            raise errors.volume_invalid(name, group)
        if kinds == ["emptyDir"]:
            entry.member("emptyDir")
            found.append(Volume(name=name, kind="emptyDir"))
        elif kinds == ["secret"]:
            found.append(Volume(name=name, kind="secret", files=_secret_files(entry)))
        else:
            entry.member(kinds[0])
    return tuple(found)


def _secret_files(entry: JsonObject) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for file_name, encoded in entry.text_map("secret").items():
        if not file_name or "/" in file_name or "\\" in file_name or file_name in (".", ".."):
            raise invalid_content(f"{entry.at('secret')} has a key that is no file name")
        try:
            files[file_name] = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            raise invalid_content(f"{entry.at('secret')}.{file_name} is not base64") from None
    return files


def unsupported_volumes(properties: JsonObject) -> tuple[dict[str, Any], ...]:
    """Return, as given, the volumes that no runtime has."""
    return tuple(
        entry.raw
        for entry in properties.objects("volumes")
        if entry.raw.get("azureFile") is not None or entry.raw.get("gitRepo") is not None
    )
