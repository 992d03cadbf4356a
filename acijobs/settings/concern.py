"""The base of the models of settings, and kinds of values that they share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo


class Concern(BaseModel):
    """The settings of one concern.

    Each field has its setting's name as its alias. Its description completes the sentence "the value is
    not …" for the operator. `repr=False` marks a value that may hold a secret: it is shown nowhere.
    """

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


def names_of(field: FieldInfo) -> list[str]:
    """Return the settings that this field is read from; the first that is set counts."""
    known = field.validation_alias
    return (
        [str(name) for name in known.choices] if isinstance(known, AliasChoices) else [str(known)]
    )


def _https_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme != "https" or not parts.netloc:
        raise ValueError("not an https:// URL")
    return value.rstrip("/")


HttpsUrl = Annotated[str, AfterValidator(_https_url)]
"""An `https://` URL, without a slash at the end."""
