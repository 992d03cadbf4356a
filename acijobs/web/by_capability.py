"""The job API for those who hold a job's capability instead of a key of the app."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from acijobs.domain.errors import InvalidSettingsError, StorageError
from acijobs.domain.job_id import is_valid
from acijobs.security.capability import Verb
from acijobs.usecases.telemetry import NO_INVOCATION
from acijobs.web.job_events import take_events
from acijobs.web.jobs import cancel_job, read_job
from acijobs.web.links import Caller
from acijobs.web.logs import read_logs
from acijobs.web.problem import problem
from acijobs.web.rerun import rerun_job

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import azure.functions as func

    from acijobs.instances import Instances
    from acijobs.security.capability import Capability
    from acijobs.settings.jobs import DefaultJobSettings
    from acijobs.settings.web import WebSettings
    from acijobs.usecases.ports import Outside
    from acijobs.usecases.telemetry import Invocation
    from acijobs.web.live_logs import LiveLogs
    from acijobs.web.pace import Pace

    Handler = Callable[[func.HttpRequest, "Behind", Capability], Awaitable[func.HttpResponse]]


@dataclass(frozen=True, kw_only=True)
class Behind:
    """What the doors open to.

    Attributes:
        instances: The engine's instances.
        outside: All of the outside.
        readers: The same for readers of logs, who wait for no Azure that is busy.
        live: What reads logs while they grow.
        pace: How often what a job tells of its progress is written.
        read_settings: Returns the operator's default job, provided that all settings are right.
        web: The addresses of the app.
        invocation: The invocation that opens one, by which what is done is shown.
    """

    instances: Instances
    outside: Outside
    readers: Outside
    live: LiveLogs
    pace: Pace
    read_settings: Callable[[], DefaultJobSettings]
    web: WebSettings
    invocation: Invocation = NO_INVOCATION


async def _read(request: func.HttpRequest, behind: Behind, _: Capability) -> func.HttpResponse:
    url = behind.web.public_url
    return await read_job(request, behind.instances, behind.outside, public_url=url)


async def _read_logs(request: func.HttpRequest, behind: Behind, _: Capability) -> func.HttpResponse:
    with behind.invocation.span("logs"):
        return await read_logs(request, behind.readers, behind.live)


async def _cancel(request: func.HttpRequest, behind: Behind, _: Capability) -> func.HttpResponse:
    with behind.invocation.span("cancel"):
        return await cancel_job(request, behind.instances, behind.outside)


async def _take_events(
    request: func.HttpRequest, behind: Behind, _: Capability
) -> func.HttpResponse:
    return await take_events(request, behind.instances, behind.outside, behind.pace)


async def _rerun(request: func.HttpRequest, behind: Behind, held: Capability) -> func.HttpResponse:
    """Run the job again as it is: whoever may change a job may have its secrets printed."""
    if request.get_body().strip():
        detail = "this link runs the job again as it is: send no body; a change needs the app's key"
        return problem(HTTPStatus.FORBIDDEN, detail)
    caller, settings = Caller(web=behind.web, verbs=held.verbs), behind.read_settings
    with behind.invocation.span("start"):
        return await rerun_job(request, behind.instances, behind.outside, settings, caller)


DOORS: dict[str, dict[str, tuple[Verb, Handler]]] = {
    "": {"GET": (Verb.READ, _read), "DELETE": (Verb.CANCEL, _cancel)},
    "logs": {"GET": (Verb.LOGS, _read_logs)},
    "cancel": {"POST": (Verb.CANCEL, _cancel), "DELETE": (Verb.CANCEL, _cancel)},
    "events": {"POST": (Verb.EVENT, _take_events)},
    "rerun": {"POST": (Verb.RERUN, _rerun)},
}
"""By part of the job and method: the verb that is needed, and what is done."""

_HEADERS = {"Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"}
"""The URL is a secret, and what it shows may have been written by anybody's container."""


async def serve(request: func.HttpRequest, behind: Behind) -> func.HttpResponse:
    """Answer as the job API does, if the token in the path allows it.

    Whoever holds no genuine token learns nothing: not even whether there is such a job.
    """
    try:
        held = await asyncio.to_thread(_held, request, behind.outside)
    except StorageError as error:
        detail = f"the job cannot be reached now ({error.message})"
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers={"Retry-After": "5"})
    except InvalidSettingsError as error:
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
    doors = DOORS.get((request.route_params.get("part") or "").lower(), {})
    if held is None or not doors:
        detail = (
            "nothing is here: the link is not whole, has expired, or was withdrawn with its key"
        )
        answer = problem(HTTPStatus.NOT_FOUND, detail)
    else:
        answer = await _opened(request, behind, held, doors)
    answer.headers.setdefault("Cache-Control", "no-store")
    for name, value in _HEADERS.items():
        answer.headers[name] = value
    return answer


def _held(request: func.HttpRequest, outside: Outside) -> Capability | None:
    """Return the capability in the path, if it is one of the job there."""
    job_id, token = request.route_params.get("id", ""), request.route_params.get("token", "")
    if not is_valid(job_id):
        return None
    held = outside.capabilities().read(token, job_id, now=outside.clock.now())
    stored = None if held is None else outside.rows().read(job_id)
    is_of_it = held is not None and stored is not None and held.is_of(stored.row.accepted_at)
    return held if is_of_it else None


async def _opened(
    request: func.HttpRequest,
    behind: Behind,
    held: Capability,
    doors: dict[str, tuple[Verb, Handler]],
) -> func.HttpResponse:
    if request.method not in doors:
        detail = f"{request.method} is not possible here: {' or '.join(doors)} is"
        return problem(HTTPStatus.METHOD_NOT_ALLOWED, detail, headers={"Allow": ", ".join(doors)})
    verb, handler = doors[request.method]
    if verb not in held.verbs:
        allowed = ", ".join(known.name.lower() for known in Verb if known in held.verbs)
        detail = f"this link does not allow {verb.name.lower()}, but {allowed}"
        return problem(HTTPStatus.FORBIDDEN, detail)
    return await handler(request, behind, held)
