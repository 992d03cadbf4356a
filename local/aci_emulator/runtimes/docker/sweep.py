"""Removing everything in an engine that carries a label."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any

from docker.errors import APIError, NotFound
from requests.exceptions import RequestException

if TYPE_CHECKING:
    from aci_emulator.runtimes.docker.engine import Engine

_log = logging.getLogger(__name__)
_ROUNDS = 20
_BETWEEN_ROUNDS_S = 0.1


async def remove_labelled(engine: Engine, label: str, role_label: str) -> None:
    """Remove every container and volume with the label; the log names what stays.

    Args:
        engine: The engine.
        label: `name=value`.
        role_label: The label that tells holders, which must go after those in their network.
    """
    filters = {"label": [label]}
    left: list[str] = []
    for _ in range(_ROUNDS):
        try:
            left = await _remove_containers(engine, filters, role_label)
            left += await _remove_volumes(engine, filters)
        except RequestException as error:
            left = [f"it does not answer: {error}"]
        if not left:
            return
        # An engine that is just removing one of them refuses for a moment.
        await asyncio.sleep(_BETWEEN_ROUNDS_S)
    _log.error("the engine would not remove: %s", "; ".join(left))


async def _remove_containers(engine: Engine, filters: dict[str, Any], role_label: str) -> list[str]:
    found = await engine.call(engine.api.containers, all=True, filters=filters)
    holders = [one["Id"] for one in found if one["Labels"].get(role_label) == "holder"]
    others = [one["Id"] for one in found if one["Id"] not in holders]
    left: list[str] = []
    for ids in (others, holders):
        refusals = await asyncio.gather(
            *(engine.call(_remove_container, engine.api, one) for one in ids)
        )
        left += [refusal for refusal in refusals if refusal]
    return left


async def _remove_volumes(engine: Engine, filters: dict[str, Any]) -> list[str]:
    found = await engine.call(engine.api.volumes, filters=filters)
    names = [volume["Name"] for volume in found.get("Volumes") or ()]
    refusals = await asyncio.gather(
        *(engine.call(_remove_volume, engine.api, name) for name in names)
    )
    return [refusal for refusal in refusals if refusal]


def _remove_container(api: Any, container_id: str) -> str | None:
    # Killed first: a forced removal gives the container its grace on some engines.
    with contextlib.suppress(APIError):
        api.kill(container_id, "SIGKILL")
    try:
        api.remove_container(container_id, v=True, force=True)
    except NotFound:
        return None
    except APIError as error:
        return f"container {container_id[:12]}: {error.explanation or error}"
    return None


def _remove_volume(api: Any, name: str) -> str | None:
    try:
        api.remove_volume(name, force=True)
    except NotFound:
        return None
    except APIError as error:
        return f"volume {name}: {error.explanation or error}"
    return None
