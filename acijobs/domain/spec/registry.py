"""The registry that a job's images are pulled from."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from acijobs.domain.spec.model import SpecModel, told_as, told_to_have
from acijobs.domain.spec.resource_id import IdentityId
from acijobs.domain.spec.secret import Secret
from acijobs.domain.spec.text import Text
from acijobs.domain.spec.wrong import wrong

_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_SERVER = re.compile(rf"{_LABEL}(?:\.{_LABEL})*(?::[0-9]{{1,5}})?")


def _is_server(value: str) -> str:
    if not _SERVER.fullmatch(value):
        raise wrong("must be a host without scheme or path, like 'my.azurecr.io'")
    return value


class Registry(SpecModel):
    """A registry and how to log in there: by an identity, or with a user and a secret.

    Attributes:
        server: The registry's host.
        identity: Id of a user-assigned identity that may pull; Azure takes no system-assigned one here.
        user: A user of the registry.
        secret: Their password.

    Source: container-instances-using-azure-container-registry-mi, learn.microsoft.com.
    """

    model_config = told_to_have(("identity",), ("user", "secret"))

    server: Annotated[
        str,
        Field(max_length=253),
        AfterValidator(_is_server),
        told_as(_SERVER, most_chars=253),
    ]
    identity: IdentityId | None = None
    user: Annotated[Text, Field(min_length=1, max_length=256)] | None = None
    secret: Secret | None = None

    @model_validator(mode="after")
    def _has_one_way_in(self) -> Self:
        has_user, has_secret = self.user is not None, self.secret is not None
        if self.identity is not None and (has_user or has_secret):
            raise wrong("must have either 'identity', or 'user' and 'secret'; it has both")
        if self.identity is None and not (has_user or has_secret):
            raise wrong("must have 'identity', or 'user' and 'secret'")
        if self.identity is None and has_user != has_secret:
            missing, given = ("secret", "user") if has_user else ("user", "secret")
            raise wrong(f"is required beside '{given}'", of=[missing])
        return self
