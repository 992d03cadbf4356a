"""Settings of callbacks: what they are signed with, and which hosts are trusted."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from acijobs.domain.callback.receiver import read_trusted
from acijobs.domain.callback.signing import KEY_RULE, read_key
from acijobs.settings.concern import Concern


def _is_key(value: str) -> str:
    read_key(value)
    return value


def _is_list_of_hosts(value: str) -> str:
    read_trusted(value)
    return value


class CallbackSettings(Concern):
    """Callbacks.

    Attributes:
        secret: `CallbackSecret`: the key of jobs that bring none; empty where each must.
        trusted_hosts: `CallbackTrustedHosts`: hosts, each with or without a port, that are called over
            http too, at any port and at any address: for a receiver in the app's own network, or on
            this machine.
    """

    secret: Annotated[str, AfterValidator(_is_key)] = Field(
        "", alias="CallbackSecret", description=f"a key: {KEY_RULE}", repr=False
    )
    trusted_hosts: Annotated[str, AfterValidator(_is_list_of_hosts)] = Field(
        "",
        alias="CallbackTrustedHosts",
        description="a list of hosts like 'hooks.internal, 127.0.0.1:9000'",
    )

    @property
    def trusted(self) -> frozenset[str]:
        """The trusted hosts."""
        return read_trusted(self.trusted_hosts)
