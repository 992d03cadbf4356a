"""Azure's errors, sorted into those worth asking again and those not."""

from __future__ import annotations

import math

from azure.core.exceptions import AzureError, HttpResponseError

from acijobs.domain.errors import BusyError, RefusedError, ServiceError

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
"""What a later attempt may mend: quota is freed, capacity returns, a transition ends.

Source: learn.microsoft.com, container-instances-troubleshooting; recorded ARM answers. The service
sends capacity errors as 409, so the status alone decides nothing below 500.
"""

_BUSY_STATUSES = frozenset({401, 408, 429})
"""401 too: the token was withdrawn early, and the next attempt has a new one."""


def service_error(error: AzureError) -> ServiceError:
    """Return the error as acijobs sees it; network and credential failures are worth asking again."""
    if not isinstance(error, HttpResponseError) or error.status_code is None:
        return BusyError(type(error).__name__, str(error.message))
    code = (error.error.code if error.error else None) or f"HTTP {error.status_code}"
    message = (error.error.message if error.error else None) or str(error.message)
    busy_status = error.status_code in _BUSY_STATUSES or error.status_code >= 500  # noqa: PLR2004
    if busy_status or code in _BUSY_CODES:
        return BusyError(code, message, retry_after_s=_retry_after_s(error))
    return RefusedError(code, message)


def _retry_after_s(error: HttpResponseError) -> float | None:
    headers = getattr(error.response, "headers", {})
    try:
        seconds = float(headers["Retry-After"])
    except (KeyError, ValueError):
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
