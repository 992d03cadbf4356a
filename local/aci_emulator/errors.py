"""Refusals in ARM's shape, and those that belong to no resource kind.

ArmError            what a client sees as `{"error": {"code", "message"}}`
 └─ ConnectionCut   not an answer at all: the connection is closed (a fault)

Each resource kind has its own `errors.py` with the refusals it knows, in Azure's wording.
"""

from __future__ import annotations

from dataclasses import dataclass
from string import Formatter
from typing import Any

_LONGEST_PART = 512


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
        """Return the `error` object alone, as operations carry it."""
        head = {} if self.code is None else {"code": self.code}
        return {**head, "message": self.message}

    def body(self) -> Any:
        """Return the body of the answer."""
        return {"error": self.detail()} if self._body is None else self._body


def caller_refused(why: str) -> ArmError:
    """Return the refusal of what another site's page has sent. Ours: ARM has no such thing."""
    text = f"{why}; --allow-host allows another name."
    return ArmError(status=403, code="CallerRefused", message=text)


def admin_path_unknown() -> ArmError:
    """Return the refusal of who does not know the admin API's path. Ours, too."""
    text = (
        "The admin API answers below the URL in ACI_EMULATOR_ADMIN of the state folder's env file."
    )
    return ArmError(status=403, code="AdminPathUnknown", message=text)


class ConnectionCut(Exception):  # noqa: N818 - an event on the wire, not an error of ours
    """The connection is to be closed without an answer."""


@dataclass(frozen=True)
class Refusal:
    """A kind of refusal: called with the parts of its text, in their order, it is the error."""

    code: str
    text: str
    status: int = 400

    def __call__(self, *parts: object) -> ArmError:
        """Return the error that says this of these parts; what a client sent is cut to a length."""
        names = dict.fromkeys(name for _, name, _, _ in Formatter().parse(self.text) if name)
        shown = [part[:_LONGEST_PART] if isinstance(part, str) else part for part in parts]
        message = self.text.format(**dict(zip(names, shown, strict=True)))
        return ArmError(status=self.status, code=self.code, message=message)


# The body is not JSON, or a value has the wrong type.
invalid_content = Refusal(
    "InvalidRequestContent",
    "The request content was invalid and could not be deserialized: '{problem}'.",
)
content_too_large = Refusal(
    "RequestContentTooLarge",
    "Request content size exceeds the maximum size of {limit_bytes} bytes.",
    413,
)
bad_request = Refusal("BadRequest", "{problem}")
api_version_missing = Refusal(
    "MissingApiVersionParameter",
    "The api-version query parameter (?api-version=) is required for all requests.",
)
api_version_unknown = Refusal(
    "InvalidApiVersionParameter",
    "The api-version '{version}' is invalid. The supported versions are '{known}'.",
)
subscription_not_found = Refusal(
    "SubscriptionNotFound", "The subscription '{subscription}' could not be found.", 404
)
resource_group_not_found = Refusal(
    "ResourceGroupNotFound", "Resource group '{name}' could not be found.", 404
)
not_registered = Refusal(
    "MissingSubscriptionRegistration",
    "The subscription is not registered to use namespace 'Microsoft.ContainerInstance'. See "
    "https://aka.ms/rps-not-found for how to register subscriptions.",
    409,
)
path_not_found = Refusal(
    "InvalidResourceType",
    "The path '{path}' names no resource type the emulator knows (see its support matrix).",
    404,
)
# Azure has it, the emulator does not, and says so.
unsupported = Refusal(
    "NotSupportedByEmulator", "{what} is not supported by the emulator (see its support matrix)."
)
# The emulator itself failed; its console has the reason.
internal = Refusal(
    "InternalServerError",
    "Encountered an internal server error. The tracking activity id is '{activity_id}', "
    "correlation id is '{activity_id}'.",
    500,
)


def method_not_allowed(method: str, allowed: tuple[str, ...]) -> ArmError:
    """Refuse a method that its path does not have."""
    return ArmError(
        status=405,
        code="MethodNotAllowed",
        message=f"The HTTP method '{method[:20]}' is not supported at this path.",
        headers={"Allow": ", ".join(allowed)},
    )


_USUAL = {
    400: ("BadRequest", "The request is invalid."),
    401: ("AuthenticationFailed", "Authentication failed."),
    403: (
        "AuthorizationFailed",
        "The client does not have authorization to perform the action over the scope.",
    ),
    404: (
        "ResourceNotFound",
        "The Resource was not found. See https://aka.ms/ARMResourceNotFoundFix for more.",
    ),
    409: ("Conflict", "The request conflicts with another one."),
    429: ("TooManyRequests", "The request is being throttled. Please retry later."),
    502: ("BadGateway", "The gateway did not receive a response from the resource provider."),
    503: ("ServiceUnavailable", "The service is temporarily unavailable. Please retry later."),
    504: (
        "GatewayTimeout",
        "The gateway did not receive a response from 'Microsoft.ContainerInstance' in time.",
    ),
}


def usual(status: int) -> ArmError:
    """Return what ARM says with a status when nothing more is known."""
    code, message = _USUAL.get(
        status, ("InternalServerError", "Encountered an internal server error.")
    )
    return ArmError(status=status, code=code, message=message)
