"""Azure's errors, sorted into those worth asking again and those not."""

from __future__ import annotations

import math
from http import HTTPStatus

from azure.core.exceptions import AzureError, HttpResponseError

from acijobs.domain.errors import BusyError, RefusedError, ServiceError
from acijobs.domain.public_text import without_paths

_BUSY_CODES = frozenset(
    {
        "ContainerGroupDeploymentNotReady",
        "ContainerGroupQuotaReached",
        "ContainerGroupTransitioning",
        "InternalServerError",
        "RegistryErrorResponse",
        "ServiceUnavailable",
        "SubscriptionRequestsThrottled",
        "TooManyRequests",
    }
)
"""Errors that a later attempt may mend: quota is freed, capacity returns, a transition ends.

Source: learn.microsoft.com, container-instances-troubleshooting; recorded ARM answers. The service
sends capacity errors as 409, so the status alone decides nothing below 500.
"""

_NO_CAPACITY = "ServiceUnavailable"

_BUSY_STATUSES = frozenset({401, 408, 429})
"""401 too: the token was withdrawn early, and the next attempt has a new one."""

_NOT_DONE_STATUSES = frozenset({HTTPStatus.SERVICE_UNAVAILABLE})
"""Answers above 499 that say that nothing was done; after others the request may have worked."""

_BRIEF_STATUSES = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
"""Statuses of what may well be over in some seconds; out of capacity or quota (409) is not."""


def service_error(error: AzureError) -> ServiceError:
    """Return the error as acijobs sees it; network and credential failures are worth asking again."""
    if not isinstance(error, HttpResponseError) or error.status_code is None:
        message = without_paths(str(error.message))  # of certificates, credentials and the like
        return BusyError(type(error).__name__, message, is_brief=True)
    code = (error.error.code if error.error else None) or f"HTTP {error.status_code}"
    message = (error.error.message if error.error else None) or str(error.message)
    status = error.status_code
    if status == HTTPStatus.SERVICE_UNAVAILABLE and code == _NO_CAPACITY:
        code = f"HTTP {status}"  # ARM's front is down; where there is no capacity, it is a 409
    if (
        status in _BUSY_STATUSES
        or status >= HTTPStatus.INTERNAL_SERVER_ERROR
        or code in _BUSY_CODES
    ):
        return BusyError(
            code,
            message,
            retry_after_s=_retry_after_s(error),
            is_refused=status < HTTPStatus.INTERNAL_SERVER_ERROR or status in _NOT_DONE_STATUSES,
            is_brief=status in _BRIEF_STATUSES,
        )
    return RefusedError(code, message)


def _retry_after_s(error: HttpResponseError) -> float | None:
    headers = getattr(error.response, "headers", {})
    try:
        seconds = float(headers["Retry-After"])
    except (KeyError, ValueError):
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
