"""The containers beside the job's own: those before it, and those at its side."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from acijobs.domain.spec.command import Command
from acijobs.domain.spec.container_name import OtherContainerName
from acijobs.domain.spec.environment import Environment, VariableName
from acijobs.domain.spec.image import Image
from acijobs.domain.spec.model import SpecModel
from acijobs.domain.spec.resources import Cpu, MemoryGb
from acijobs.domain.spec.secret import Secret
from acijobs.domain.spec.wrong import wrong

Secrets = dict[VariableName, Secret]
"""Secret variables by their names; Azure does not show them."""

ALSO_IN_ENVIRONMENT = "is in 'environment' too: a variable has one value"


class _Container(SpecModel):
    name: OtherContainerName
    image: Image
    command: Command = None
    environment: Environment = Field(default_factory=dict)
    secrets: Secrets = Field(default_factory=dict)

    @model_validator(mode="after")
    def _has_each_variable_once(self) -> Self:
        if twice := self.environment.keys() & self.secrets.keys():
            raise wrong(ALSO_IN_ENVIRONMENT, of=[("secrets", name) for name in sorted(twice)])
        return self


class InitContainer(_Container):
    """A container that runs, and must succeed, before the others start.

    Attributes:
        name: Its name in the group.
        image: Image reference.
        command: Executable and arguments; None runs the image's entry point.
        environment: Variables.
        secrets: Secret variables.
    """


class Sidecar(_Container):
    """A container beside the job's own; nobody waits for it, and the job's result is not its.

    Attributes:
        name: Its name in the group.
        image: Image reference.
        command: Executable and arguments; None runs the image's entry point.
        environment: Variables.
        secrets: Secret variables.
        cpu: Cores requested.
        memory_gb: GB of memory requested.
    """

    cpu: Cpu
    memory_gb: MemoryGb
