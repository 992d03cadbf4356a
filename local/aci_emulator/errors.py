"""Refusals in ARM's shape, and those that belong to no resource kind.

ArmError            what a client sees as `{"error": {"code", "message"}}`
 └─ ConnectionCut   not an answer at all: the connection is closed (a fault)

Each resource kind has its own `errors.py` with functions that return an `ArmError` in Azure's wording.
"""

from __future__ import annotations

from typing import Any


class ArmError(Exception):
    """A refusal as ARM or the resource provider words it.

    Args:
        status: HTTP status.
        code: `error.code`; None leaves it out (the live capacity failure has none).
        message: `error.message`.
        retry_after_s: Sent as `Retry-After` when given.
        headers: Further response headers.
        body: The whole body, in place of the usual shape.
    """

    def __init__(  # noqa: PLR0913 - the parts of an HTTP answer, all by keyword
        self,
        *,
        status: int,
        code: str | None,
        message: str,
        retry_after_s: float | None = None,
        headers: dict[str, str] | None = None,
        body: Any = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})
        if retry_after_s is not None:
            self.headers["Retry-After"] = f"{retry_after_s:g}"
        self._body = body

    def detail(self) -> dict[str, str]:
        """The `error` object alone, as operations carry it."""
        head = {} if self.code is None else {"code": self.code}
        return {**head, "message": self.message}

    def body(self) -> Any:
        """The body of the answer."""
        return {"error": self.detail()} if self._body is None else self._body


class ConnectionCut(Exception):  # noqa: N818 - an event on the wire, not an error of ours
    """The connection is to be closed without an answer."""


def invalid_content(message: str) -> ArmError:
    """The body is not JSON, or a value has the wrong type."""
    return ArmError(
        status=400,
        code="InvalidRequestContent",
        message=f"The request content was invalid and could not be deserialized: '{message}'.",
    )


def content_too_large(limit_bytes: int) -> ArmError:
    """The body is over ARM's limit."""
    return ArmError(
        status=413,
        code="RequestContentTooLarge",
        message=f"Request content size exceeds the maximum size of {limit_bytes} bytes.",
    )


def bad_request(message: str) -> ArmError:
    """The request is not HTTP as the service understands it."""
    return ArmError(status=400, code="BadRequest", message=message)


def api_version_missing() -> ArmError:
    """No `api-version` in the query."""
    return ArmError(
        status=400,
        code="MissingApiVersionParameter",
        message="The api-version query parameter (?api-version=) is required for all requests.",
    )


def api_version_unknown(version: str, known: tuple[str, ...]) -> ArmError:
    """An `api-version` the emulator does not serve."""
    return ArmError(
        status=400,
        code="InvalidApiVersionParameter",
        message=f"The api-version '{version}' is invalid. "
        f"The supported versions are '{','.join(known)}'.",
    )


def subscription_not_found(subscription: str) -> ArmError:
    """Another subscription than the configured one."""
    return ArmError(
        status=404,
        code="SubscriptionNotFound",
        message=f"The subscription '{subscription}' could not be found.",
    )


def resource_group_not_found(name: str) -> ArmError:
    """A resource group that is not configured."""
    return ArmError(
        status=404,
        code="ResourceGroupNotFound",
        message=f"Resource group '{name}' could not be found.",
    )


def not_registered() -> ArmError:
    """The subscription is not registered for the namespace."""
    return ArmError(
        status=409,
        code="MissingSubscriptionRegistration",
        message="The subscription is not registered to use namespace "
        "'Microsoft.ContainerInstance'. See https://aka.ms/rps-not-found for how to register "
        "subscriptions.",
    )


def path_not_found(path: str) -> ArmError:
    """No such path, in ARM or in the emulator."""
    return ArmError(
        status=404,
        code="InvalidResourceType",
        message=f"The path '{path[:200]}' names no resource type the emulator knows "
        "(see its support matrix).",
    )


def method_not_allowed(method: str, allowed: tuple[str, ...]) -> ArmError:
    """The path is known, the method is not."""
    return ArmError(
        status=405,
        code="MethodNotAllowed",
        message=f"The HTTP method '{method[:20]}' is not supported at this path.",
        headers={"Allow": ", ".join(allowed)},
    )


def unsupported(what: str) -> ArmError:
    """Azure has it, the emulator does not, and says so."""
    return ArmError(
        status=400,
        code="NotSupportedByEmulator",
        message=f"{what} is not supported by the emulator (see its support matrix).",
    )


def internal(activity_id: str) -> ArmError:
    """The emulator itself failed; its console has the reason."""
    return ArmError(
        status=500,
        code="InternalServerError",
        message="Encountered an internal server error. The tracking activity id is "
        f"'{activity_id}', correlation id is '{activity_id}'.",
    )
