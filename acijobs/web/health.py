"""How the app is: whether it is up, and whether all that it depends on is there for it."""

from __future__ import annotations

import asyncio
import logging
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from acijobs.domain.errors import InvalidSettingsError, ServiceError, UnwellError
from acijobs.domain.public_text import public_text
from acijobs.log_lines import tell, words_of
from acijobs.version import VERSION
from acijobs.web.problem import json_response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import azure.functions as func

PATIENCE_S = 15.0
"""How long one check may take: a slow answer of Azure is in time, and whoever asks does not give up."""

_MAX_PROBLEM_CHARS = 500
_UNCACHED = {"Cache-Control": "no-store"}


def answer_up() -> func.HttpResponse:
    """Answer that this process runs, and which release it is; nothing is asked of anybody."""
    return json_response(HTTPStatus.OK, {"status": "up", "version": VERSION}, _UNCACHED)


async def answer_depth(
    checks: Mapping[str, Callable[[], None]], *, patience_s: float = PATIENCE_S
) -> func.HttpResponse:
    """Answer how each part is that the app depends on: 200 if all are well, else 503.

    Args:
        checks: By the part's name, what returns if the part is well, and raises what is wrong with it.
        patience_s: How long one of them may take; all are made at once.
    """
    made = (_checked(part, check, patience_s) for part, check in checks.items())
    shown = dict(zip(checks, await asyncio.gather(*made), strict=True))
    is_well = all(one["ok"] for one in shown.values())
    status = HTTPStatus.OK if is_well else HTTPStatus.SERVICE_UNAVAILABLE
    body = {"status": "up" if is_well else "down", "version": VERSION, "checks": shown}
    return json_response(status, body, _UNCACHED)


async def _checked(part: str, check: Callable[[], None], patience_s: float) -> dict[str, Any]:
    started = time.monotonic()
    problems = await _problems(part, check, patience_s)
    seconds = round(time.monotonic() - started, 3)
    return {"ok": not problems, "seconds": seconds, "problems": problems}


async def _problems(part: str, check: Callable[[], None], patience_s: float) -> list[str]:
    try:
        await asyncio.wait_for(asyncio.to_thread(check), patience_s)
    except TimeoutError:
        return [f"did not answer within {patience_s:g} s"]
    except InvalidSettingsError as error:
        return list(error.problems)
    except UnwellError as error:
        return [public_text(problem)[:_MAX_PROBLEM_CHARS] for problem in error.problems]
    except ServiceError as error:
        return [public_text(f"{error.code}: {error.message}")[:_MAX_PROBLEM_CHARS]]
    except Exception as error:  # noqa: BLE001 - whatever it is, the part is not well
        tell("notWell", level=logging.ERROR, part=part, message=words_of(error))
        return [f"{type(error).__name__}: see the app's log"]
    return []
