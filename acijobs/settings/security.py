"""Settings of secrets: the keys that seal them, and where else they may come from."""

from __future__ import annotations

import base64
import binascii
from typing import Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from acijobs.settings.concern import Concern

_KEY_BYTES = 32
_HOW = (
    "python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())' "
    "makes one"
)


class SealSettings(Concern):
    """The keys that seal secret values, and that capabilities are signed with.

    Attributes:
        given_keys: `SealKeys`: Fernet keys with commas between them, the newest first; empty for none.
    """

    given_keys: str = Field(
        "",
        alias="SealKeys",
        description="a list of Fernet keys with commas between them",
        repr=False,
    )

    @model_validator(mode="after")
    def _each_is_a_key(self) -> Self:
        keys = self.keys
        wrong = [str(at) for at, key in enumerate(keys, 1) if not _is_key(key)]
        if wrong:
            raise PydanticCustomError(
                "seal_keys",
                "SealKeys holds what is not a Fernet key, 32 bytes in URL-safe base64: number {which} "
                "of {count}; {how}",
                {"which": ", ".join(wrong), "count": len(keys), "how": _HOW},
            )
        return self

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys, the newest first."""
        return tuple(key for part in self.given_keys.split(",") if (key := part.strip()))


class SecretSettings(Concern):
    """Which app settings a job may name for its secrets.

    Attributes:
        setting_prefix: `SecretSettingPrefix`: how the names of such settings begin, so that a job
            cannot be given the app's own.
    """

    setting_prefix: str = Field(
        "JobSecret_",
        alias="SecretSettingPrefix",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]{2,}$",
        description="the beginning of a setting's name, of 3 or more letters, digits and '_'",
    )


class CapabilitySettings(Concern):
    """The capability URLs of jobs.

    Attributes:
        days: `CapabilityDays`: how long one is good; None for as long as its key is.
    """

    days: float | None = Field(
        None,
        alias="CapabilityDays",
        gt=0,
        le=3650,
        allow_inf_nan=False,
        description="a number of days above 0 and up to 3650",
    )


def _is_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text, altchars=b"-_", validate=True)) == _KEY_BYTES
    except (binascii.Error, ValueError):
        return False
