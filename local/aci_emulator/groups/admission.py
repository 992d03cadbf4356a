"""What a request for a container group must pass before anything is created."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aci_emulator import errors as arm
from aci_emulator.groups import errors
from aci_emulator.groups.images import check_image

if TYPE_CHECKING:
    from aci_emulator.fault_rules import FaultRule
    from aci_emulator.faults import FaultPlan
    from aci_emulator.groups.spec import GroupSpec
    from aci_emulator.settings import Images
    from aci_emulator.throttling import Throttle


class Admission:
    """The door of PUT.

    Args:
        throttle: The rate of creates.
        images: What the emulated registries have.
        faults: The rules in force.
        runtime: The name of the runtime that is to run the containers.
    """

    def __init__(
        self, throttle: Throttle, images: Images, faults: FaultPlan, *, runtime: str
    ) -> None:
        self._throttle = throttle
        self._images = images
        self._faults = faults
        self._runtime = runtime

    def admit(self, spec: GroupSpec) -> dict[str, str]:
        """Let a valid request pass; return the headers that say what is left of the rate.

        Raises:
            ArmError: a volume the runtime lacks, the rate, an image.
        """
        if spec.unsupported_volumes and self._runtime != "scripted":
            raise arm.unsupported("A volume of kind 'azureFile' or 'gitRepo'")
        headers = self._throttle.pass_provider("PUT")
        for image in spec.images:
            check_image(image, spec.name, self._images)
        return headers

    def faults_of_new(self, spec: GroupSpec) -> list[FaultRule]:
        """Return the rules that strike a group which is new.

        Raises:
            ArmError: `ServiceUnavailable`, when one of them says so.
        """
        rules = self._faults.for_creation(spec.name)
        if any(rule.kind == "capacity" for rule in rules):
            raise errors.no_capacity(spec.location, spec.cores, spec.memory_gb, spec.os_type)
        return rules
