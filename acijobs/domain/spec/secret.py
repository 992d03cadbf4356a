"""A secret of a job: where it is, or what it is, sealed."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic.json_schema import SkipJsonSchema  # noqa: TC002 - pydantic reads it

from acijobs.domain.spec.model import SpecModel, told_as, told_to_have
from acijobs.domain.spec.text import Text
from acijobs.domain.spec.wrong import refuse_unless_one, wrong

Kind = Literal["keyVault", "appSetting", "value", "sealed"]

_VAULT_URL = re.compile(
    r"https://[A-Za-z0-9.-]{1,253}(?::[0-9]{1,5})?"
    r"/secrets/[0-9A-Za-z-]{1,127}(?:/[0-9A-Za-z]{1,64})?/?"
)
"""Source: about-keys-secrets-certificates, object identifiers, learn.microsoft.com/azure/key-vault."""
_SETTING = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


def _is_vault_url(value: str) -> str:
    if not _VAULT_URL.fullmatch(value):
        raise wrong("must be a secret's URL, like 'https://my.vault.azure.net/secrets/name'")
    return value


def _is_setting_name(value: str) -> str:
    if not _SETTING.fullmatch(value):
        raise wrong("must be the name of an app setting, like 'JobSecret_Password'")
    return value


class Secret(SpecModel):
    """A secret; exactly one of its members is there.

    Attributes:
        key_vault: URL of a secret in a key vault; without a version the newest is taken.
        app_setting: Name of an app setting that the operator made for jobs.
        value: The secret itself; it is sealed before anything is stored.
        sealed: Only inside: the sealed value. No request may have it.
    """

    model_config = told_to_have(("keyVault",), ("appSetting",), ("value",))

    key_vault: (
        Annotated[
            str,
            Field(max_length=512),
            AfterValidator(_is_vault_url),
            told_as(_VAULT_URL, most_chars=512),
        ]
        | None
    ) = None
    app_setting: Annotated[str, AfterValidator(_is_setting_name), told_as(_SETTING)] | None = None
    value: Annotated[Text, Field(min_length=1)] | None = None
    sealed: SkipJsonSchema[str | None] = None

    @classmethod
    def of_value(cls, value: str) -> Secret:
        """Return the secret with this value."""
        return cls.model_construct(value=value)

    @classmethod
    def of_sealed(cls, token: str) -> Secret:
        """Return the secret with this sealed value."""
        return cls.model_construct(sealed=token)

    @property
    def kind(self) -> Kind:
        """Which member there is; `value`, an empty one, where a stored secret has none."""
        if self.key_vault is not None:
            return "keyVault"
        if self.app_setting is not None:
            return "appSetting"
        return "value" if self.sealed is None else "sealed"

    @property
    def content(self) -> str:
        """The member's text: a URL, a name, the secret itself or the sealed one."""
        texts = (self.key_vault, self.app_setting, self.value, self.sealed)
        return next((text for text in texts if text is not None), "")

    @property
    def is_reference(self) -> bool:
        """Whether it only says where the secret is."""
        return self.kind in {"keyVault", "appSetting"}

    def __repr__(self) -> str:
        return f"Secret({self.kind})"

    __str__ = __repr__

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        if self.sealed is not None:
            raise wrong(
                "is made by acijobs: send 'keyVault', 'appSetting' or 'value'", of=["sealed"]
            )
        refuse_unless_one(
            {"keyVault": self.key_vault, "appSetting": self.app_setting, "value": self.value}
        )
        return self
