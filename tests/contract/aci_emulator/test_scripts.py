"""What scripted containers show of what they were given."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from azure.mgmt.containerinstance.models import EnvironmentVariable

from aci_emulator_targets import container, group_of

if TYPE_CHECKING:
    from aci_emulator_targets import EmulatorTarget

_RG = "acijobs"


def test_a_script_proves_a_secret_without_showing_it(emulated: EmulatorTarget) -> None:
    """Of each variable that matches it prints the name and the SHA-256, before its lines."""
    given = [
        EnvironmentVariable(name="DB_PASSWORD", secure_value="s3cret"),
        EnvironmentVariable(name="OTHER", value="x"),
    ]
    main = container(command=["script", "digest_of=DB_*", "lines=1"], environment=given)
    emulated.client.container_groups.begin_create_or_update(
        _RG, "job", group_of(main), polling_interval=0
    ).result()
    emulated.pass_time(2)
    digest = hashlib.sha256(b"s3cret").hexdigest()
    text = emulated.client.containers.list_logs(_RG, "job", "main").content
    assert text == f"DB_PASSWORD {digest}\nline 1\n"
